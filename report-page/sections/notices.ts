// What a reader must know before believing a number: damage, warnings, hashed names, no keys at all.
import type { InspectReport } from '../../lib/targets/inspect/report.ts';
import { type Child, h } from '../dom.ts';
import { visible } from '../names.ts';
import { formatCount } from '../numbers.ts';

/** Warnings shown before a click. */
const FIRST = 5;

export function notices({ incomplete, error, warnings, hashed, totals, files }: InspectReport): HTMLElement | null {
  const found: Child[] = [];
  if (incomplete) {
    found.push(
      notice(
        'damage',
        'This report is incomplete',
        'Reading stopped before the end. All numbers here are of what came before.',
        error === null ? null : h('p', { class: 'error' }, h('code', {}, error.code), ' ', visible(told(error))),
      ),
    );
  }
  if (warnings.length > 0)
    found.push(notice('warning', warningTitle(warnings.length), null, ...warningLists(warnings)));
  if (hashed) {
    found.push(
      notice(
        'info',
        'Names are hashes',
        'Made with --hash-keys: equal names have equal hashes, and no name can be read.',
      ),
    );
  }
  if (totals.keys === 0) {
    const text =
      totals.filtered > 0
        ? 'The filters left no key.'
        : incomplete
          ? 'No key was read.'
          : files.length === 1
            ? 'The file holds no keys.'
            : 'The files hold no keys.';
    found.push(notice('info', 'No keys', text));
  }
  return found.length === 0 ? null : h('div', { class: 'notices' }, ...found);
}

const told = ({ message, where }: NonNullable<InspectReport['error']>): string =>
  where === null ? message : `at ${where}: ${message}`;

function notice(
  kind: 'damage' | 'warning' | 'info',
  title: string,
  text: string | null,
  ...more: Child[]
): HTMLElement {
  return h(
    'div',
    { class: `notice ${kind}`, role: kind === 'damage' ? 'alert' : 'note' },
    h('h2', {}, title),
    text === null ? null : h('p', {}, text),
    ...more,
  );
}

function warningTitle(count: number): string {
  return count === 1 ? '1 warning' : `${formatCount(count)} warnings`;
}

function warningLists(warnings: readonly string[]): HTMLElement[] {
  const list = (texts: readonly string[]) => h('ul', {}, ...texts.map((text) => h('li', {}, visible(text))));
  const more = warnings.slice(FIRST);
  if (more.length === 0) return [list(warnings)];
  const summary = h('summary', {}, `${formatCount(more.length)} more`);
  return [list(warnings.slice(0, FIRST)), h('details', {}, summary, list(more))];
}
