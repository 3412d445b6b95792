// A table whose columns sort, with the first rows shown and the others a click away.
import { type Child, h } from './dom.ts';
import { formatCount } from './numbers.ts';

export interface Column<Row> {
  readonly label: string;
  readonly cell: (row: Row) => Child;
  /** What rows are sorted by; a column without it does not sort. */
  readonly by?: (row: Row) => number | string;
  readonly kind?: 'number' | 'name' | 'bar';
  /** Left out where the window is narrow. */
  readonly minor?: boolean;
}

export interface TableOptions<Row> {
  /** Read out with the table; not shown, as a heading stands above it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Index of the column by which rows are sorted at first, largest on top; without it they keep their order. */
  readonly sorted?: number;
  /** Rows shown before `Show all` is clicked. */
  readonly first?: number;
  /** Stands where there is no row. */
  readonly empty?: string;
}

export interface DataTable<Row> {
  readonly element: HTMLElement;
  /** Shows other rows, sorted as before, or by another column. */
  update(rows: readonly Row[], sorted?: number): void;
}

export function dataTable<Row>(options: TableOptions<Row>): DataTable<Row> {
  const { columns, first = 25, empty = 'Nothing to show.' } = options;
  let { rows } = options;
  let sorted = options.sorted;
  let ascending = false;
  let all = false;

  const heads = columns.map((column, index) => {
    const content =
      column.by === undefined
        ? column.label
        : h('button', { type: 'button', on: { click: () => sortBy(index) } }, column.label);
    return h('th', { scope: 'col' }, content);
  });
  const body = h('tbody');
  const more = h('button', { type: 'button', class: 'more' });
  more.addEventListener('click', () => {
    all = !all;
    draw();
  });
  const table = h(
    'table',
    {},
    h('caption', { class: 'unseen' }, options.caption),
    h('thead', {}, h('tr', {}, ...heads)),
    body,
  );
  const scroller = h('div', { class: 'scroller', role: 'region', 'aria-label': options.caption, tabindex: 0 }, table);
  draw();
  return {
    element: h('div', { class: 'table' }, scroller, more),
    update(newRows, newSorted = sorted) {
      rows = newRows;
      if (newSorted !== sorted) ascending = false;
      sorted = newSorted;
      all = false;
      draw();
    },
  };

  function sortBy(index: number): void {
    const text = typeof (rows[0] && columns[index]?.by?.(rows[0])) === 'string';
    ascending = sorted === index ? !ascending : text;
    sorted = index;
    draw();
  }

  function draw(): void {
    heads.forEach((head, index) => {
      const column = columns[index] as Column<Row>;
      head.className = classOf(column, index === sorted);
      if (column.by === undefined) return;
      head.setAttribute('aria-sort', index !== sorted ? 'none' : ascending ? 'ascending' : 'descending');
    });
    const ordered = inOrder();
    const visible = all ? ordered : ordered.slice(0, first);
    body.replaceChildren(
      ...(visible.length > 0
        ? visible.map((row) => h('tr', {}, ...columns.map((column, index) => cellOf(column, row, index === sorted))))
        : [h('tr', {}, h('td', { colspan: columns.length, class: 'empty' }, empty))]),
    );
    more.hidden = ordered.length <= first;
    more.textContent = all ? `Show the first ${first}` : `Show all ${formatCount(ordered.length)}`;
  }

  function inOrder(): readonly Row[] {
    const by = sorted === undefined ? undefined : columns[sorted]?.by;
    if (by === undefined) return rows;
    const sign = ascending ? 1 : -1;
    return [...rows].sort((a, b) => sign * compare(by(a), by(b)));
  }
}

function cellOf<Row>(column: Column<Row>, row: Row, sorted: boolean): HTMLElement {
  const attributes = { class: classOf(column, sorted) };
  const content = column.cell(row);
  return column.kind === 'name' ? h('th', { ...attributes, scope: 'row' }, content) : h('td', attributes, content);
}

/** The column that rows are sorted by is never left out. */
function classOf<Row>({ kind, minor }: Column<Row>, sorted: boolean): string {
  return [kind, minor === true && !sorted ? 'minor' : undefined].filter((name) => name !== undefined).join(' ');
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'string' ? a.localeCompare(String(b)) : a - Number(b);
}

/** A bar for a table's cell, as long as its share; the number stands beside it. */
export function bar(share: number, swatch?: string): HTMLElement {
  const fill = h('span', {
    class: swatch === undefined ? 'fill' : `fill ${swatch}`,
    style: { width: `${share * 100}%` },
  });
  return h('span', { class: 'track', 'aria-hidden': 'true' }, fill);
}
