// Listpacks, the small containers of Redis ≥ 5: proven once from end to end, then read (rdb-format.md 1.7, listpack.c).
import type { Cursor } from '../../bytes/cursor.ts';
import { Packed } from './packed.ts';

const HEADER_BYTES = 6;
const END = 0xff;
/** An element count that was too large for the header: to be found by walking to the end. */
const UNKNOWN_COUNT = 0xffff;

/** First bytes of entries; those below 0xf0 hold part of the number or length in their low bits. */
const Entry = { STRING_32: 0xf0, INT_16: 0xf1, INT_24: 0xf2, INT_32: 0xf3, INT_64: 0xf4 } as const;

export class Listpack extends Packed {
  readonly count: number;

  /**
   * @param cursor over exactly the listpack's bytes
   * @throws {RdbError} the cursor's code, where lengths, counts or the end mark disagree
   */
  constructor(cursor: Cursor) {
    super(cursor, HEADER_BYTES);
    this.count = countEntries(cursor);
  }

  get atEnd(): boolean {
    return this.bytes[this.position] === END;
  }

  /** The next entry; a number as its decimal text. */
  next(): Buffer {
    const { bytes } = this;
    const at = this.position;
    const first = bytes[at] as number;
    if (first === END) throw this.error('the listpack ends where another entry is expected', at);
    const size = entrySize(bytes, at);
    this.position = at + size + backlenSize(size);
    if (first >= 0x80 && first < 0xc0) return bytes.subarray(at + 1, at + size);
    if (first >= 0xe0 && first < 0xf0) return bytes.subarray(at + 2, at + size);
    if (first === Entry.STRING_32) return bytes.subarray(at + 5, at + size);
    return Buffer.from(String(numberAt(bytes, at, first)), 'latin1');
  }

  /** The next entry, which must be a number. */
  nextInteger(): bigint {
    return BigInt(this.#nextNumber());
  }

  /** The next entry, which must be a number from 0 to `most`. */
  nextCount(most: number): number {
    const at = this.position;
    const value = this.#nextNumber();
    if (value < 0 || value > most) throw this.error(`${value} is out of range: 0 to ${most} is expected`, at);
    return Number(value);
  }

  #nextNumber(): number | bigint {
    const at = this.position;
    const first = this.bytes[at] as number;
    const text = this.next();
    if (isNumber(first)) return numberAt(this.bytes, at, first);
    // Nothing in the format forbids a number that is written as text; servers read it as well.
    if (text.length <= 20 && /^-?\d+$/.test(text.toString('latin1'))) return BigInt(text.toString('latin1'));
    throw this.error('a number is expected here', at);
  }
}

/** Walks the whole listpack: every entry inside the bytes, every length the same from the front and from behind. */
function countEntries(cursor: Cursor): number {
  const { bytes } = cursor;
  if (bytes.length < HEADER_BYTES + 1) throw cursor.error(`${bytes.length} bytes are too few for a listpack`, 0);
  const declaredBytes = bytes.readUInt32LE(0);
  if (declaredBytes !== bytes.length) {
    throw cursor.error(`a listpack of ${bytes.length} bytes declares ${declaredBytes}`, 0);
  }
  const last = bytes.length - 1;
  let count = 0;
  let at = HEADER_BYTES;
  while (bytes[at] !== END) {
    const size = entrySize(bytes, at);
    if (size === 0) throw cursor.error('no listpack entry begins so', at);
    const end = at + size + backlenSize(size);
    if (end > last) throw cursor.error('a listpack entry goes beyond the end', at);
    if (!backlenAgrees(bytes, at + size, size)) throw cursor.error('the two lengths of a listpack entry differ', at);
    at = end;
    count++;
  }
  if (at !== last) throw cursor.error('the end mark of the listpack comes before its end', at);
  const declared = bytes.readUInt16LE(4);
  if (declared !== UNKNOWN_COUNT && declared !== count) {
    throw cursor.error(`a listpack of ${count} entries declares ${declared}`, 4);
  }
  return count;
}

/** Bytes of an entry without the length behind it; 0 when no entry begins so. May go beyond the end. */
function entrySize(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  if (first < 0xc0) return 1 + (first & 0x3f);
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 2 + (((first & 0x0f) << 8) | (bytes[at + 1] ?? 0));
  switch (first) {
    case Entry.STRING_32:
      return at + 5 <= bytes.length ? 5 + bytes.readUInt32LE(at + 1) : 5;
    case Entry.INT_16:
      return 3;
    case Entry.INT_24:
      return 4;
    case Entry.INT_32:
      return 5;
    case Entry.INT_64:
      return 9;
  }
  return 0;
}

/** Bytes of the length behind an entry. The steps are the servers' own, one below the powers of two above 127. */
function backlenSize(size: number): number {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** The length behind an entry is written to be read backwards: seven bits a byte, the lowest in the last byte. */
function backlenAgrees(bytes: Buffer, at: number, size: number): boolean {
  const width = backlenSize(size);
  if (width === 1) return bytes[at] === size;
  let rest = size;
  for (let i = width - 1; i >= 0; i--) {
    if (bytes[at + i] !== ((rest % 128) | (i === 0 ? 0 : 0x80))) return false;
    rest = Math.floor(rest / 128);
  }
  return true;
}

function isNumber(first: number): boolean {
  return first < 0x80 || (first >= 0xc0 && first < 0xe0) || (first >= Entry.INT_16 && first <= Entry.INT_64);
}

/** The number in the entry at `at`; a `bigint` only where it may be wider than 32 bits. */
function numberAt(bytes: Buffer, at: number, first: number): number | bigint {
  if (first < 0x80) return first;
  if (first < 0xe0) {
    const value = ((first & 0x1f) << 8) | (bytes[at + 1] as number);
    return value < 0x1000 ? value : value - 0x2000;
  }
  switch (first) {
    case Entry.INT_16:
      return bytes.readInt16LE(at + 1);
    case Entry.INT_24:
      return bytes.readIntLE(at + 1, 3);
    case Entry.INT_32:
      return bytes.readInt32LE(at + 1);
    default:
      return bytes.readBigInt64LE(at + 1);
  }
}
