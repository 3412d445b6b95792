// Sends a value's commands in batches that never hold the server up for long, a few under way at a time.
import type { Command } from '../../redis/command-pipe.ts';
import type { Reply } from '../../resp/reply-reader.ts';
import { costOf, sizeOf } from './variadic.ts';

export interface PacedWriterOptions {
  /** Runs a batch. */
  send(batch: readonly Command[]): Promise<Reply[]>;
  /** Told of bytes before they are sent; holds them to a rate. */
  onPiece(bytes: number): Promise<void>;
  /** The largest batch; bytes, as `costOf` counts them. */
  readonly mostBytes: number;
  /** How long a command that costs the server nothing took; ms. */
  readonly roundTripMs: number;
}

/** A server that is busy with one batch answers nobody else meanwhile: it should not be longer than this. */
const LONGEST_MS = 20;
const FIRST_BYTES = 64 * 1024;
const FEWEST_BYTES = 16 * 1024;
/** Batches under way: enough that the server need not wait for the next. */
const UNDER_WAY = 4;
/** Bytes under way, where one element is not more: large ones are in memory until they are answered. */
const UNDER_WAY_BYTES = 8 * 1024 * 1024;

export class PacedWriter {
  /** Bytes of the next batch, as `costOf` counts them; commands should not be larger. */
  readonly limits: { bytes: number };
  readonly #options: PacedWriterOptions;
  #batch: Command[] = [];
  #bytes = 0;
  #cost = 0;
  readonly #underWay: { readonly bytes: number; readonly answered: Promise<void> }[] = [];
  #bytesUnderWay = 0;
  #answeredAt = 0;
  /** What a batch needs that costs the server nothing, at most, as far as is seen; ms. */
  #roundTripMs: number;

  constructor(options: PacedWriterOptions) {
    this.#options = options;
    this.#roundTripMs = options.roundTripMs;
    this.limits = { bytes: Math.min(FIRST_BYTES, options.mostBytes) };
  }

  async add(command: Command): Promise<void> {
    this.#batch.push(command);
    this.#bytes += sizeOf(command);
    this.#cost += costOf(command);
    if (this.#cost >= this.limits.bytes) await this.#flush();
  }

  /** Sends the rest, and waits until all is answered. */
  async settled(): Promise<void> {
    if (this.#batch.length > 0) await this.#flush();
    await Promise.all(this.#underWay.map(({ answered }) => answered));
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    const cost = this.#cost;
    const bytes = this.#bytes;
    this.#batch = [];
    this.#cost = 0;
    this.#bytes = 0;
    await this.#options.onPiece(bytes);
    await this.#roomFor(bytes);
    const answered = this.#send(batch, cost);
    answered.catch(() => undefined); // it is told to whoever waits next
    this.#underWay.push({ bytes, answered });
    this.#bytesUnderWay += bytes;
  }

  async #roomFor(bytes: number): Promise<void> {
    while (this.#underWay.length >= UNDER_WAY || this.#bytesUnderWay + bytes > UNDER_WAY_BYTES) {
      const oldest = this.#underWay.shift();
      if (oldest === undefined) return;
      this.#bytesUnderWay -= oldest.bytes;
      await oldest.answered;
    }
  }

  async #send(batch: readonly Command[], cost: number): Promise<void> {
    const sentAt = performance.now();
    await this.#options.send(batch);
    const now = performance.now();
    this.#roundTripMs = Math.min(this.#roundTripMs, now - sentAt);
    // Its turn came when it had arrived and the one before was done.
    const took = now - Math.max(sentAt + this.#roundTripMs, this.#answeredAt);
    this.#answeredAt = now;
    const { limits } = this;
    if (took > LONGEST_MS) limits.bytes = Math.max(FEWEST_BYTES, limits.bytes / 2);
    else if (took < LONGEST_MS / 2 && cost >= limits.bytes / 2) {
      limits.bytes = Math.min(this.#options.mostBytes, limits.bytes * 2);
    }
  }
}
