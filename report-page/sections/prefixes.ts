// The prefix tree: a treemap to click through, the way back above it, and the same level as a table below.
import type { InspectPrefix } from '../../lib/targets/inspect/report.ts';
import { chart } from '../chart.ts';
import { bar, dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { nameElement } from '../name.ts';
import { shown } from '../names.ts';
import {
  formatBytes,
  formatCount,
  formatMeasure,
  formatShare,
  MEASURE_NAMES,
  type Measure,
  memoryPerKey,
  ratio,
} from '../numbers.ts';
import { expiryStep, type Tile, tilesOf } from '../prefix-tiles.ts';
import { tileText, treemapOption } from '../prefix-treemap.ts';
import { type Section, section } from '../section.ts';

/** Index of the table's column for each measure. */
const COLUMNS: Readonly<Record<Measure, number>> = { memory: 2, bytes: 3, keys: 4 };

export const prefixes: Section = ({ report, measure }) => {
  if (report.totals.keys === 0) return null;
  /** From the root to the level that is shown. */
  let path: readonly InspectPrefix[] = [report.prefixes];
  let tiles: Tile[] = [];
  const byId = new Map<string, Tile>();

  const here = () => path.at(-1) as InspectPrefix;
  const trail = h('nav', { class: 'trail', 'aria-label': 'Prefix path' });
  const map = chart('treemap', ({ sizeOf }) =>
    treemapOption(tiles, byId, measure.value, here()[measure.value], sizeOf),
  );
  map.onClick((id) => {
    // A click on an inner area leads through the outer one; on one with nothing below, only to the outer one.
    const steps = [parentOf(id)?.node, byId.get(id)?.node].filter((node) => node !== undefined && node !== null);
    if (steps.length > 0) go([...path, ...steps]);
  });
  const table = dataTable<Tile>({
    caption: 'Prefixes of this level',
    columns: [
      { label: 'Prefix', cell: tileCell, kind: 'name', by: (tile) => tile.label.text },
      { label: 'Share', cell: ({ counts }) => bar(share(counts)), kind: 'bar' },
      {
        label: 'Memory',
        cell: ({ counts }) => formatBytes(counts.memory),
        by: ({ counts }) => counts.memory,
        kind: 'number',
      },
      {
        label: 'File bytes',
        cell: ({ counts }) => formatBytes(counts.bytes),
        by: ({ counts }) => counts.bytes,
        kind: 'number',
        minor: true,
      },
      {
        label: 'Keys',
        cell: ({ counts }) => formatCount(counts.keys),
        by: ({ counts }) => counts.keys,
        kind: 'number',
      },
      {
        label: 'With expiry',
        cell: ({ counts }) =>
          h(
            'span',
            {},
            formatShare(counts.expiring, counts.keys),
            h('i', { class: `key heat-${expiryStep(counts)}`, 'aria-hidden': 'true' }),
          ),
        by: ({ counts }) => ratio(counts.expiring, counts.keys),
        kind: 'number',
        minor: true,
      },
      {
        label: 'Memory a key',
        cell: ({ counts }) => formatBytes(memoryPerKey(counts)),
        by: ({ counts }) => memoryPerKey(counts),
        kind: 'number',
        minor: true,
      },
    ],
    rows: [],
    sorted: COLUMNS[measure.value],
    first: 12,
  });
  const said = h('p', { class: 'unseen', 'aria-live': 'polite' });

  measure.watch(show);
  return section(
    'prefixes',
    'Prefixes',
    report.separators === ''
      ? 'Keys by the beginnings that they share. Click an area to look inside it.'
      : `Keys by the parts of their names, split at ${[...report.separators].map((character) => `“${shown(character)}”`).join(' ')}. Click an area to look inside it.`,
    h('div', { class: 'map-head' }, trail, legend()),
    map.element,
    said,
    table.element,
  );

  function go(to: readonly InspectPrefix[]): void {
    path = to;
    show();
    said.textContent = `${levelText(here())}: ${formatMeasure(measure.value, here()[measure.value])}`;
    trail.querySelector<HTMLElement>('[aria-current]')?.focus({ preventScroll: true });
  }

  function show(): void {
    tiles = tilesOf(here());
    byId.clear();
    for (const tile of tiles) for (const one of [tile, ...tile.inner]) byId.set(one.id, one);
    trail.replaceChildren(...trailOf(path, measure.value, go));
    map.element.setAttribute(
      'aria-label',
      `Treemap of ${levelText(here())} by ${MEASURE_NAMES[measure.value]}. The table below has the same numbers and leads on by its buttons.`,
    );
    map.draw();
    table.update(tiles, COLUMNS[measure.value]);
  }

  function share(counts: Tile['counts']): number {
    return ratio(counts[measure.value], here()[measure.value]);
  }

  /** The tile of this level that an inner one lies in. */
  function parentOf(id: string): Tile | undefined {
    return tiles.find(({ inner }) => inner.some((one) => one.id === id));
  }

  function tileCell(tile: Tile): Node {
    const { node } = tile;
    if (tile.kind !== 'prefix') return h('span', { class: 'nameless' }, tileText(tile));
    if (node === null) return nameElement(tile.label);
    const click = () => go([...path, node]);
    return h('button', { type: 'button', class: 'into', on: { click } }, h('bdi', { class: 'name' }, tileText(tile)));
  }
};

/** The way from the root to here; the last one is where we are. */
function trailOf(
  path: readonly InspectPrefix[],
  measure: Measure,
  go: (path: readonly InspectPrefix[]) => void,
): HTMLElement[] {
  return path.map((node, index) => {
    const text = index === 0 ? 'All keys' : shown(node.label.text, 40) || '(empty name)';
    const name = h('bdi', index === 0 ? {} : { class: 'name' }, text);
    if (index < path.length - 1) {
      return h('button', { type: 'button', on: { click: () => go(path.slice(0, index + 1)) } }, name);
    }
    const total = h('span', { class: 'total' }, formatMeasure(measure, node[measure]));
    return h('span', { 'aria-current': 'location', tabindex: -1 }, name, total);
  });
}

function levelText({ prefix }: InspectPrefix): string {
  return prefix.text === '' ? 'all keys' : shown(prefix.text, 80);
}

function legend(): HTMLElement {
  const steps = [0, 1, 2, 3, 4].map((step) => h('i', { class: `key heat-${step}` }));
  return h(
    'p',
    { class: 'legend' },
    'Keys with an expiry: none',
    h('span', { class: 'steps', 'aria-hidden': 'true' }, ...steps),
    'all',
  );
}
