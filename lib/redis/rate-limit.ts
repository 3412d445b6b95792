// Holds a job down to so many bytes and keys a second.
import type { Clock } from '../telemetry/clock.ts';

export interface Rate {
  readonly bytesPerSecond?: number | undefined;
  readonly keysPerSecond?: number | undefined;
}

/** How far ahead of the allowed rate a burst may run, in ms. */
const BURST_MS = 100;

/** Two schedules, one for bytes and one for keys: each take moves its schedule on, and the later one is waited for. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #msPerByte: number;
  readonly #msPerKey: number;
  #bytesPaidTo = 0;
  #keysPaidTo = 0;

  constructor(rate: Rate, clock: Clock) {
    this.#clock = clock;
    this.#msPerByte = rate.bytesPerSecond === undefined ? 0 : 1000 / rate.bytesPerSecond;
    this.#msPerKey = rate.keysPerSecond === undefined ? 0 : 1000 / rate.keysPerSecond;
  }

  get limited(): boolean {
    return this.#msPerByte > 0 || this.#msPerKey > 0;
  }

  /** Books bytes and keys, and waits until they may go. */
  async take(bytes: number, keys: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    this.#bytesPaidTo = Math.max(this.#bytesPaidTo, now - BURST_MS) + bytes * this.#msPerByte;
    this.#keysPaidTo = Math.max(this.#keysPaidTo, now - BURST_MS) + keys * this.#msPerKey;
    const wait = Math.max(this.#bytesPaidTo, this.#keysPaidTo) - now;
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }
}
