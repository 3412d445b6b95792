// Draws a level of the prefix tree as a treemap: areas by the measure, colours by the share of keys with an expiry.
import type { EChartsCoreOption } from 'echarts/core';
import { facts, type Place, tooltip } from './chart.ts';
import { h } from './dom.ts';
import { shown } from './names.ts';
import { formatBytes, formatCount, formatMeasure, formatShare, type Measure } from './numbers.ts';
import { expiryStep, type Tile } from './prefix-tiles.ts';
import { colour } from './theme.ts';

/** Areas of one level that are drawn, the largest: others would be specks. The table has all. */
const MOST_TILES = 400;
/** Areas that are drawn within one of them. */
const MOST_INNER = 60;
/** Pixels of a character of a tile's label, generously. */
const CHARACTER = 7.2;
const WIDE = { width: 1000, height: 1000 };

/**
 * @param byId  all tiles that are drawn, inner ones too
 * @param whole what the level has of the measure
 */
export function treemapOption(
  tiles: readonly Tile[],
  byId: ReadonlyMap<string, Tile>,
  measure: Measure,
  whole: number,
  sizeOf: Place['sizeOf'],
): EChartsCoreOption {
  const label = {
    show: true,
    overflow: 'truncate',
    ellipsis: '…',
    lineOverflow: 'truncate',
    fontSize: 12,
    padding: [4, 6],
    position: 'insideTopLeft',
    formatter: ({ name, dataIndex }: { name: string; dataIndex: number }) => {
      const tile = byId.get(name);
      const { width, height } = sizeOf(dataIndex) ?? WIDE;
      return tile ? tileLabel(tile, measure, width, height) : '';
    },
    lineHeight: 16,
  };
  return {
    animation: false,
    tooltip: tooltip((id) => {
      const tile = byId.get(id);
      return tile ? tileFacts(tile, whole, measure) : document.createElement('div');
    }),
    series: [
      {
        type: 'treemap',
        animation: false,
        data: largest(tiles, measure, MOST_TILES).map((tile) => drawn(tile, measure)),
        left: 0,
        top: 0,
        right: 0,
        bottom: 0,
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        visibleMin: 60,
        childrenVisibleMin: 4000,
        squareRatio: 1,
        label,
        upperLabel: {
          show: true,
          height: 26,
          fontSize: 12,
          fontWeight: 600,
          color: colour('ink'),
          padding: [0, 6],
          overflow: 'truncate',
          ellipsis: '…',
          formatter: ({ name, dataIndex }: { name: string; dataIndex: number }) => {
            const tile = byId.get(name);
            return tile ? groupLabel(tile, measure, (sizeOf(dataIndex) ?? WIDE).width) : '';
          },
        },
        emphasis: {
          itemStyle: { color: colour('accent'), borderColor: colour('accent') },
          label: { color: colour('on-accent') },
          upperLabel: { show: true, color: colour('on-accent') },
        },
        levels: [
          { itemStyle: { borderWidth: 0, gapWidth: 4, borderColor: colour('paper') }, upperLabel: { show: false } },
          { itemStyle: { borderWidth: 3, gapWidth: 2, borderColor: colour('group') } },
          { itemStyle: { borderWidth: 0, gapWidth: 2 } },
        ],
      },
    ],
  };
}

/** A name and a number as they fit: a number cut short would be a wrong one, and is left out. */
function tileLabel(tile: Tile, measure: Measure, width: number, height: number): string {
  if (width < 34 || height < 20) return '';
  const value = formatMeasure(measure, tile.counts[measure]);
  const room = height >= 40 && value.length * CHARACTER <= width - 12;
  return room ? `${tileText(tile)}\n${value}` : tileText(tile);
}

function groupLabel(tile: Tile, measure: Measure, width: number): string {
  if (width < 34) return '';
  const [name, value] = [tileText(tile), formatMeasure(measure, tile.counts[measure])];
  // Isolated: a name that runs from right to left must not take the number along.
  return (name.length + value.length + 3) * CHARACTER <= width - 12 ? `\u2068${name}\u2069   ${value}` : name;
}

/** What ECharts gets of a tile: no name, only its id. */
function drawn(tile: Tile, measure: Measure): object {
  const step = expiryStep(tile.counts);
  const plain = tile.kind !== 'prefix';
  const fill = plain ? colour('tile-rest') : colour(`heat-${step}`);
  const children = largest(tile.inner, measure, MOST_INNER).map((inner) => drawn(inner, measure));
  return {
    name: tile.id,
    value: tile.counts[measure],
    itemStyle: children.length > 0 ? { color: fill } : { color: fill, borderColor: fill },
    label: { color: plain ? colour('ink') : colour(`heat-ink-${step}`) },
    cursor: tile.node === null ? 'default' : 'pointer',
    ...(children.length > 0 ? { children } : {}),
  };
}

function largest(tiles: readonly Tile[], measure: Measure, most: number): Tile[] {
  return [...tiles].sort((a, b) => b.counts[measure] - a.counts[measure]).slice(0, most);
}

function tileFacts(tile: Tile, whole: number, measure: Measure): HTMLElement {
  const { counts } = tile;
  const name = h(
    'bdi',
    tile.kind === 'prefix' ? { class: 'name' } : {},
    tile.kind === 'prefix' ? shown(tile.prefix.text, 120) || '(empty name)' : tileText(tile),
  );
  return facts(name, [
    ['Share of this level', formatShare(counts[measure], whole)],
    ['Memory', formatBytes(counts.memory)],
    ['File bytes', formatBytes(counts.bytes)],
    ['Keys', formatCount(counts.keys)],
    ['With an expiry', formatShare(counts.expiring, counts.keys)],
  ]);
}

/** A tile's label, or what stands for it. */
export function tileText({ kind, label }: Tile): string {
  if (kind === 'rest') return 'no further prefix';
  if (kind === 'other') return 'other prefixes';
  return shown(label.text, 120) || '(empty name)';
}
