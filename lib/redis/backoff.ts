// How long to wait before the next try, and when to give up.
import type { Clock } from '../telemetry/clock.ts';

const FIRST_MS = 50;
const LONGEST_MS = 3000;

/** Doubling waits with jitter, bounded by a deadline that a success moves away. */
export class Backoff {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #tries = 0;
  #since: number | undefined;

  /** @param patienceMs how long trouble may last from the first failure after a success */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** Forgets the trouble. */
  succeed(): void {
    this.#tries = 0;
    this.#since = undefined;
  }

  /** The wait before the next try in ms; `undefined` when patience has run out. */
  fail(): number | undefined {
    const now = this.#clock.now();
    this.#since ??= now;
    if (now - this.#since > this.#patienceMs) return undefined;
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries++);
    return bound / 2 + Math.random() * (bound / 2);
  }
}
