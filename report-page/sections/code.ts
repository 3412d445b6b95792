// What is in the file besides plain keys: function libraries and modules' types.
import type { InspectReport } from '../../lib/targets/inspect/report.ts';
import { dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { nameElement } from '../name.ts';
import { visible } from '../names.ts';
import { formatBytes, formatCount } from '../numbers.ts';
import { part, type Section, section } from '../section.ts';

export const code: Section = ({ report: { functions, modules } }) => {
  if (functions.length === 0 && modules.length === 0) return null;
  const functionTable = dataTable<InspectReport['functions'][number]>({
    caption: 'Function libraries',
    columns: [
      {
        label: 'Library',
        cell: ({ name }) => (name === null ? h('span', { class: 'nameless' }, '(no name)') : nameElement(name)),
        by: ({ name }) => name?.text ?? '',
        kind: 'name',
      },
      { label: 'Engine', cell: ({ engine }) => visible(engine), by: ({ engine }) => engine },
      { label: 'Code', cell: ({ bytes }) => formatBytes(bytes), by: ({ bytes }) => bytes, kind: 'number' },
    ],
    rows: functions,
    first: 12,
  });
  const moduleTable = dataTable<InspectReport['modules'][number]>({
    caption: 'Types of modules',
    columns: [
      {
        label: 'Type',
        cell: ({ name }) => h('bdi', { class: 'name' }, visible(name)),
        by: ({ name }) => name,
        kind: 'name',
      },
      {
        label: 'Encoding version',
        cell: ({ version }) => formatCount(version),
        by: ({ version }) => version,
        kind: 'number',
      },
      { label: 'Keys', cell: ({ keys }) => formatCount(keys), by: ({ keys }) => keys, kind: 'number' },
      { label: 'File bytes', cell: ({ bytes }) => formatBytes(bytes), by: ({ bytes }) => bytes, kind: 'number' },
    ],
    rows: modules,
    first: 12,
  });
  return section(
    'code',
    'Functions and modules',
    null,
    h(
      'div',
      { class: 'halves' },
      functions.length > 0 && part('Function libraries and scripts', functionTable.element),
      modules.length > 0 && part('Types of modules', moduleTable.element),
    ),
  );
};
