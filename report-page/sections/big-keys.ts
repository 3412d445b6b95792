// The largest keys, by memory, by bytes or by elements: sorted, and narrowed by name and type.
import type { InspectBigKey } from '../../lib/targets/inspect/report.ts';
import { bar, type Column, dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { nameElement } from '../name.ts';
import { shown, visible } from '../names.ts';
import { formatBytes, formatCount, formatExpiry, formatTime, ratio } from '../numbers.ts';
import { observable } from '../observable.ts';
import { choice, type Section, section } from '../section.ts';
import { typeName } from './types.ts';

type Order = 'byMemory' | 'byBytes' | 'byElements';

const ORDERS: readonly {
  readonly value: Order;
  readonly label: string;
  readonly of: 'memory' | 'bytes' | 'elements';
}[] = [
  { value: 'byMemory', label: 'Memory', of: 'memory' },
  { value: 'byBytes', label: 'File bytes', of: 'bytes' },
  { value: 'byElements', label: 'Elements', of: 'elements' },
];

export const bigKeys: Section = ({ report }) => {
  const lists = report.bigKeys;
  const count = Math.max(lists.byMemory.length, lists.byBytes.length, lists.byElements.length);
  if (count === 0) return null;
  const order = observable<Order>('byMemory');
  const of = () => ORDERS.find(({ value }) => value === order.value)?.of ?? 'memory';
  const most = () => lists[order.value][0]?.[of()] ?? 0;
  const columns: Column<InspectBigKey>[] = [
    { label: 'Key', cell: ({ key }) => nameElement(key), by: ({ key }) => key.text, kind: 'name' },
    { label: 'Size', cell: (key) => bar(ratio(key[of()], most())), kind: 'bar', minor: true },
    { label: 'Memory', cell: ({ memory }) => formatBytes(memory), by: ({ memory }) => memory, kind: 'number' },
    {
      label: 'File bytes',
      cell: ({ bytes }) => formatBytes(bytes),
      by: ({ bytes }) => bytes,
      kind: 'number',
      minor: true,
    },
    {
      label: 'Elements',
      cell: ({ elements }) => formatCount(elements),
      by: ({ elements }) => elements,
      kind: 'number',
    },
    {
      label: 'Type',
      cell: ({ type, encoding }) => typeName(type, encoding),
      by: ({ type, encoding }) => `${type} ${encoding}`,
      minor: true,
    },
    { label: 'DB', cell: ({ db }) => db, by: ({ db }) => db, kind: 'number', minor: true },
    {
      label: 'Expires',
      cell: ({ expireAt }) =>
        h(
          'span',
          {
            title: expireAt === null ? undefined : formatTime(expireAt),
            class: expireAt === null ? 'faint' : undefined,
          },
          formatExpiry(expireAt, report.now),
        ),
      by: ({ expireAt }) => expireAt ?? Number.POSITIVE_INFINITY,
      kind: 'number',
      minor: true,
    },
  ];
  if (report.files.length > 1) {
    columns.push({
      label: 'File',
      cell: ({ file }) => h('bdi', {}, shown(file, 40)),
      by: ({ file }) => file,
      minor: true,
    });
  }
  const table = dataTable<InspectBigKey>({
    caption: 'Biggest keys',
    columns,
    rows: [],
    sorted: 2,
    first: 20,
    empty: 'No key matches.',
  });

  const search = h('input', {
    type: 'search',
    placeholder: 'Part of a name',
    'aria-label': 'Show keys whose name contains',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const all = [...lists.byMemory, ...lists.byBytes, ...lists.byElements];
  const typeNames = [...new Set(all.map(({ type }) => type))].sort();
  const types = h(
    'select',
    { 'aria-label': 'Show keys of type' },
    h('option', { value: '' }, 'All types'),
    ...typeNames.map((type) => h('option', { value: type }, visible(type))),
  );
  const found = h('p', { class: 'found', 'aria-live': 'polite' });
  const show = () => {
    const part = search.value.toLowerCase();
    const rows = lists[order.value].filter(
      ({ key, type }) =>
        (types.value === '' || type === types.value) &&
        (part === '' || key.text.toLowerCase().includes(part) || shown(key.text).toLowerCase().includes(part)),
    );
    const whole = lists[order.value].length;
    found.textContent =
      rows.length === whole
        ? `${formatCount(whole)} keys`
        : `${formatCount(rows.length)} of ${formatCount(whole)} keys`;
    table.update(rows, { byMemory: 2, byBytes: 3, byElements: 4 }[order.value]);
  };
  search.addEventListener('input', show);
  types.addEventListener('change', show);
  order.watch(show);
  return section(
    'big-keys',
    'Biggest keys',
    `The ${formatCount(count)} largest of all ${formatCount(report.totals.keys)} keys, by each measure of its own.`,
    h(
      'div',
      { class: 'controls' },
      choice('Largest by', ORDERS, order),
      h('div', { class: 'filters' }, found, search, types),
    ),
    table.element,
  );
};
