// A buffer that JSON is written into byte by byte, used again and again, so that no key costs an object or a string.
import { escapeTextKernel, kernelInput, kernelOutput } from '../../bytes/kernels.ts';
import { utf8Size } from './utf8.ts';

/** The kernels' output, where LZF expands to, as a Buffer: strings that lie there are escaped without a copy. */
export const expandedText = Buffer.from(kernelOutput.buffer, kernelOutput.byteOffset, kernelOutput.length);
const escapedText = Buffer.from(kernelInput.buffer, kernelInput.byteOffset, kernelInput.length);
/** From this many bytes on, copying a string to the kernel and back costs less than escaping it here. */
const KERNEL_FROM_BYTES = 96;
/** Strings in the kernels' output are escaped by the kernel from this many bytes on. */
const KERNEL_FROM_BYTES_IN_PLACE = 48;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
/** Below this many bytes a loop copies faster than a call of `copy`. */
const SMALL_COPY_BYTES = 40;
/** Strings are escaped so many bytes at a time, so that room for the worst case stays small. */
const BLOCK_BYTES = 4096;
/** The most that a byte becomes: `\u001f`. */
const MOST_GROWTH = 6;
/** Room for quotes, for a character that reaches beyond a block, and for a number. */
const SLACK = 64;

/** By byte: 1 for what stands for itself in a JSON string. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

/** By byte: what stands behind the backslash; 0 where it is `u` and four hexadecimal digits. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const [byte, letter] of ['\b', '\f', '\n', '\r', '\t', '"', '\\'].map((c, i) => [c, 'bfnrt"\\'[i]] as const)) {
  SHORT_ESCAPES[byte.charCodeAt(0)] = (letter as string).charCodeAt(0);
}
const HEX = Buffer.from('0123456789abcdef', 'latin1');

const BASE64_HEAD = ascii('{"base64":"');
const BASE64_TAIL = ascii('"}');

/** The bytes of an ASCII text, for constants that are written often. */
export function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export class JsonBuffer {
  /** What has been written is `bytes[0, at)`. Another Buffer takes its place when it grows. */
  bytes: Buffer;
  /** Where the next byte goes. May be set back to drop what was written last. */
  at = 0;

  readonly #home: Buffer;

  /** @param home the bytes to begin with, and to come back to */
  constructor(home: Buffer = Buffer.allocUnsafe(256 * 1024)) {
    this.#home = home;
    this.bytes = home;
  }

  /** Forgets what was written, and the larger Buffer that it took. */
  empty(): void {
    this.at = 0;
    this.bytes = this.#home;
  }

  /** What has been written: a view, valid until more is. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  /** Makes room for `count` bytes more. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, this.at + count));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  byte(byte: number): void {
    if (this.at === this.bytes.length) this.reserve(1);
    this.bytes[this.at++] = byte;
  }

  /** Bytes as they are. */
  raw(constant: Buffer): void {
    const { length } = constant;
    this.reserve(length);
    const { bytes } = this;
    const at = this.at;
    if (length < SMALL_COPY_BYTES) for (let i = 0; i < length; i++) bytes[at + i] = constant[i] as number;
    else constant.copy(bytes, at, 0, length);
    this.at = at + length;
  }

  /** ASCII text as it is. */
  text(text: string): void {
    this.reserve(text.length);
    this.at += this.bytes.write(text, this.at, 'latin1');
  }

  /** A whole number that a double holds exactly. */
  integer(value: number): void {
    this.reserve(SLACK);
    let at = this.at;
    let left = value;
    if (left < 0) {
      this.bytes[at++] = MINUS;
      left = -left;
    }
    const end = at + digitCount(left);
    for (let place = end - 1; place >= at; place--) {
      const tens = left < 2 ** 31 ? (left / 10) | 0 : Math.floor(left / 10);
      this.bytes[place] = 0x30 + (left - tens * 10);
      left = tens;
    }
    this.at = end;
  }

  /** A whole number as a JSON string: how Redis gives the strings that it stores as numbers. */
  quotedInteger(value: number): void {
    this.byte(QUOTE);
    this.integer(value);
    this.byte(QUOTE);
  }

  /** A whole number of any size: a JSON number up to 2^53 − 1, beyond it a string of its digits. */
  wideInteger(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) this.integer(number);
    else this.text(`"${value}"`);
  }

  /** A double: as many digits as tell it; a string where it is infinite, no number, or beyond 2^53 − 1. */
  double(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
      if (Object.is(value, -0)) this.text('-0.0');
      else this.integer(value);
    } else if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
      this.text(String(value));
    } else {
      this.text(Number.isFinite(value) ? `"${value}"` : Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"');
    }
  }

  /**
   * A Redis string: `bytes[start, end)` as a JSON string, or, where it is no valid UTF-8 or holds a byte 0, as the object
   * that marks base64. Which of them shows in the first byte written.
   */
  string(bytes: Buffer, start = 0, end: number = bytes.length): void {
    const before = this.at;
    if (end - start >= KERNEL_FROM_BYTES_IN_PLACE && this.#stringByKernel(bytes, start, end)) return;
    this.byte(QUOTE);
    for (let from = start; from < end; ) {
      from = this.#escape(bytes, from, Math.min(from + BLOCK_BYTES, end), end);
      if (from === -1) {
        this.at = before;
        this.#base64Mark(bytes, start, end);
        return;
      }
    }
    this.byte(QUOTE);
  }

  /** False, with nothing written, for what is too short or too long for the kernel, and what can't be a JSON string. */
  #stringByKernel(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    let from = start;
    if (bytes !== expandedText) {
      if (length < KERNEL_FROM_BYTES || length > expandedText.length) return false;
      bytes.copy(expandedText, 0, start, end);
      from = 0;
    }
    const escaped = escapeTextKernel(from, length);
    if (escaped < 0) return false;
    this.reserve(escaped + 2);
    this.bytes[this.at] = QUOTE;
    escapedText.copy(this.bytes, this.at + 1, 0, escaped);
    this.at += escaped + 2;
    this.bytes[this.at - 1] = QUOTE;
    return true;
  }

  /** Bytes in base64, between quotes. */
  base64(bytes: Buffer, start = 0, end: number = bytes.length): void {
    this.byte(QUOTE);
    this.#base64(bytes, start, end);
    this.byte(QUOTE);
  }

  /** Puts bytes in between; what was written from `at` on moves behind them. */
  insert(at: number, inserted: Buffer): void {
    this.reserve(inserted.length);
    this.bytes.copyWithin(at + inserted.length, at, this.at);
    inserted.copy(this.bytes, at);
    this.at += inserted.length;
  }

  /**
   * Escapes at least `bytes[start, blockEnd)`.
   *
   * @param end of the whole string: the last character may reach beyond the block
   * @returns up to where it went; -1 for what can't be a JSON string
   */
  #escape(bytes: Buffer, start: number, blockEnd: number, end: number): number {
    this.reserve((blockEnd - start) * MOST_GROWTH + SLACK);
    const out = this.bytes;
    let at = this.at;
    let i = start;
    while (i < blockEnd) {
      const byte = bytes[i] as number;
      if (PLAIN[byte] === 1) {
        out[at++] = byte;
        i++;
      } else if (byte >= 0x80) {
        const size = utf8Size(bytes, i, end);
        if (size === 0) return -1;
        for (const next = i + size; i < next; i++) out[at++] = bytes[i] as number;
      } else if (byte === 0) {
        return -1;
      } else {
        at = escapeAscii(out, at, byte);
        i++;
      }
    }
    this.at = at;
    return i;
  }

  #base64Mark(bytes: Buffer, start: number, end: number): void {
    this.raw(BASE64_HEAD);
    this.#base64(bytes, start, end);
    this.raw(BASE64_TAIL);
  }

  #base64(bytes: Buffer, start: number, end: number): void {
    // In blocks of whole groups of three bytes, since the text of all could be longer than a string can be.
    for (let from = start; from < end; from += 3 * BLOCK_BYTES) {
      this.text(bytes.toString('base64', from, Math.min(from + 3 * BLOCK_BYTES, end)));
    }
  }
}

function escapeAscii(out: Buffer, start: number, byte: number): number {
  let at = start;
  out[at++] = BACKSLASH;
  const letter = SHORT_ESCAPES[byte] as number;
  if (letter !== 0) {
    out[at++] = letter;
    return at;
  }
  out[at++] = 0x75; // u
  out[at++] = 0x30;
  out[at++] = 0x30;
  out[at++] = HEX[byte >> 4] as number;
  out[at++] = HEX[byte & 15] as number;
  return at;
}

/** Decimal digits of a whole number, 0 or more. */
function digitCount(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  let digits = 4;
  for (let bound = 10_000; value >= bound; bound *= 10) digits++;
  return digits;
}
