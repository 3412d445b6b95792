// The RDB encodings that a Redis 7.0 chooses: lengths, strings (integer, LZF, plain), listpacks, intsets.
import type { ByteBuffer } from './byte-buffer.ts';
import { compressLzf } from './lzf-compress.ts';

/** The longest text that rdb.c tries as an integer. */
const LONGEST_INTEGER = 11;
/** rdb.c tries LZF on longer strings than this, and keeps it where it saves more than {@link LZF_MARGIN} − 1 bytes. */
const LZF_ABOVE = 20;
const LZF_MARGIN = 4;

/** Where a compressed string is built. */
let compressed = new Uint8Array(1 << 16);

/** A length below 2^32. @see rdb-format.md 1.2 */
export function writeLength(out: ByteBuffer, length: number): void {
  if (length < 1 << 6) {
    out.u8(length);
  } else if (length < 1 << 14) {
    out.u8(0x40 | (length >>> 8));
    out.u8(length & 0xff);
  } else {
    out.u8(0x80);
    out.u32be(length);
  }
}

/** A string in the encoding that rdb.c's rdbSaveRawString would choose. */
export function writeString(out: ByteBuffer, bytes: Uint8Array, start = 0, end = bytes.length): void {
  const length = end - start;
  if (length <= LONGEST_INTEGER) {
    const value = readInteger(bytes, start, end);
    if (value !== undefined) {
      writeInteger(out, value);
      return;
    }
  }
  if (length > LZF_ABOVE) {
    if (compressed.length < length) compressed = new Uint8Array(length * 2);
    const size = compressLzf(bytes, start, end, compressed, 0, length - LZF_MARGIN);
    if (size > 0) {
      out.u8(0xc3);
      writeLength(out, size);
      writeLength(out, length);
      out.append(compressed, 0, size);
      return;
    }
  }
  writeLength(out, length);
  out.append(bytes, start, end);
}

/** The integer of at most 32 bits that this text spells in the one canonical way, if it does. */
function readInteger(bytes: Uint8Array, start: number, end: number): number | undefined {
  const negative = bytes[start] === 0x2d;
  const digits = negative ? start + 1 : start;
  if (digits === end || (bytes[digits] === 0x30 && (negative || end - digits > 1))) return undefined;
  let value = 0;
  for (let at = digits; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  if (negative) value = -value;
  return (value | 0) === value ? value : undefined;
}

function writeInteger(out: ByteBuffer, value: number): void {
  if (value >= -0x80 && value <= 0x7f) {
    out.u8(0xc0);
    out.u8(value & 0xff);
  } else if (value >= -0x8000 && value <= 0x7fff) {
    out.u8(0xc1);
    out.u16le(value & 0xffff);
  } else {
    out.u8(0xc2);
    out.u16le(value & 0xffff);
    out.u16le((value >> 16) & 0xffff);
  }
}

/** Bytes before a listpack's first element: its size and the number of its elements. */
const LISTPACK_HEAD = 6;

/** Begins a listpack at the buffer's end and returns where; {@link endListpack} completes it. */
export function beginListpack(out: ByteBuffer): number {
  return out.grow(LISTPACK_HEAD);
}

/**
 * Completes the listpack that began at `start`.
 * @param elements fewer than 65,535
 */
export function endListpack(out: ByteBuffer, start: number, elements: number): void {
  out.u8(0xff);
  out.bytes.writeUInt32LE(out.length - start, start);
  out.bytes.writeUInt16LE(elements, start + 4);
}

/** Makes room for a string element of `length` bytes, below 4,096, and returns where the caller writes them. */
export function listpackText(out: ByteBuffer, length: number): number {
  let size = length + 1;
  if (length < 1 << 6) {
    out.u8(0x80 | length);
  } else {
    out.u8(0xe0 | (length >>> 8));
    out.u8(length & 0xff);
    size++;
  }
  const at = out.grow(length);
  writeBackLength(out, size);
  return at;
}

/** An integer element of at most 32 bits. @see rdb-format.md 1.7 */
export function listpackInteger(out: ByteBuffer, value: number): void {
  const start = out.length;
  if (value >= 0 && value <= 127) {
    out.u8(value);
  } else if (value >= -4096 && value <= 4095) {
    out.u8(0xc0 | ((value >> 8) & 0x1f));
    out.u8(value & 0xff);
  } else if (value >= -0x8000 && value <= 0x7fff) {
    out.u8(0xf1);
    out.u16le(value & 0xffff);
  } else if (value >= -0x80_0000 && value <= 0x7f_ffff) {
    out.u8(0xf2);
    out.u16le(value & 0xffff);
    out.u8((value >> 16) & 0xff);
  } else {
    out.u8(0xf3);
    out.u16le(value & 0xffff);
    out.u16le((value >> 16) & 0xffff);
  }
  writeBackLength(out, out.length - start);
}

/** The size of an element, behind it, so that a reader can walk backwards. */
function writeBackLength(out: ByteBuffer, size: number): void {
  if (size < 1 << 7) {
    out.u8(size);
  } else {
    out.u8(size >>> 7);
    out.u8((size & 0x7f) | 0x80);
  }
}

/** An intset. @param members ascending and distinct, at most 32 bits each */
export function writeIntset(out: ByteBuffer, members: readonly number[]): void {
  const lowest = members[0] ?? 0;
  const highest = members.at(-1) ?? 0;
  const width = lowest >= -0x8000 && highest <= 0x7fff ? 2 : 4;
  let at = out.grow(8 + members.length * width);
  out.bytes.writeUInt32LE(width, at);
  out.bytes.writeUInt32LE(members.length, at + 4);
  at += 8;
  for (const member of members) {
    out.bytes.writeIntLE(member, at, width);
    at += width;
  }
}
