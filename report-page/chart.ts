// One ECharts canvas: made when its place has a size, drawn again when size, theme or data change.
import { BarChart, TreemapChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { type EChartsCoreOption, type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { h } from './dom.ts';
import { colour, theme } from './theme.ts';

use([BarChart, TreemapChart, GridComponent, TooltipComponent, CanvasRenderer]);

/** CSS pixels between the margins of a printed page. */
const PAPER_WIDTH = 700;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What an option may depend on, in pixels. */
export interface Place {
  /** Of the whole chart. */
  readonly width: number;
  /** Of an item of the series; known when its label is asked for. */
  readonly sizeOf: (dataIndex: number) => Size | undefined;
}

export interface Chart {
  readonly element: HTMLElement;
  /** Draws what the option function returns now. */
  draw(): void;
  /** Gets the name of the item that is clicked. */
  onClick(listener: (name: string) => void): void;
}

/**
 * @param kind   a class of style.css that gives the height
 * @param option made anew at each drawing. Names of the report go only into labels without `rich` styles and into tooltips that
 * are elements: in other places ECharts reads strings as templates or HTML
 */
export function chart(kind: string, option: (place: Place) => EChartsCoreOption): Chart {
  const element = h('div', { class: `chart ${kind}`, role: 'img' });
  const listeners: ((name: string) => void)[] = [];
  let instance: EChartsType | undefined;

  const draw = () => {
    if (instance === undefined) return;
    const place: Place = { width: instance.getWidth(), sizeOf: (index) => layoutOf(instance, index) };
    const fontFamily = getComputedStyle(document.body).fontFamily;
    // A treemap that is drawn twice within one frame keeps a text of the first drawing (6.1).
    instance.clear();
    instance.setOption({ textStyle: { fontFamily }, ...option(place) });
  };
  const resize = (width: number | 'auto') => {
    instance?.resize({ width });
    draw();
  };
  new ResizeObserver(() => {
    if (element.clientWidth === 0) return;
    if (instance !== undefined) return resize('auto');
    instance = init(element, null, { renderer: 'canvas' });
    instance.on('click', ({ name }) => {
      for (const listener of listeners) listener(name as string);
    });
    draw();
  }).observe(element);
  theme.watch(draw);
  addEventListener('beforeprint', () =>
    resize(element.closest('.halves') === null ? PAPER_WIDTH : PAPER_WIDTH / 2 - 16),
  );
  addEventListener('afterprint', () => resize('auto'));
  return { element, draw, onClick: (listener) => void listeners.push(listener) };
}

/** ECharts lays out before it asks for labels, and tells their place by nothing that its types admit (6.1). */
interface LaidOut {
  getModel?(): { getSeriesByIndex(index: number): { getData(): { getItemLayout(index: number): Size | undefined } } };
}

function layoutOf(instance: unknown, dataIndex: number): Size | undefined {
  return (instance as LaidOut).getModel?.().getSeriesByIndex(0).getData().getItemLayout(dataIndex);
}

/** How all tooltips look; their content is an element, whose text nobody reads as HTML. */
export function tooltip(content: (name: string) => HTMLElement): object {
  return {
    formatter: ({ name }: { name: string }) => content(name),
    confine: true,
    transitionDuration: 0,
    backgroundColor: colour('raised'),
    borderColor: colour('line-strong'),
    borderWidth: 1,
    padding: 0,
    extraCssText: 'box-shadow: 0 6px 24px rgb(0 0 0 / 18%); border-radius: 6px;',
    textStyle: { color: colour('ink') },
  };
}

/** A tooltip's content: a heading and rows of term and value. */
export function facts(heading: Node | string, rows: readonly (readonly [string, string])[]): HTMLElement {
  const list = rows.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]);
  return h('div', { class: 'tip' }, h('strong', {}, heading), h('dl', {}, ...list));
}
