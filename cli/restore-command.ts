// `keyferry restore`: runs the job, shows it, tells how it went.
import type { RestoreReport } from '../lib/jobs/report.ts';
import type { RestoreOptions } from '../lib/jobs/restore.ts';
import { RestoreJob } from '../lib/jobs/restore-job.ts';
import { STDIN, workPath } from '../lib/sources/rdb/input.ts';
import { writeWhole } from '../lib/storage/work-files.ts';
import { version } from '../lib/version.ts';
import { displayLook, displayMode, errorLook } from './display-options.ts';
import { renderError } from './error-view.ts';
import { EXIT, type ExitCode, exitCodeOfReport } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { nextStep } from './next-step.ts';
import { ProgressDisplay } from './progress-display.ts';
import { checkReportPath } from './report-file.ts';
import { reportJson } from './report-json.ts';
import { type RestoreFlags, restoreOptions } from './restore-options.ts';
import { stopOnSignals } from './signals.ts';
import type { Rates } from './speed.ts';
import { styleFor } from './style.ts';
import { renderSummary } from './summary-view.ts';
import { WatchedProgress } from './watched-progress.ts';

/** Below, a rate says more about starting than about writing. */
const LEAST_TELLING_SECONDS = 0.2;

const STOPPING = 'Stopping: what is under way is finished and noted. Once more to stop at once.';

/** A job that has ended. */
interface Ended {
  readonly report: RestoreReport;
  /** What is no error of the family. */
  readonly defect: unknown;
  /** Keys were written, now or by an earlier run. */
  readonly begun: boolean;
  readonly rates: Rates | undefined;
}

/** @throws {UsageError} before the job begins; what happens later is told here, and by the exit code */
export async function restoreCommand(files: readonly string[], flags: RestoreFlags, io: Io): Promise<ExitCode> {
  const options = restoreOptions(files, flags, io);
  if (flags.report !== undefined) await checkReportPath(flags.report);
  const ended = await runJob(options, flags, io);
  return tell(ended, flags, io);
}

async function runJob(options: RestoreOptions, flags: RestoreFlags, io: Io): Promise<Ended> {
  const progress = new WatchedProgress();
  const warnings = () => job.report.warnings;
  const display = new ProgressDisplay({
    progress,
    stream: io.stderr,
    mode: displayMode(flags, io),
    look: displayLook(io),
    warnings,
  });
  const stop = stopOnSignals({ onFirst: () => display.stopping(STOPPING), onSecond: () => display.stop() });
  // The job rather than restore(): its warnings are shown while it runs.
  const job = new RestoreJob({ ...options, progress, signal: stop.signal });
  let defect: unknown;
  let rates: Rates | undefined;
  display.start();
  try {
    await job.run();
    rates = ratesOf(progress, job.report);
  } catch (error) {
    defect = defectOf(job, error);
  } finally {
    try {
      await job.close();
    } finally {
      display.stop();
      stop.release();
    }
  }
  const { report } = job;
  const begun = report.resumed || (progress.writes > 0 && progress.keys > 0);
  return { report, defect, begun, rates };
}

/** Enters the error into the report; gives it back when it is a defect. */
function defectOf(job: RestoreJob, error: unknown): unknown {
  try {
    job.stopped(error);
    return undefined;
  } catch (defect) {
    job.report.outcome = 'stopped';
    return defect;
  }
}

/** Rates of the whole writing, where all of it was done in one go. */
function ratesOf({ writes, result }: WatchedProgress, { resumed }: RestoreReport): Rates | undefined {
  const { bytes, keys, seconds } = result;
  if (writes !== 1 || resumed || keys === 0 || seconds < LEAST_TELLING_SECONDS) return undefined;
  return { bytesPerSecond: bytes / seconds, keysPerSecond: keys / seconds };
}

/** Tells how it went, on the screen and in the report. */
async function tell(ended: Ended, flags: RestoreFlags, io: Io): Promise<ExitCode> {
  const { report, defect, rates } = ended;
  const error = defect ?? report.error;
  const next = nextStep({ ...ended, defect: defect !== undefined, argv: io.argv, env: io.env });
  let exitCode = defect === undefined ? exitCodeOfReport(report) : EXIT.defect;
  const json = () => jsonLine(reportJson(report, { version, exitCode, error, rates, resume: next?.resume.command }));

  let unwritten: unknown;
  if (flags.report !== undefined) {
    try {
      await writeWhole(flags.report, json());
    } catch (failure) {
      unwritten = failure;
      if (exitCode === EXIT.complete) exitCode = EXIT.usage;
    }
  }
  if (flags.json) {
    await write(io.stdout, json());
  } else if (!flags.quiet || exitCode !== EXIT.complete) {
    const summary = summaryOf(ended, flags, io);
    await write(io.stdout, summary);
    const after = (error === undefined ? '' : renderError(error, errorLook(io))) + (next?.text ?? '');
    // On a screen both streams are one text, and this is its next paragraph.
    const gap = summary !== '' && after !== '' && io.stderr.isTTY ? '\n' : '';
    await write(io.stderr, gap + after);
  }
  if (unwritten !== undefined) await write(io.stderr, renderError(unwritten, errorLook(io)));
  return exitCode;
}

/** Empty for a job that was over before it began. */
function summaryOf({ report, begun, rates }: Ended, flags: RestoreFlags, { stdout, env }: Io): string {
  if (!begun && report.outcome !== 'complete' && report.outcome !== 'partial') return '';
  // A plan of standard input is of no use later.
  const planned = flags.passing ? [] : report.files.filter(({ name }) => name !== STDIN);
  return renderSummary(report, {
    style: styleFor(stdout, env),
    rates,
    warned: !flags.quiet,
    reportPath: flags.report,
    planPaths: planned.map(({ name }) => `${workPath(name, flags.workDir)}.plan.json`),
  });
}
