// An input that takes long to read, without the wait: functions are told a time that runs ahead.
import { vi } from 'vitest';
import { systemClock } from '../../lib/telemetry/clock.ts';
import type { RunOptions } from './machine.ts';

/** Each look at the clock of one step finds so much more time gone, ms: two and the speed counts as measured (pace.ts). */
const AHEAD_MS = 16_000;

/** Runs the calls of one step under that clock. */
export const slowIn =
  (step: string): NonNullable<RunOptions['around']> =>
  ({ name }, run) =>
    name === step ? underFastClock(run) : run();

export async function underFastClock<T>(run: () => Promise<T>): Promise<T> {
  let ahead = 0;
  const clock = vi.spyOn(systemClock, 'now').mockImplementation(() => {
    ahead += AHEAD_MS;
    return Date.now() + ahead;
  });
  try {
    return await run();
  } finally {
    clock.mockRestore();
  }
}
