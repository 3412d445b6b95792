// How fast a job goes just now: measured over the last seconds.

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly keys: number;
}

/** The rates of the last seconds. */
export interface Rates {
  readonly bytesPerSecond: number;
  readonly keysPerSecond: number;
}

/** Long enough for rates that can be read, short enough to show a change soon. */
const WINDOW_MS = 5000;
/** Before that a rate says more about the clock than about the job. */
const LEAST_MS = 250;

export class Speed {
  readonly #samples: Sample[] = [];

  /** Notes how far the job is. Times and counters only grow within a phase. */
  sample(atMs: number, bytes: number, keys: number): void {
    this.#samples.push({ atMs, bytes, keys });
    // One sample older than the window stays, so that the window is covered.
    while (this.#samples.length > 2 && (this.#samples[1] as Sample).atMs <= atMs - WINDOW_MS) this.#samples.shift();
  }

  /** Forgets: another phase counts anew. */
  reset(): void {
    this.#samples.length = 0;
  }

  /** `undefined` until there is enough to tell. */
  get rates(): Rates | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS) return undefined;
    const seconds = (last.atMs - first.atMs) / 1000;
    return { bytesPerSecond: (last.bytes - first.bytes) / seconds, keysPerSecond: (last.keys - first.keys) / seconds };
  }
}
