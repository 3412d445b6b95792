// The report of a restore for machines: `--json` and `--report`. Every failed key is in it.
import type { RestoreReport } from '../lib/jobs/report.ts';
import { errorJson } from './error-view.ts';
import type { ExitCode } from './exit-codes.ts';
import { keyJson } from './key-json.ts';
import type { Rates } from './speed.ts';

export interface ReportExtras {
  readonly version: string;
  readonly exitCode: ExitCode;
  /** What ended the job: the report's error, or a defect. */
  readonly error: unknown;
  /** Of the writing; `undefined` where it would say little. */
  readonly rates: Rates | undefined;
  /** The command that goes on with the job, where there is one. */
  readonly resume: string | undefined;
}

/** Absent values are `null`, so that every report has the same shape. */
export function reportJson(report: RestoreReport, { version, exitCode, error, rates, resume }: ReportExtras): object {
  const { failed, ...counts } = report.keys;
  return {
    keyferry: version,
    outcome: report.outcome,
    exitCode,
    error: error === undefined ? null : errorJson(error),
    target: report.target,
    server: report.server ?? null,
    policy: report.policy,
    dryRun: report.dryRun,
    resumed: report.resumed,
    files: report.files,
    keys: { ...counts, failed: failed.map(({ db, key, type, reason }) => ({ db, ...keyJson(key), type, reason })) },
    functions: report.functions,
    tails: report.tails,
    warnings: report.warnings,
    seconds: report.seconds,
    keysPerSecond: rates === undefined ? null : Math.round(rates.keysPerSecond),
    bytesPerSecond: rates === undefined ? null : Math.round(rates.bytesPerSecond),
    resume: resume ?? null,
  };
}
