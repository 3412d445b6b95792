// A source that is read from one end to the other, with somebody who is shown its bytes on the way: each once, in order.
import type { ByteSource } from './byte-source.ts';
import { PassingSource } from './passing-source.ts';

/** Reads have to begin at or before where the last one ended, one after the other. */
export class ObservedSource extends PassingSource {
  readonly #show: (bytes: Buffer) => void | Promise<void>;
  /** Up to where bytes have been shown. */
  #at: number;

  /**
   * @param show each piece is good until it returns; what it throws, the read throws
   * @param from where it goes on with what was shown before
   */
  constructor(source: ByteSource, show: (bytes: Buffer) => void | Promise<void>, from = 0) {
    super(source);
    this.#show = show;
    this.#at = from;
  }

  async read(start: number, end: number, into?: Buffer): Promise<Buffer> {
    const bytes = await this.source.read(start, end, into);
    if (end <= this.#at) return bytes;
    if (start > this.#at) throw new Error(`bytes ${this.#at} to ${start} of ${this.name} were passed over`);
    const fresh = bytes.subarray(this.#at - start, end - start);
    this.#at = end;
    await this.#show(fresh);
    return bytes;
  }

  /** Reads what has not been read. */
  async finish(): Promise<void> {
    while (this.#at < this.size) await this.read(this.#at, Math.min(this.size, this.#at + REST_BYTES));
  }
}

const REST_BYTES = 1024 * 1024;
