// Jobs on AWS as a person reads them, and as JSON.
import type { JobRecord } from '../lib/checkpoint/dynamodb/jobs.ts';
import { InputError, KeyferryError, TargetError, UsageError } from '../lib/errors.ts';
import { canRetry, type Failure } from '../lib/jobs/aws/failure.ts';
import type { JobStory } from '../lib/jobs/aws-client/jobs.ts';
import { objectUrl } from '../lib/storage/s3/location.ts';
import { tableLines } from './columns.ts';
import { EXIT, type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { formatSeconds, printable } from './format.ts';
import type { Style } from './style.ts';

/** Characters of an id that are shown in lists: two of a million jobs begin alike by chance of 1 in 500. */
const SHOWN_ID = 12;
/** Refused keys that are named on the screen. */
const NAMED_KEYS = 10;
const INDENT = '  ';

/** A table of jobs, with its line end. */
export function renderJobs(jobs: readonly JobRecord[], now: number, style: Style): string {
  if (jobs.length === 0) return 'There are no jobs.\n';
  const rows = jobs.map((job) => [
    job.id.slice(0, SHOWN_ID),
    stateOf(job),
    job.notes.mode ?? '',
    job.notes.target || '-',
    `${formatSeconds(Math.max(0, now - job.createdAt) / 1000)} ago`,
    printable(fileOf(job)),
  ]);
  const colours: Record<string, (text: string) => string> = {
    succeeded: style.green,
    failed: style.red,
    quarantined: style.red,
    running: style.cyan,
  };
  const table = tableLines(
    [['JOB', 'STATE', 'MODE', 'TARGET', 'BEGAN', 'FILE'], ...rows],
    ['left', 'left', 'left', 'left', 'right', 'left'],
    (cell, row, column) => {
      if (row === 0) return style.bold(cell);
      return column === 1 ? (colours[cell.trim()]?.(cell) ?? cell) : cell;
    },
  );
  return `${table.join('\n')}\n`;
}

/** What became of a job, with its line end. */
export function renderStory(
  { job, summary, failure, report, reportKey }: JobStory,
  { bucket }: { bucket: string },
  style: Style,
): string {
  const { mode = '', target = '' } = job.notes;
  const what = `${mode} of ${printable(fileOf(job))}${target === '' ? '' : ` into ${target}`}`;
  const { partial, refused, warnings } = toldBy(report);
  const heads: Record<string, string> = {
    succeeded: partial ? style.yellow('Done in part') : style.green('Done'),
    running: style.cyan('At work'),
    failed: style.red('Failed'),
    quarantined: style.red('Quarantined'),
  };
  const shown = refused
    .slice(0, NAMED_KEYS)
    .map(({ db, key = '', type, reason }) => [...[`${INDENT}db ${db}`, printable(key), type, printable(reason)]]);
  const more = refused.length > shown.length ? ` (the first ${shown.length}; the report names more)` : '';
  const lines = [
    `${heads[stateOf(job)] ?? job.state}: ${what}`,
    // A failure is told for itself.
    ...(summary === undefined || failure !== undefined ? [] : [INDENT + printable(summary)]),
    ...(shown.length === 0 ? [] : [`${style.red('Refused keys')}${more}:`, ...tableLines(shown, LEFT)]),
    ...warnings.map((text) => `${style.yellow('warning:')} ${printable(text)}`),
    ...(reportKey === undefined ? [] : [`${INDENT}report  ${printable(objectUrl({ bucket, key: reportKey }))}`]),
    `${INDENT}job     ${job.id}`,
  ];
  return `${lines.join('\n')}\n`;
}

const LEFT = ['left', 'left', 'left', 'left'] as const;

/** The failure of a job, as an error is told; `undefined` where there is none. */
export function awsErrorOf({ job, failure, summary }: JobStory, retry: string): KeyferryError | undefined {
  if (job.state !== 'failed') return undefined;
  if (failure === undefined) {
    return new KeyferryError('AWS_EXECUTION', summary ?? 'it ended without a report.', {
      remedy: `When the reason is gone: ${retry}`,
    });
  }
  const { code, message, where, remedy } = failure;
  const next = canRetry(failure) ? `When that is mended: ${retry}` : '';
  const toDo = [remedy, next].filter((part) => part !== '').join('\n');
  return new KeyferryError(code, message, { where: where || undefined, remedy: toDo || undefined });
}

/** As a restore in the terminal would end. */
export function exitCodeOfStory({ job, failure, report }: JobStory): ExitCode {
  if (job.state === 'running') return EXIT.complete;
  if (toldBy(report).partial) return EXIT.partial;
  if (job.state === 'succeeded') return EXIT.complete;
  return failure === undefined ? EXIT.usage : exitCodeOfError(classed(failure));
}

/** A failure has lost its class on its way: the beginning of its code tells it. */
function classed({ code, message, damaged }: Failure): KeyferryError {
  if (damaged || /^(?:INPUT|DOOR|RDB|JSON|MANIFEST)_/.test(code)) return new InputError(code, message);
  if (/^(?:TARGET|CLUSTER|SENTINEL|CHUNK|DB)_/.test(code)) return new TargetError(code, message);
  return new UsageError(code, message);
}

export function jobJson(job: JobRecord): object {
  const { id, object, notes, createdAt, changedAt, owner } = job;
  return {
    id,
    state: stateOf(job),
    mode: notes.mode ?? null,
    target: notes.target || null,
    file: objectUrl(object),
    version: object.version,
    execution: owner,
    createdAt: new Date(createdAt).toISOString(),
    changedAt: new Date(changedAt).toISOString(),
  };
}

/** Absent values are `null`. */
export function storyJson(
  { job, summary, failure, report, reportKey }: JobStory,
  { bucket }: { bucket: string },
): object {
  return {
    job: jobJson(job),
    summary: summary ?? null,
    error: failure ?? null,
    reportUrl: reportKey === undefined ? null : objectUrl({ bucket, key: reportKey }),
    report: report ?? null,
  };
}

/** Damaged input is told apart from what a retry may mend. */
function stateOf({ state, outcome }: JobRecord): string {
  const { error } = JSON.parse(outcome ?? '{}') as { error?: Failure };
  return error?.damaged ? 'quarantined' : state;
}

/** The file's name below its door. */
const fileOf = ({ object: { key }, notes: { mode = '', target = '' } }: JobRecord): string =>
  key.slice(`${mode}/${target === '' ? '' : `${target}/`}`.length);

interface RefusedKey {
  readonly db: number;
  readonly key?: string;
  readonly type: string;
  readonly reason: string;
}

/** What of a report is shown; it may be of any mode and version. */
function toldBy(report: JobStory['report']): { partial: boolean; refused: RefusedKey[]; warnings: string[] } {
  const {
    outcome,
    refused = [],
    warnings = [],
  } = (report ?? {}) as {
    outcome?: string;
    refused?: RefusedKey[];
    warnings?: string[];
  };
  return { partial: outcome === 'partial', refused, warnings };
}
