// Types and their encodings: one bar of all memory, and a table of each.
import type { InspectCounts, InspectEncoding, InspectType } from '../../lib/targets/inspect/report.ts';
import { bar, type Column, dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { visible } from '../names.ts';
import { formatBytes, formatCount, formatShare, type Measure, memoryPerKey, ratio } from '../numbers.ts';
import { part, type Section, section } from '../section.ts';

/** Types that have a colour of their own in style.css. */
const COLOURED = new Set(['string', 'list', 'set', 'zset', 'hash', 'stream', 'module', 'array']);
const COLUMNS: Readonly<Record<Measure, number>> = { memory: 2, bytes: 4, keys: 5 };

type Row = InspectCounts & { readonly type: string; readonly elements: number };

export const types: Section = ({ report, measure }) => {
  if (report.types.length === 0) return null;
  const whole = () => report.totals[measure.value];
  const shareBar = h('div', { class: 'share-bar', role: 'img' });
  const columns = <Group extends Row>(name: Column<Group>): Column<Group>[] => [
    name,
    { label: 'Share', cell: (row) => bar(ratio(row[measure.value], whole()), swatch(row.type)), kind: 'bar' },
    { label: 'Memory', cell: (row) => formatBytes(row.memory), by: (row) => row.memory, kind: 'number' },
    {
      label: 'Memory a key',
      cell: (row) => formatBytes(memoryPerKey(row)),
      by: memoryPerKey,
      kind: 'number',
      minor: true,
    },
    { label: 'File bytes', cell: (row) => formatBytes(row.bytes), by: (row) => row.bytes, kind: 'number', minor: true },
    { label: 'Keys', cell: (row) => formatCount(row.keys), by: (row) => row.keys, kind: 'number' },
    {
      label: 'Elements',
      cell: (row) => formatCount(row.elements),
      by: (row) => row.elements,
      kind: 'number',
      minor: true,
    },
    {
      label: 'With expiry',
      cell: (row) => formatShare(row.expiring, row.keys),
      by: (row) => ratio(row.expiring, row.keys),
      kind: 'number',
      minor: true,
    },
  ];
  const typeTable = dataTable<InspectType>({
    caption: 'Keys by type',
    columns: columns<InspectType>({
      label: 'Type',
      cell: ({ type }) => typeName(type),
      by: ({ type }) => type,
      kind: 'name',
    }),
    rows: report.types,
    sorted: COLUMNS[measure.value],
  });
  const encodingTable = dataTable<InspectEncoding>({
    caption: 'Keys by encoding',
    columns: columns<InspectEncoding>({
      label: 'Encoding',
      cell: ({ type, encoding }) => typeName(type, encoding),
      by: ({ type, encoding }) => `${type} ${encoding}`,
      kind: 'name',
    }),
    rows: report.encodings,
    sorted: COLUMNS[measure.value],
    first: 12,
  });
  measure.watch((value) => {
    const ordered = [...report.types].sort((a, b) => b[value] - a[value]).filter((row) => row[value] > 0);
    shareBar.replaceChildren(
      ...ordered.map((row) =>
        h('span', { class: `slice ${swatch(row.type)}`, style: { 'flex-grow': String(row[value] / whole()) } }),
      ),
    );
    shareBar.setAttribute(
      'aria-label',
      ordered.map((row) => `${visible(row.type)} ${formatShare(row[value], whole())}`).join(', '),
    );
    typeTable.update(report.types, COLUMNS[value]);
    encodingTable.update(report.encodings, COLUMNS[value]);
  });
  return section(
    'types',
    'Types',
    'What kinds of values there are, and how the file encodes them.',
    shareBar,
    typeTable.element,
    part('Encodings', encodingTable.element),
  );
};

/** A type's name behind its colour, and an encoding of it. */
export function typeName(type: string, encoding?: string): HTMLElement {
  const dot = h('i', { class: `dot ${swatch(type)}`, 'aria-hidden': 'true' });
  const detail = encoding === undefined ? null : h('span', { class: 'detail' }, visible(encoding));
  return h('span', { class: 'type' }, dot, visible(type), detail);
}

function swatch(type: string): string {
  return `type-${COLOURED.has(type) ? type : 'module'}`;
}
