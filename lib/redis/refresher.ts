// Runs a look at the topology for all who ask for one: one at a time, and not too often.
import type { Clock } from '../telemetry/clock.ts';

export class Refresher {
  readonly #look: () => Promise<void>;
  readonly #pauseMs: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #running: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param pauseMs from the beginning of one look to that of the next, at least */
  constructor(look: () => Promise<void>, pauseMs: number, clock: Clock, signal: AbortSignal | undefined) {
    this.#look = look;
    this.#pauseMs = pauseMs;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves when a look has ended; at once, without one, when the job is told to stop. */
  refresh(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const wait = this.#lookedAt + this.#pauseMs - this.#clock.now();
    if (wait > 0) await this.#clock.sleep(wait, this.#signal).catch(() => undefined);
    if (this.#signal?.aborted) return;
    this.#lookedAt = this.#clock.now();
    await this.#look();
  }
}
