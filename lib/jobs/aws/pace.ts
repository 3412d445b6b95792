// How fast an input is read that one call has to read to its end: what won't be done in time is refused as soon as it shows.
import { InputError } from '../../errors.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Deadline } from './job.ts';

/** From here on the speed so far tells how long the rest takes; ms. */
const MEASURED_MS = 30_000;

export interface PacedInput {
  /** What people call it. */
  readonly name: string;
  /** Bytes, all in all. */
  readonly size: number;
  /** What is done with it: `unpack this file`. */
  readonly task: string;
  /** What helps. */
  readonly remedy: string;
}

export class Pace {
  readonly #input: PacedInput;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  readonly #start: number;
  #read = 0;

  constructor(input: PacedInput, clock: Clock, deadline: Deadline) {
    this.#input = input;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#start = clock.now();
  }

  /** @throws {InputError} `INPUT_TOO_SLOW` where the time that is left is too short for the rest */
  add(bytes: number): void {
    this.#read += bytes;
    const now = this.#clock.now();
    const took = now - this.#start;
    if (took < MEASURED_MS) return;
    const needs = (took / this.#read) * (this.#input.size - this.#read);
    if (needs < this.#deadline.hardEnd - now) return;
    throw this.#tooSlow(`the rest takes about ${Math.ceil(needs / 60_000)} minutes more.`);
  }

  /** What was thrown in a call whose time is up: that it is up. Any other error as it is. */
  explain(error: unknown): unknown {
    return this.#deadline.signal.aborted ? this.#tooSlow('it was cut off.') : error;
  }

  #tooSlow(why: string): InputError {
    const { name, task, remedy } = this.#input;
    return new InputError('INPUT_TOO_SLOW', `a function cannot ${task} in its time: ${why}`, { where: name, remedy });
  }
}
