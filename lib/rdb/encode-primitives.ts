// Writes the primitives of the format (rdb-format.md 1.2) into a buffer that grows.
import { WideLength } from './strings.ts';

const FIRST_BYTES = 256;

export class ValueWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  /** What has been written: a view that further writing may change. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  i64le(value: bigint): this {
    const at = this.#reserve(8);
    this.#buffer.writeBigInt64LE(value, at);
    return this;
  }

  /** A length, in as few bytes as it takes. */
  length(length: number | bigint): this {
    if (length < 0x40) {
      const at = this.#reserve(1);
      this.#buffer[at] = Number(length);
    } else if (length < 0x4000) {
      const at = this.#reserve(2);
      this.#buffer.writeUInt16BE(0x4000 | Number(length), at);
    } else if (length <= 0xffff_ffff) {
      const at = this.#reserve(5);
      this.#buffer[at] = WideLength.U32;
      this.#buffer.writeUInt32BE(Number(length), at + 1);
    } else {
      const at = this.#reserve(9);
      this.#buffer[at] = WideLength.U64;
      this.#buffer.writeBigUInt64BE(BigInt(length), at + 1);
    }
    return this;
  }

  /** A string as it is, neither as a number nor compressed. */
  string(value: Uint8Array): this {
    return this.length(value.length).bytes(value);
  }

  /** Makes room for `count` bytes and gives their place. */
  #reserve(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#at, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
