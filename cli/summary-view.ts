// What a person reads when a restore has ended: what became of the keys, what was not written, what to do next.
import { quoteKey } from '../lib/errors.ts';
import type { RestoreReport } from '../lib/jobs/report.ts';
import { type AnyLoss, LOSS_WORDS } from '../lib/targets/redis/losses.ts';
import { tallied } from '../lib/targets/redis/tally.ts';
import { tableLines } from './columns.ts';
import { formatBytes, formatCount, formatRough, formatSeconds, plural, printable } from './format.ts';
import type { Rates } from './speed.ts';
import type { Style } from './style.ts';

export interface SummaryOptions {
  readonly style: Style;
  readonly rates: Rates | undefined;
  /** The warnings have been on the screen already. */
  readonly warned: boolean;
  /** Where the whole report went. */
  readonly reportPath: string | undefined;
  /** Files of a plan that stay behind. */
  readonly planPaths: readonly string[];
}

/** Refused keys that are named on the screen. */
const NAMED_KEYS = 10;
const INDENT = '  ';

/** The summary, with its line end. */
export function renderSummary(report: RestoreReport, options: SummaryOptions): string {
  const { style } = options;
  const blocks = [
    [headline(report, style)],
    counts(report, options),
    failures(report, options),
    losses(report),
    tails(report),
    options.warned ? [] : warnings(report, style),
    plans(report, options),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** What of the written keys the target can't hold. */
function losses({ keys }: RestoreReport): string[] {
  const lost = Object.entries(keys.losses) as [AnyLoss, number][];
  if (lost.length === 0) return [];
  const rows = lost.map(([loss, count]) => `${INDENT}${plural(count, 'key')}: ${LOSS_WORDS[loss]}`);
  return ['Not kept, because the target cannot hold it:', ...rows];
}

function headline(report: RestoreReport, style: Style): string {
  const { outcome, dryRun, files, seconds } = report;
  const what = files.length === 1 ? printable(fileName(files[0]?.name ?? '')) : `${files.length} files`;
  const where = `${report.target}${report.server === undefined ? '' : ` (${report.server})`}`;
  const time = formatSeconds(seconds);
  if (outcome === 'complete' && dryRun) {
    return `${style.green('Dry run')}: ${what} could go into ${where}. Nothing was written.`;
  }
  if (dryRun) return `${style.yellow('Dry run')}: ${what} could go into ${where} in part. Nothing was written.`;
  if (outcome === 'complete') return `${style.green('Restored')} ${what} into ${where} in ${time}.`;
  if (outcome === 'partial') return `${style.yellow('Restored in part')}: ${what} into ${where} in ${time}.`;
  const word = outcome === 'interrupted' ? style.yellow('Interrupted') : style.red('Stopped');
  return `${word} after ${time}: ${what} into ${where}.`;
}

const fileName = (name: string): string => (name === '-' ? 'standard input' : name);

/** Rows of label, count, explanation; counts of nothing are left out. */
function counts(report: RestoreReport, { style, rates, warned }: SummaryOptions): string[] {
  const { keys, functions, files, dryRun, outcome } = report;
  const total = files.reduce((sum, file) => sum + file.keys, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const left = total - tallied(keys);
  const stopped = outcome === 'stopped' || outcome === 'interrupted';
  const rows: [label: string, count: number, note: string][] = [];
  if (dryRun) rows.push([files.length > 1 ? 'in the files' : 'in the file', total, `keys, ${formatBytes(bytes)}`]);
  else rows.push(['written', keys.written, keys.written === 1 ? 'key' : 'keys']);
  rows.push(
    ['already there', keys.already, 'an earlier run of this job had written them'],
    ['skipped', keys.skipped, 'existed on the target, were left as they are'],
    ['expired', keys.expired, 'their time had passed'],
    ['filtered', keys.filtered, 'left out by --only-db, --match or --type'],
    ['refused', keys.failed.length, 'by the target: named below'],
    ['not done', stopped ? left : 0, 'or not confirmed when it stopped'],
  );
  const cells = rows
    .filter(([, count], at) => at === 0 || count > 0)
    .map(([label, count, note]) => [INDENT + label, formatCount(count), note]);
  const libraries = libraryCounts(functions);
  if (libraries !== '') cells.push([`${INDENT}functions`, '', libraries]);
  if (rates !== undefined) {
    cells.push([
      `${INDENT}speed`,
      '',
      `${formatRough(rates.keysPerSecond)} keys/s, ${formatBytes(rates.bytesPerSecond)}/s`,
    ]);
  }
  if (warned && report.warnings.length > 0) {
    cells.push([`${INDENT}warnings`, formatCount(report.warnings.length), 'shown above']);
  }
  const paint = (cell: string, row: number, column: number) => {
    if (column === 2 && row > 0) return style.dim(cell);
    return column === 1 && cells[row]?.[0] === `${INDENT}refused` ? style.red(cell) : cell;
  };
  return tableLines(cells, ['left', 'right', 'left'], paint);
}

function libraryCounts({ written, already, skipped, failed }: RestoreReport['functions']): string {
  const parts = [
    written > 0 ? `${plural(written, 'library', 'libraries')} written` : '',
    already > 0 ? `${formatCount(already)} already there` : '',
    skipped > 0 ? `${formatCount(skipped)} skipped` : '',
    failed.length > 0 ? `${formatCount(failed.length)} refused` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function failures({ keys, functions }: RestoreReport, { style, reportPath }: SummaryOptions): string[] {
  const { failed } = keys;
  const lines: string[] = [];
  if (failed.length > 0) {
    const shown = failed.slice(0, NAMED_KEYS);
    const all = reportPath === undefined ? 'all of them with --report FILE' : `all of them in ${printable(reportPath)}`;
    const more = failed.length > shown.length ? ` (the first ${shown.length}; ${all})` : '';
    lines.push(`${style.red('Refused keys')}${more}:`);
    const rows = shown.map(({ db, key, type, reason }) => [
      `${INDENT}db ${db}`,
      quoteKey(key),
      type,
      printable(reason),
    ]);
    lines.push(...tableLines(rows, ['left', 'left', 'left', 'left']));
  }
  for (const { library, reason } of functions.failed) {
    lines.push(`${style.red('Refused library')} ${printable(library)}: ${printable(reason)}`);
  }
  return lines;
}

function tails({ tails }: RestoreReport): string[] {
  return tails.flatMap(({ file, bytes, kind, ignored }) => {
    const what = kind === 'aof' ? 'of append-only commands' : 'that are not RDB';
    const head = `${printable(file)}: ${formatBytes(bytes)} ${what} follow the RDB and were not applied.`;
    if (ignored) return [head];
    return [
      head,
      kind === 'aof'
        ? 'For a whole RDB, load the file into a redis-server of its own and SAVE there; --ignore-tail accepts it as it is.'
        : 'Look at what wrote the file; --ignore-tail accepts it as it is.',
    ];
  });
}

function warnings({ warnings }: RestoreReport, style: Style): string[] {
  return warnings.map((text) => `${style.yellow('warning:')} ${printable(text)}`);
}

function plans({ outcome, dryRun }: RestoreReport, { style, planPaths }: SummaryOptions): string[] {
  if (outcome !== 'complete' || dryRun || planPaths.length === 0) return [];
  const first = printable(planPaths[0] as string);
  const others = planPaths.length > 1 ? ` and ${formatCount(planPaths.length - 1)} more` : '';
  return [style.dim(`The plan stays for another restore of the file: ${first}${others}`)];
}
