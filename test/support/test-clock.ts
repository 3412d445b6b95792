// A clock that a test sets: waiting moves it on at once.
import type { Clock } from '../../lib/telemetry/clock.ts';

export class TestClock implements Clock {
  /** Unix time in ms. */
  time: number;
  /** Every wait so far, ms. */
  readonly waits: number[] = [];

  constructor(time = 1_800_000_000_000) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.waits.push(ms);
    this.time += ms;
  }
}
