// Intsets: sets of small numbers, sorted, all of one width (rdb-format.md 1.7, intset.c).
import type { Cursor } from '../../bytes/cursor.ts';
import { Packed } from './packed.ts';

const HEADER_BYTES = 8;

export class Intset extends Packed {
  readonly count: number;
  readonly #width: number;

  /**
   * @param cursor over exactly the intset's bytes
   * @throws {RdbError} the cursor's code, where sizes disagree or the members do not rise
   */
  constructor(cursor: Cursor) {
    super(cursor, HEADER_BYTES);
    const { bytes } = this;
    if (bytes.length < HEADER_BYTES) throw this.error(`${bytes.length} bytes are too few for an intset`, 0);
    this.#width = bytes.readUInt32LE(0);
    this.count = bytes.readUInt32LE(4);
    if (this.#width !== 2 && this.#width !== 4 && this.#width !== 8) {
      throw this.error(`an intset has numbers of 2, 4 or 8 bytes, not ${this.#width}`, 0);
    }
    if (bytes.length !== HEADER_BYTES + this.count * this.#width) {
      throw this.error(`an intset of ${bytes.length} bytes declares ${this.count} numbers of ${this.#width}`, 4);
    }
    for (let at = HEADER_BYTES + this.#width; at < bytes.length; at += this.#width) {
      // The servers search it by bisection; rising also means that none comes twice.
      if (this.#numberAt(at) <= this.#numberAt(at - this.#width)) {
        throw this.error('the numbers of the intset do not rise', at);
      }
    }
  }

  /** The next member as decimal text. */
  next(): Buffer {
    const at = this.position;
    this.position = at + this.#width;
    return Buffer.from(String(this.#numberAt(at)), 'latin1');
  }

  #numberAt(at: number): number | bigint {
    if (this.#width === 2) return this.bytes.readInt16LE(at);
    return this.#width === 4 ? this.bytes.readInt32LE(at) : this.bytes.readBigInt64LE(at);
  }
}
