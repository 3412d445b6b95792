// Writes to a server at a steady rate while a test does something else.

export interface SteadyWrites {
  /** Begun so far. */
  readonly count: number;
  /** Ends them. @returns how many a second were done from the first to the last */
  stop(): Promise<number>;
}

const TICK_MS = 5;
/** More are not asked of a server at once, also where it is behind. */
const MOST_AT_ONCE = 500;

/**
 * @param rate per second; what is late is made up for
 * @param write does so many writes, and ends when they are answered
 */
export function writeSteadily(rate: number, write: (writes: number) => Promise<unknown>): SteadyWrites {
  const began = performance.now();
  let count = 0;
  let ended: number | undefined;
  const writing = (async () => {
    while (ended === undefined) {
      const due = Math.floor(((performance.now() - began) / 1000) * rate) - count;
      if (due > 0) {
        const batch = Math.min(due, MOST_AT_ONCE);
        count += batch;
        await write(batch);
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  })();
  return {
    get count() {
      return count;
    },
    stop: async () => {
      ended = performance.now();
      await writing;
      return Math.round((1000 * count) / (ended - began));
    },
  };
}
