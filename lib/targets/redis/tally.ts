// What became of the keys of a chunk, or of a whole job.
import type { AnyLoss } from './losses.ts';

/** Keys by what they lost because the target can't hold it. */
export type Losses = Partial<Record<AnyLoss, number>>;

/** A key that the target refused, and why. */
export interface FailedKey {
  readonly db: number;
  readonly key: Buffer;
  readonly type: string;
  readonly reason: string;
}

export interface Tally {
  /** Keys written now. */
  written: number;
  /** Keys that an earlier attempt of this job had written already. */
  already: number;
  /** Keys that existed and were left alone (`skip`). */
  skipped: number;
  /** Keys whose time had passed. */
  expired: number;
  /** Keys that a filter left out. */
  filtered: number;
  /** Of the keys that were written: what could not be kept. */
  losses: Losses;
  failed: FailedKey[];
}

export const newTally = (): Tally => ({
  written: 0,
  already: 0,
  skipped: 0,
  expired: 0,
  filtered: 0,
  losses: {},
  failed: [],
});

/** Counts one key for each of its losses. */
export function addLosses(sum: Losses, losses: readonly AnyLoss[]): void {
  for (const loss of losses) sum[loss] = (sum[loss] ?? 0) + 1;
}

/** Adds numbers of keys by their losses. */
export function addCounts(sum: Losses, more: Losses): void {
  for (const [loss, keys] of Object.entries(more) as [AnyLoss, number][]) sum[loss] = (sum[loss] ?? 0) + keys;
}

/** Adds `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  sum.written += more.written;
  sum.already += more.already;
  sum.skipped += more.skipped;
  sum.expired += more.expired;
  sum.filtered += more.filtered;
  addCounts(sum.losses, more.losses);
  sum.failed.push(...more.failed);
}

/** Keys that were dealt with, one way or another. */
export const tallied = (tally: Tally): number =>
  tally.written + tally.already + tally.skipped + tally.expired + tally.filtered + tally.failed.length;
