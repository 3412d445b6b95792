// Runs a job to its end, whatever that is: what restore and rump have in common around their work.
import { InterruptedError, KeyferryError } from '../errors.ts';
import type { RestoreReport } from './report.ts';

/** How long what is under way may take when a job is told to stop, in ms; then it is broken off. */
export const DRAIN_MS = 10_000;

export interface Job<Report> {
  readonly report: Report;
  run(): Promise<void>;
  /** Enters what ended the job into the report. What is no error of the family is a defect, and goes on up. */
  stopped(error: unknown): void;
  close(): Promise<void>;
}

export async function runJob<Report>(job: Job<Report>): Promise<Report> {
  try {
    await job.run();
  } catch (error) {
    job.stopped(error);
  } finally {
    await job.close();
  }
  return job.report;
}

/** @param signal the caller's @throws the error itself where it is a defect */
export function enterEnd(
  report: Pick<RestoreReport, 'outcome' | 'error'>,
  error: unknown,
  signal: AbortSignal | undefined,
): void {
  if (!signal?.aborted && !(error instanceof KeyferryError)) throw error;
  report.outcome = signal?.aborted ? 'interrupted' : 'stopped';
  report.error = signal?.aborted ? interrupted() : (error as KeyferryError);
}

export const interrupted = (): InterruptedError =>
  new InterruptedError('INTERRUPTED', 'the job was told to stop. What was confirmed is noted.', {
    remedy: 'The same command again goes on from here.',
  });
