// A histogram: bars by the page's measure, and the same as a table for who can't see them.

import type { EChartsCoreOption } from 'echarts/core';
import type { InspectBar } from '../lib/targets/inspect/report.ts';
import { chart, facts, tooltip } from './chart.ts';
import { dataTable } from './data-table.ts';
import { h } from './dom.ts';
import { visible } from './names.ts';
import { formatBytes, formatCount, formatShare, formatShort, MEASURE_NAMES, type Measure } from './numbers.ts';
import type { Context } from './section.ts';
import { colour } from './theme.ts';

/** Pixels that an upright bar needs for the number above it; bars with less lie down. */
const NARROW = 46;

/**
 * @param muted labels of bars that are not part of the scale, such as `no expiry`: drawn in grey
 */
export function histogram(
  title: string,
  note: string,
  bars: readonly InspectBar[],
  { measure }: Context,
  muted: readonly string[] = [],
): HTMLElement {
  const drawing = chart('bars', ({ width }) => option(bars, measure.value, muted, width / bars.length));
  const total = (value: Measure) => bars.reduce((sum, one) => sum + one[value], 0);
  const table = dataTable<InspectBar>({
    caption: title,
    columns: [
      { label: title, cell: ({ label }) => visible(label), kind: 'name' },
      { label: 'Memory', cell: ({ memory }) => formatBytes(memory), kind: 'number' },
      { label: 'File bytes', cell: ({ bytes }) => formatBytes(bytes), kind: 'number' },
      { label: 'Keys', cell: ({ keys }) => formatCount(keys), kind: 'number' },
      { label: 'Of all', cell: (row) => formatShare(row[measure.value], total(measure.value)), kind: 'number' },
    ],
    rows: bars,
    first: 100,
  });
  measure.watch((value) => {
    drawing.element.setAttribute(
      'aria-label',
      `${title}: bars by ${MEASURE_NAMES[value]}. The same as a table follows.`,
    );
    drawing.draw();
    table.update(bars);
  });
  return h(
    'figure',
    { class: 'part' },
    h('figcaption', {}, h('h3', {}, title), h('p', { class: 'lead' }, note)),
    drawing.element,
    h('details', { class: 'as-table' }, h('summary', {}, 'As a table'), table.element),
  );
}

function option(
  bars: readonly InspectBar[],
  measure: Measure,
  muted: readonly string[],
  slot: number,
): EChartsCoreOption {
  const narrow = slot < NARROW;
  const total = bars.reduce((sum, one) => sum + one[measure], 0);
  const text = { color: colour('soft'), fontSize: 11 };
  const labels = {
    type: 'category',
    data: bars.map((_, index) => String(index)),
    inverse: narrow,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colour('line-strong') } },
    axisLabel: {
      ...text,
      interval: 0,
      width: narrow ? 92 : slot,
      overflow: narrow ? 'truncate' : 'break',
      lineHeight: 13,
      formatter: (index: string) => visible(bars[Number(index)]?.label ?? ''),
    },
  };
  const values = { type: 'value', show: false };
  return {
    animation: false,
    grid: narrow ? { left: 4, right: 58, top: 0, bottom: 0 } : { left: 0, right: 0, top: 22, bottom: 36 },
    tooltip: tooltip((index) => {
      const one = bars[Number(index)];
      return one === undefined ? document.createElement('div') : barFacts(one, measure, total);
    }),
    xAxis: narrow ? values : labels,
    yAxis: narrow ? labels : values,
    series: [
      {
        type: 'bar',
        barCategoryGap: narrow ? '30%' : '14%',
        barMaxWidth: 72,
        barMinHeight: 2,
        itemStyle: { borderRadius: narrow ? [0, 2, 2, 0] : [2, 2, 0, 0] },
        emphasis: { itemStyle: { color: colour('accent-strong') } },
        label: {
          show: true,
          position: narrow ? 'right' : 'top',
          distance: 4,
          ...text,
          color: colour('ink'),
          formatter: ({ dataIndex }: { dataIndex: number }) => {
            const value = bars[dataIndex]?.[measure] ?? 0;
            return value === 0 ? '' : formatShort(measure, value);
          },
        },
        data: bars.map((one) => ({
          // No bar at all where there is nothing: the least height is for what is small.
          value: one[measure] === 0 ? null : one[measure],
          itemStyle: { color: colour(muted.includes(one.label) ? 'bar-muted' : 'accent') },
        })),
      },
    ],
  };
}

function barFacts(one: InspectBar, measure: Measure, total: number): HTMLElement {
  return facts(visible(one.label), [
    ['Of all', formatShare(one[measure], total)],
    ['Memory', formatBytes(one.memory)],
    ['File bytes', formatBytes(one.bytes)],
    ['Keys', formatCount(one.keys)],
  ]);
}
