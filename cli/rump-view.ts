// What a person, or a script, reads when a rump has ended.
import { quoteKey } from '../lib/errors.ts';
import type { RumpReport } from '../lib/jobs/rump.ts';
import { type AnyLoss, LOSS_WORDS } from '../lib/targets/redis/losses.ts';
import { tableLines } from './columns.ts';
import { errorJson } from './error-view.ts';
import type { ExitCode } from './exit-codes.ts';
import { formatCount, formatSeconds, plural, printable } from './format.ts';
import { keyJson } from './key-json.ts';
import type { Style } from './style.ts';

/** Refused keys that are named on the screen. */
const NAMED_KEYS = 10;
const INDENT = '  ';

/** The summary, with its line end. */
export function renderRump(report: RumpReport, style: Style): string {
  const blocks = [
    [headline(report, style)],
    counts(report),
    failures(report, style),
    losses(report),
    warnings(report, style),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** Absent values are `null`, so that every report has the same shape. */
export function rumpJson(report: RumpReport, { version, exitCode }: { version: string; exitCode: ExitCode }): object {
  const { error, keys, server, sourceServer, ...rest } = report;
  const { failed, ...counted } = keys;
  return {
    keyferry: version,
    exitCode,
    ...rest,
    error: error === undefined ? null : errorJson(error),
    server: server ?? null,
    sourceServer: sourceServer ?? null,
    keys: { ...counted, failed: failed.map(({ db, key, type, reason }) => ({ db, ...keyJson(key), type, reason })) },
  };
}

function headline({ outcome, source, sourceServer, target, server, seconds }: RumpReport, style: Style): string {
  const named = (name: string, words: string | undefined) => `${name}${words === undefined ? '' : ` (${words})`}`;
  const what = `${named(source, sourceServer)} into ${named(target, server)}`;
  const time = formatSeconds(seconds);
  if (outcome === 'complete') return `${style.green('Copied')} ${what} in ${time}.`;
  if (outcome === 'partial') return `${style.yellow('Copied in part')}: ${what} in ${time}.`;
  const word = outcome === 'interrupted' ? style.yellow('Interrupted') : style.red('Stopped');
  return `${word} after ${time}: ${what}.`;
}

/** Rows of label, count, explanation; counts of nothing are left out. */
function counts({ keys, functions, unchanged, passes, restarts }: RumpReport): string[] {
  const rows: [label: string, count: number, note: string][] = [
    ['written', keys.written, 'keys'],
    ['already there', keys.already, 'with the same value, perhaps by an earlier run'],
    ['unchanged', unchanged, 'found again as they had been written'],
    ['skipped', keys.skipped, 'existed on the target, were left as they are'],
    ['expired', keys.expired, 'their time had passed'],
    ['filtered', keys.filtered, 'left out by --match or --type'],
    ['refused', keys.failed.length, 'named below'],
    ['functions', functions.written + functions.already, 'libraries written, or there already'],
    ['passes', passes > 1 ? passes : 0, ''],
    ['scans anew', restarts, 'of a node that was restarted, replaced, or got slots'],
  ];
  const cells = rows
    .filter(([, count], at) => at === 0 || count > 0)
    .map(([label, count, note]) => [INDENT + label, formatCount(count), note]);
  return tableLines(cells, ['left', 'right', 'left']);
}

function failures({ keys, functions }: RumpReport, style: Style): string[] {
  const shown = keys.failed.slice(0, NAMED_KEYS);
  const more = keys.failed.length > shown.length ? ` (the first ${shown.length}; all of them with --report FILE)` : '';
  const rows = shown.map(({ db, key, type, reason }) => [`${INDENT}db ${db}`, quoteKey(key), type, printable(reason)]);
  const lines = shown.length === 0 ? [] : [`${style.red('Refused keys')}${more}:`];
  lines.push(...tableLines(rows, ['left', 'left', 'left', 'left']));
  for (const { library, reason } of functions.failed) {
    lines.push(`${style.red('Refused library')} ${printable(library)}: ${printable(reason)}`);
  }
  return lines;
}

/** What of the written keys the target can't hold. */
function losses({ keys }: RumpReport): string[] {
  const lost = Object.entries(keys.losses) as [AnyLoss, number][];
  if (lost.length === 0) return [];
  const rows = lost.map(([loss, count]) => `${INDENT}${plural(count, 'key')}: ${LOSS_WORDS[loss]}`);
  return ['Not kept, because the target cannot hold it:', ...rows];
}

function warnings({ warnings }: RumpReport, style: Style): string[] {
  return warnings.map((text) => `${style.yellow('warning:')} ${printable(text)}`);
}
