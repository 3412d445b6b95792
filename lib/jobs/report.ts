// What a job says in the end: how it went, what became of the keys, and what a person should know.
import type { KeyferryError } from '../errors.ts';
import type { Tally } from '../targets/redis/tally.ts';

/**
 * `complete`: everything was written. `partial`: the job went to its end, but something that the report names was not
 * written. `stopped`: an error ended it. `interrupted`: it was told to stop. The last two go on when run again.
 */
export type Outcome = 'complete' | 'partial' | 'stopped' | 'interrupted';

export interface FunctionTally {
  written: number;
  already: number;
  skipped: number;
  failed: { library: string; reason: string }[];
}

export const newFunctionTally = (): FunctionTally => ({ written: 0, already: 0, skipped: 0, failed: [] });

export interface RestoreReport {
  outcome: Outcome;
  /** Why it stopped. */
  error: KeyferryError | undefined;
  files: { name: string; bytes: number; keys: number; rdb: string; reusedPlan: boolean }[];
  /** Without password. */
  target: string;
  server: string | undefined;
  policy: string;
  dryRun: boolean;
  /** An earlier run had begun the job. */
  resumed: boolean;
  keys: Tally;
  functions: FunctionTally;
  /** What was not applied: an append-only file's commands. */
  tails: { file: string; bytes: number; kind: string; ignored: boolean }[];
  warnings: string[];
  seconds: number;
}
