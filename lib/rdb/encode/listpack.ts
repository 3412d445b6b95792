// Writes listpacks, byte for byte as servers do (rdb-format.md 1.7, listpack.c).
import { canonicalInteger } from './integer.ts';

const HEADER_BYTES = 6;
const END = 0xff;
/** What the header says of this many elements and more: that they are to be counted. */
const UNKNOWN_COUNT = 0xffff;
const FIRST_BYTES = 256;
/** What an element takes besides the bytes of its string, at most: first byte, length and the length behind it. */
const MOST_OVERHEAD = 1 + 4 + 5;

/** Where an element's length begins to take one more byte behind it: the servers' own steps, one below powers of two. */
const BACKLEN_STEPS = [128, 16_383, 2_097_151, 268_435_455] as const;

export class ListpackWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = HEADER_BYTES;
  #count = 0;

  /** Bytes of the whole listpack as it stands, with its header and end mark. */
  get size(): number {
    return this.#at + 1;
  }

  get count(): number {
    return this.#count;
  }

  /** A string, as a number where it is one of up to 64 bits. */
  string(bytes: Uint8Array): this {
    const number = canonicalInteger(bytes);
    if (number !== undefined) return this.integer(number);
    const start = this.#reserve(bytes.length);
    const buffer = this.#buffer;
    if (bytes.length < 0x40) {
      buffer[this.#at++] = 0x80 | bytes.length;
    } else if (bytes.length < 0x1000) {
      buffer[this.#at++] = 0xe0 | (bytes.length >> 8);
      buffer[this.#at++] = bytes.length & 0xff;
    } else {
      buffer[this.#at++] = 0xf0;
      this.#at = buffer.writeUInt32LE(bytes.length, this.#at);
    }
    buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    return this.#close(start);
  }

  /** @throws {RangeError} for what 64 bits with a sign do not hold */
  integer(value: number | bigint): this {
    const start = this.#reserve(0);
    const buffer = this.#buffer;
    if (value < -0x8000_0000 || value > 0x7fff_ffff) {
      buffer[start] = 0xf4;
      this.#at = buffer.writeBigInt64LE(BigInt(value), start + 1);
      return this.#close(start);
    }
    const number = Number(value);
    if (number >= 0 && number < 0x80) {
      buffer[start] = number;
      this.#at = start + 1;
    } else if (number >= -0x1000 && number < 0x1000) {
      buffer[start] = 0xc0 | ((number >> 8) & 0x1f);
      buffer[start + 1] = number & 0xff;
      this.#at = start + 2;
    } else if (number >= -0x8000 && number < 0x8000) {
      buffer[start] = 0xf1;
      this.#at = buffer.writeInt16LE(number, start + 1);
    } else if (number >= -0x80_0000 && number < 0x80_0000) {
      buffer[start] = 0xf2;
      this.#at = buffer.writeIntLE(number, start + 1, 3);
    } else {
      buffer[start] = 0xf3;
      this.#at = buffer.writeInt32LE(number, start + 1);
    }
    return this.#close(start);
  }

  /** Writes another number over the first element; both are from 0 to 127 and so take the same single byte. */
  replaceFirst(value: number): this {
    this.#buffer[HEADER_BYTES] = value;
    return this;
  }

  /** The listpack: a view of memory that the next writing after {@link clear} may change. */
  finish(): Buffer {
    this.#reserve(0);
    this.#buffer[this.#at] = END;
    this.#buffer.writeUInt32LE(this.size, 0);
    this.#buffer.writeUInt16LE(Math.min(this.#count, UNKNOWN_COUNT), 4);
    return this.#buffer.subarray(0, this.size);
  }

  /** Begins another listpack in the same memory. */
  clear(): this {
    this.#at = HEADER_BYTES;
    this.#count = 0;
    return this;
  }

  /** Makes room for an element with a string of `length` bytes and gives its place. */
  #reserve(length: number): number {
    const needed = this.#at + length + MOST_OVERHEAD + 1;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#at);
      this.#buffer = larger;
    }
    return this.#at;
  }

  /** Puts the length of the element that began at `start` behind it: seven bits a byte, the lowest in the last byte. */
  #close(start: number): this {
    const size = this.#at - start;
    let width = 1;
    for (const step of BACKLEN_STEPS) if (size >= step) width++;
    let rest = size;
    for (let i = width - 1; i >= 0; i--) {
      this.#buffer[this.#at + i] = (rest % 128) | (i === 0 ? 0 : 0x80);
      rest = Math.floor(rest / 128);
    }
    this.#at += width;
    this.#count++;
    return this;
  }
}
