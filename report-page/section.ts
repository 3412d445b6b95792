// What every section of the page is made of: the report and the measure that it is given, and a headed block in return.
import type { InspectReport } from '../lib/targets/inspect/report.ts';
import { type Child, h } from './dom.ts';
import { MEASURES, type Measure } from './numbers.ts';
import type { Observable } from './observable.ts';

export interface Context {
  readonly report: InspectReport;
  /** What areas and bars stand for, chosen at the top of the page for all of it. */
  readonly measure: Observable<Measure>;
}

/** `null` where the report has nothing for the section. */
export type Section = (context: Context) => HTMLElement | null;

export function section(id: string, title: string, lead: Child, ...content: readonly Child[]): HTMLElement {
  const heading = h('h2', { id: `${id}-title` }, title);
  const head = h('div', { class: 'head' }, heading, lead === null ? null : h('p', { class: 'lead' }, lead));
  return h('section', { id, 'aria-labelledby': `${id}-title` }, head, ...content);
}

/** A block within a section. */
export function part(title: string, ...content: readonly Child[]): HTMLElement {
  return h('div', { class: 'part' }, h('h3', {}, title), ...content);
}

/** Radio buttons that look like one control. */
export function choice<Value extends string>(
  legend: string,
  options: readonly { readonly value: Value; readonly label: string }[],
  chosen: Observable<Value>,
): HTMLElement {
  const name = legend.toLowerCase().replaceAll(' ', '-');
  const inputs = options.map(({ value, label }) => {
    const input = h('input', { type: 'radio', name, value, checked: value === chosen.value });
    input.addEventListener('change', () => chosen.set(value));
    return h('label', {}, input, h('span', {}, label));
  });
  return h('fieldset', { class: 'choice' }, h('legend', {}, legend), h('div', {}, ...inputs));
}

export function measureChoice(measure: Observable<Measure>): HTMLElement {
  const options = MEASURES.map((option) => ({ value: option.measure, label: option.label }));
  return choice('Measure by', options, measure);
}
