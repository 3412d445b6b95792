// Draws the report that the page carries: its head, what to know first, and one section for each question.
import type { InspectReport } from '../lib/targets/inspect/report.ts';
import { h } from './dom.ts';
import type { Measure } from './numbers.ts';
import { observable } from './observable.ts';
import { type Context, measureChoice, type Section } from './section.ts';
import { bigKeys } from './sections/big-keys.ts';
import { code } from './sections/code.ts';
import { expiry } from './sections/expiry.ts';
import { files } from './sections/files.ts';
import { headline, titleOf } from './sections/headline.ts';
import { notices } from './sections/notices.ts';
import { prefixes } from './sections/prefixes.ts';
import { sizes } from './sections/sizes.ts';
import { spread } from './sections/spread.ts';
import { types } from './sections/types.ts';
import { lightOnPaper } from './theme.ts';

const SECTIONS: readonly Section[] = [prefixes, types, sizes, expiry, bigKeys, spread, code, files];

const text = document.getElementById('report')?.textContent ?? '';
if (text === '')
  document.body.append(h('p', { class: 'page' }, 'This page holds no report: keyferry inspect --html makes one.'));
else draw(JSON.parse(text) as InspectReport);

function draw(report: InspectReport): void {
  const context: Context = { report, measure: observable<Measure>('memory') };
  document.title = `${titleOf(report)} – keyferry inspect`;
  const sections = SECTIONS.map((make) => make(context)).filter((made) => made !== null);
  const links = sections.map((made) => {
    const title = made.querySelector('h2')?.textContent ?? '';
    return h('a', { href: `#${made.id}` }, title);
  });
  const bar =
    report.totals.keys > 0 &&
    h(
      'div',
      { class: 'sticky' },
      h('div', {}, h('nav', { 'aria-label': 'Sections' }, ...links), measureChoice(context.measure)),
    );
  const [front, rest] = [h('div', { class: 'page' }), h('main', { class: 'page' }, ...sections)];
  front.append(headline(report), ...[notices(report)].filter((made) => made !== null));
  const footer = h(
    'footer',
    { class: 'page' },
    h(
      'p',
      { class: 'foot' },
      `Made by keyferry ${report.keyferry} in ${report.seconds.toFixed(1)} s. This file is whole: it loads nothing and sends nothing. Charts: Apache ECharts.`,
    ),
  );
  document.body.append(front, ...(bar ? [bar] : []), rest, footer);
  lightOnPaper();
}
