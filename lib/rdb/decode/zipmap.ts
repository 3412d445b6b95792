// Zipmaps, the small hashes before Redis 2.6: proven once from end to end, then read (rdb-format.md 1.7, zipmap.c).
import type { Cursor } from '../../bytes/cursor.ts';
import { Packed } from './packed.ts';

const HEADER_BYTES = 1;
const END = 0xff;
/** In place of a length of one byte: four bytes follow. As the map's own count: not known. */
const WIDE = 0xfe;

export class Zipmap extends Packed {
  /** Number of pairs. */
  readonly count: number;

  /**
   * @param cursor over exactly the zipmap's bytes
   * @throws {RdbError} the cursor's code, where lengths, count or the end mark disagree
   */
  constructor(cursor: Cursor) {
    super(cursor, HEADER_BYTES);
    this.count = countPairs(cursor);
  }

  /** The next pair. At the end there is none to be had: see {@link count}. */
  next(): { field: Buffer; value: Buffer } {
    const { bytes } = this;
    const fieldAt = this.position + lengthSize(bytes, this.position);
    const fieldEnd = fieldAt + lengthAt(bytes, this.position);
    // Behind the value's length stands the number of unused bytes behind the value.
    const freeAt = fieldEnd + lengthSize(bytes, fieldEnd);
    const valueEnd = freeAt + 1 + lengthAt(bytes, fieldEnd);
    this.position = valueEnd + (bytes[freeAt] as number);
    return { field: bytes.subarray(fieldAt, fieldEnd), value: bytes.subarray(freeAt + 1, valueEnd) };
  }
}

function countPairs(cursor: Cursor): number {
  const { bytes } = cursor;
  const last = bytes.length - 1;
  if (last < HEADER_BYTES) throw cursor.error(`${bytes.length} bytes are too few for a zipmap`, 0);
  let count = 0;
  let at = HEADER_BYTES;
  while (bytes[at] !== END) {
    const fieldEnd = endOfString(cursor, at, 0);
    const valueEnd = endOfString(cursor, fieldEnd, 1);
    const free = bytes[fieldEnd + lengthSize(bytes, fieldEnd)] as number;
    at = valueEnd + free;
    if (at > last) throw cursor.error('the unused bytes of a zipmap go beyond its end', valueEnd);
    count++;
  }
  if (at !== last) throw cursor.error('the end mark of the zipmap comes before its end', at);
  const declared = bytes[0] as number;
  if (declared < WIDE && declared !== count) {
    throw cursor.error(`a zipmap of ${count} pairs declares ${declared}`, 0);
  }
  return count;
}

/** Where a string ends, of whose length and content `between` bytes stand; checked against the end mark's place. */
function endOfString(cursor: Cursor, at: number, between: number): number {
  const { bytes } = cursor;
  const last = bytes.length - 1;
  const start = at + lengthSize(bytes, at) + between;
  if (bytes[at] === END) throw cursor.error('the zipmap ends where a value is expected', at);
  if (start > last) throw cursor.error('the zipmap ends inside a length', at);
  const end = start + lengthAt(bytes, at);
  if (end > last) throw cursor.error('a string of the zipmap goes beyond its end', at);
  return end;
}

function lengthSize(bytes: Buffer, at: number): number {
  return bytes[at] === WIDE ? 5 : 1;
}

function lengthAt(bytes: Buffer, at: number): number {
  return bytes[at] === WIDE ? bytes.readUInt32LE(at + 1) : (bytes[at] as number);
}
