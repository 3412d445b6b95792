// What the tool's exit code says, in one place: for the code, for the help and for scripts.
import { InputError, InterruptedError, KeyferryError, SourceError, TargetError } from '../lib/errors.ts';
import type { RestoreReport } from '../lib/jobs/report.ts';

export const EXIT = {
  complete: 0,
  usage: 1,
  input: 2,
  target: 3,
  partial: 4,
  /** EX_SOFTWARE of sysexits.h. */
  defect: 70,
  /** 128 + SIGINT, as shells have it; for SIGTERM too. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For the help. */
export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.complete, 'everything was done'],
  [EXIT.usage, 'wrong usage or configuration, or trouble on this machine (disk, folders)'],
  [EXIT.input, 'the input is missing, damaged, or no RDB'],
  [EXIT.target, 'a server refused, or could not be reached'],
  [EXIT.partial, 'done in part: what is missing is named in the report'],
  [EXIT.defect, 'a defect in keyferry'],
  [EXIT.interrupted, 'interrupted by Ctrl-C or SIGTERM'],
];

/** The code for what was thrown. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (!(error instanceof KeyferryError)) return EXIT.defect;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  if (error instanceof InputError) return EXIT.input;
  if (error instanceof TargetError || error instanceof SourceError) return EXIT.target;
  return EXIT.usage;
}

/** The code for a job that went its way. */
export function exitCodeOfReport({ outcome, error }: Pick<RestoreReport, 'outcome' | 'error'>): ExitCode {
  switch (outcome) {
    case 'complete':
      return EXIT.complete;
    case 'partial':
      return EXIT.partial;
    case 'interrupted':
      return EXIT.interrupted;
    case 'stopped':
      return exitCodeOfError(error);
  }
}
