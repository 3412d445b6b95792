// A window over a value's bytes that steps from length to length: what is between is skipped, even beyond the window.
import { lengthSize, readLength } from '../../rdb/strings.ts';

/** Every head (a length, a string's head and the first bytes of a container behind it) is shorter than this. */
export const HEAD_BYTES = 64;
/** First bytes of a container that are looked at. */
const BLOB_HEAD_BYTES = 12;

/** The longest number of 64 bits as text, and the digits of which every number fits into them. */
const LONGEST_NUMBER = 20;
const SURE_DIGITS = 19;

export class ValueWindow {
  bytes: Buffer = Buffer.alloc(0);
  /** Offset in the file of `bytes[0]`. */
  base = 0;
  /** Offset in the file of the next byte. */
  at = 0;
  /** From here on, the window may not hold a whole head: it has to be moved. */
  safe = 0;

  // Of the string that was passed last.
  /** Where it begins and where its content does, offsets in the file. */
  start = 0;
  content = 0;
  /** It is stored as a number; compressed. */
  integer = false;
  compressed = false;
  headBytes = this.bytes;
  headAt = 0;

  /** Bytes that hold a whole value, or all that is left of it. */
  hold(bytes: Buffer, base: number, at: number): void {
    this.move(bytes, base, at, Number.POSITIVE_INFINITY);
  }

  move(bytes: Buffer, base: number, at: number, safe: number): void {
    this.bytes = bytes;
    this.base = base;
    this.at = at;
    this.safe = safe;
  }

  length(): number {
    const index = this.at - this.base;
    const first = this.bytes[index] as number;
    if (first < 0x40) {
      this.at++;
      return first;
    }
    this.at += lengthSize(first);
    return readLength(this.bytes, index, this.base);
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  /** A score as text. */
  skipTextDouble(): void {
    const size = this.bytes[this.at - this.base] as number;
    this.at += 1 + (size < 253 ? size : 0);
  }

  /** Passes a string; gives its length as the server has it in memory. */
  string(): number {
    this.start = this.at;
    const { bytes } = this;
    const index = this.at - this.base;
    const first = bytes[index] as number;
    this.integer = false;
    this.compressed = false;
    if (first < 0xc0) {
      const length = this.length();
      this.content = this.at;
      this.at += length;
      return length;
    }
    if (first === 0xc3) {
      this.compressed = true;
      this.at++;
      const packed = this.length();
      const length = this.length();
      this.content = this.at;
      this.at += packed;
      return length;
    }
    this.integer = true;
    this.content = index + 1 + this.base;
    this.at += first === 0xc0 ? 2 : first === 0xc1 ? 3 : 5;
    return String(this.number()).length;
  }

  /** The number that the string is which was passed last. */
  number(): number {
    const index = this.content - this.base;
    const first = this.bytes[index - 1];
    if (first === 0xc0) return this.bytes.readInt8(index);
    return first === 0xc1 ? this.bytes.readInt16LE(index) : this.bytes.readInt32LE(index);
  }

  /** A server keeps the string that was passed last, of so many bytes, as a number: 64 bits, written as it would itself. */
  isNumber(length: number): boolean {
    if (this.integer) return true;
    if (length === 0 || length > LONGEST_NUMBER || this.compressed) return false;
    const { bytes } = this;
    const start = this.content - this.base;
    const end = start + length;
    const digits = bytes[start] === 0x2d ? start + 1 : start;
    for (let at = digits; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x30 || byte > 0x39) return false;
    }
    // No zero in front, but for zero itself; and "-" and "-0" are texts.
    if (digits === end || (bytes[digits] === 0x30 && length > 1)) return false;
    if (end - digits < SURE_DIGITS) return true;
    const number = BigInt(bytes.toString('latin1', start, end));
    return BigInt.asIntN(64, number) === number;
  }

  /**
   * Makes the first bytes of the string that was passed last readable at `headBytes[headAt]`: up to 12, fewer where it is
   * shorter or the window ends; how many there are is returned.
   */
  head(): number {
    const from = this.content - this.base;
    const to = Math.min(this.at - this.base, this.bytes.length);
    if (this.compressed) {
      this.headBytes = expandHead(this.bytes, from, to);
      this.headAt = 0;
      return BLOB_HEAD_BYTES;
    }
    this.headBytes = this.bytes;
    this.headAt = from;
    return Math.min(BLOB_HEAD_BYTES, to - from);
  }
}

/** The beginning of an LZF block (rdb-format.md 1.9), as far as its bytes are there and in order. */
function expandHead(bytes: Buffer, from: number, to: number): Buffer {
  const head = Buffer.alloc(BLOB_HEAD_BYTES);
  let at = from;
  let written = 0;
  while (written < BLOB_HEAD_BYTES && at < to) {
    const control = bytes[at++] as number;
    if (control < 32) {
      written += bytes.copy(head, written, at, Math.min(at + control + 1, to));
      at += control + 1;
      continue;
    }
    const count = (control >> 5) + 2 + (control >> 5 === 7 ? (bytes[at++] ?? 0) : 0);
    const distance = ((control & 31) << 8) + (bytes[at++] ?? 0) + 1;
    for (let i = 0; i < count && written < BLOB_HEAD_BYTES; i++, written++)
      head[written] = head[written - distance] ?? 0;
  }
  return head;
}
