// How keys are spread: over databases, and over the shards that a cluster would have.
import type { InspectDb, InspectShard } from '../../lib/targets/inspect/report.ts';
import { bar, dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { formatBytes, formatCount, formatShare, type Measure, ratio } from '../numbers.ts';
import { part, type Section, section } from '../section.ts';

/** A heaviest shard this far above the mean is worth a second look. */
const BALANCED = 1.1;

export const spread: Section = ({ report, measure }) => {
  if (report.totals.keys === 0) return null;
  const { slots, dbs, totals } = report;
  const share = (value: Measure, counts: Readonly<Record<Measure, number>>) => ratio(counts[value], totals[value]);
  const most = (rows: readonly Readonly<Record<Measure, number>>[]) =>
    Math.max(...rows.map((row) => row[measure.value]));

  const databases = dataTable<InspectDb>({
    caption: 'Keys by database',
    columns: [
      { label: 'Database', cell: ({ db }) => `db ${db}`, by: ({ db }) => db, kind: 'name' },
      { label: 'Share', cell: (row) => bar(share(measure.value, row)), kind: 'bar' },
      { label: 'Memory', cell: ({ memory }) => formatBytes(memory), by: ({ memory }) => memory, kind: 'number' },
      { label: 'Keys', cell: ({ keys }) => formatCount(keys), by: ({ keys }) => keys, kind: 'number' },
      {
        label: 'With expiry',
        cell: (row) => formatShare(row.expiring, row.keys),
        by: (row) => ratio(row.expiring, row.keys),
        kind: 'number',
        minor: true,
      },
    ],
    rows: dbs,
    first: 16,
  });
  const shards = dataTable<InspectShard>({
    caption: 'Keys by shard',
    columns: [
      {
        label: 'Slots',
        cell: ({ from, to }) => `${from}–${to}`,
        by: ({ from }) => from,
        kind: 'name',
      },
      { label: 'Load', cell: (row) => bar(ratio(row[measure.value], most(slots.shards))), kind: 'bar' },
      { label: 'Memory', cell: ({ memory }) => formatBytes(memory), by: ({ memory }) => memory, kind: 'number' },
      { label: 'Keys', cell: ({ keys }) => formatCount(keys), by: ({ keys }) => keys, kind: 'number' },
    ],
    rows: slots.shards,
    first: 16,
  });
  const hot = dataTable<(typeof slots.heaviest)[number]>({
    caption: 'Heaviest slots',
    columns: [
      { label: 'Slot', cell: ({ slot }) => slot, by: ({ slot }) => slot, kind: 'name' },
      { label: 'Load', cell: (row) => bar(ratio(row[measure.value], most(slots.heaviest))), kind: 'bar' },
      { label: 'Memory', cell: ({ memory }) => formatBytes(memory), by: ({ memory }) => memory, kind: 'number' },
      { label: 'Keys', cell: ({ keys }) => formatCount(keys), by: ({ keys }) => keys, kind: 'number' },
    ],
    rows: slots.heaviest,
  });
  measure.watch(() => {
    databases.update(dbs);
    shards.update(slots.shards);
    hot.update(slots.heaviest);
  });
  return section(
    'spread',
    'Databases and slots',
    balance(slots.imbalance, slots.shards.length, slots.used),
    h(
      'div',
      { class: 'halves' },
      part(`${formatCount(slots.shards.length)} equal shards`, shards.element),
      h('div', {}, part('Databases', databases.element), part('Heaviest slots', hot.element)),
    ),
  );
};

function balance(imbalance: number, shards: number, used: number): string {
  const spreadText = `Keys take ${formatCount(used)} of the 16,384 slots.`;
  if (shards < 2) return spreadText;
  const over = Math.round((imbalance - 1) * 100);
  const verdict =
    imbalance <= BALANCED
      ? `In a cluster of ${formatCount(shards)} equal shards memory would be balanced: the heaviest has ${over}% more than the mean.`
      : `In a cluster of ${formatCount(shards)} equal shards the heaviest would have ${imbalance.toFixed(2)} times the mean memory.`;
  return `${spreadText} ${verdict}`;
}
