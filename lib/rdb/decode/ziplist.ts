// Ziplists, the small containers before Redis 7: proven once from end to end, then read (rdb-format.md 1.7, ziplist.c).
import type { Cursor } from '../../bytes/cursor.ts';
import { Packed } from './packed.ts';

const HEADER_BYTES = 10;
const END = 0xff;
/** An element count that was too large for the header: to be found by walking to the end. */
const UNKNOWN_COUNT = 0xffff;
/** In place of a previous entry's length of one byte: four bytes follow. */
const WIDE_PREVIOUS = 0xfe;

/** First bytes of an entry behind the previous entry's length; below 0xc0 the two high bits say how a length goes on. */
const Entry = {
  STRING_32: 0x80,
  INT_16: 0xc0,
  INT_32: 0xd0,
  INT_64: 0xe0,
  INT_24: 0xf0,
  /** From here to 0xfd the byte itself is a number from 0 to 12. */
  SMALLEST: 0xf1,
  LARGEST: 0xfd,
  INT_8: 0xfe,
} as const;

export class Ziplist extends Packed {
  readonly count: number;

  /**
   * @param cursor over exactly the ziplist's bytes
   * @throws {RdbError} the cursor's code, where lengths, counts, offsets or the end mark disagree
   */
  constructor(cursor: Cursor) {
    super(cursor, HEADER_BYTES);
    this.count = countEntries(cursor);
  }

  /** The next entry; a number as its decimal text. */
  next(): Buffer {
    const { bytes } = this;
    const first = bytes[this.position];
    if (first === END) throw this.error('the ziplist ends where another entry is expected', this.position);
    const at = this.position + previousSize(first as number);
    const encoding = bytes[at] as number;
    const end = at + entrySize(bytes, at);
    this.position = end;
    if (encoding < 0x40) return bytes.subarray(at + 1, end);
    if (encoding < 0x80) return bytes.subarray(at + 2, end);
    if (encoding === Entry.STRING_32) return bytes.subarray(at + 5, end);
    return Buffer.from(String(numberAt(bytes, at, encoding)), 'latin1');
  }
}

/** Walks the whole ziplist: every entry inside the bytes, each knowing the length of the one before. */
function countEntries(cursor: Cursor): number {
  const { bytes } = cursor;
  if (bytes.length < HEADER_BYTES + 1) throw cursor.error(`${bytes.length} bytes are too few for a ziplist`, 0);
  const declaredBytes = bytes.readUInt32LE(0);
  if (declaredBytes !== bytes.length) {
    throw cursor.error(`a ziplist of ${bytes.length} bytes declares ${declaredBytes}`, 0);
  }
  const last = bytes.length - 1;
  let count = 0;
  let at = HEADER_BYTES;
  let tail = HEADER_BYTES;
  let previous = 0;
  while (bytes[at] !== END) {
    const first = bytes[at] as number;
    const encodingAt = at + previousSize(first);
    if (encodingAt >= last) throw cursor.error('a ziplist entry goes beyond the end', at);
    const claimed = first === WIDE_PREVIOUS ? bytes.readUInt32LE(at + 1) : first;
    if (claimed !== previous) {
      throw cursor.error(
        `a ziplist entry says that the one before takes ${claimed} bytes, but it takes ${previous}`,
        at,
      );
    }
    const size = entrySize(bytes, encodingAt);
    if (size === 0) throw cursor.error('no ziplist entry begins so', at);
    if (encodingAt + size > last) throw cursor.error('a ziplist entry goes beyond the end', at);
    tail = at;
    at = encodingAt + size;
    previous = at - tail;
    count++;
  }
  if (at !== last) throw cursor.error('the end mark of the ziplist comes before its end', at);
  const declaredTail = bytes.readUInt32LE(4);
  if (declaredTail !== tail)
    throw cursor.error(`the last entry is at ${tail}, but the ziplist says ${declaredTail}`, 4);
  const declared = bytes.readUInt16LE(8);
  if (declared !== UNKNOWN_COUNT && declared !== count) {
    throw cursor.error(`a ziplist of ${count} entries declares ${declared}`, 8);
  }
  return count;
}

/** Bytes of the previous entry's length, which opens each entry. */
function previousSize(first: number): number {
  return first === WIDE_PREVIOUS ? 5 : 1;
}

/** Bytes of an entry from its encoding on; 0 when no entry begins so. May go beyond the end. */
function entrySize(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x40) return 1 + first;
  if (first < 0x80) return 2 + (((first & 0x3f) << 8) | (bytes[at + 1] ?? 0));
  switch (first) {
    case Entry.STRING_32:
      return at + 5 <= bytes.length ? 5 + bytes.readUInt32BE(at + 1) : 5;
    case Entry.INT_8:
      return 2;
    case Entry.INT_16:
      return 3;
    case Entry.INT_24:
      return 4;
    case Entry.INT_32:
      return 5;
    case Entry.INT_64:
      return 9;
  }
  return first >= Entry.SMALLEST && first <= Entry.LARGEST ? 1 : 0;
}

function numberAt(bytes: Buffer, at: number, first: number): number | bigint {
  switch (first) {
    case Entry.INT_8:
      return bytes.readInt8(at + 1);
    case Entry.INT_16:
      return bytes.readInt16LE(at + 1);
    case Entry.INT_24:
      return bytes.readIntLE(at + 1, 3);
    case Entry.INT_32:
      return bytes.readInt32LE(at + 1);
    case Entry.INT_64:
      return bytes.readBigInt64LE(at + 1);
    default:
      return first - Entry.SMALLEST;
  }
}
