// A key on its way from a data set to the files, and the parts that all data sets share.
import type { ByteBuffer } from './byte-buffer.ts';

/** Value types as RDB 10 writes them (rdb-format.md 1.4). */
export const Type = {
  STRING: 0,
  SET: 2,
  HASH: 4,
  ZSET_2: 5,
  SET_INTSET: 11,
  HASH_LISTPACK: 16,
  ZSET_LISTPACK: 17,
  LIST_QUICKLIST_2: 18,
} as const;

/** One key. Both buffers are reused for the next one: a sink copies what it keeps. */
export interface KeyRecord {
  readonly type: number;
  /** Absolute, ms; 0 = none. */
  readonly expireAt: number;
  readonly key: ByteBuffer;
  /** The value as the file holds it, without its type byte. */
  readonly value: ByteBuffer;
}

/** Takes the keys of a data set. */
export type KeySink = (record: KeyRecord) => void;

/** What a quicklist says of a node that is a listpack. */
export const QUICKLIST_PACKED = 2;

const HEX = Buffer.from('0123456789abcdef', 'latin1');

/** The prefix and eight hex digits: names that differ for different indices, in an order without order. */
export function writeName(out: ByteBuffer, prefix: string, index: number): void {
  out.ascii(prefix);
  const at = out.grow(8);
  // an odd factor maps 32-bit numbers one to one
  let scrambled = Math.imul(index + 1, 0x9e3779b1);
  for (let digit = 7; digit >= 0; digit--, scrambled >>>= 4) out.bytes[at + digit] = HEX[scrambled & 15]!;
}
