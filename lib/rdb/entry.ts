// A key's record as one finds it in an RDB: what the scanner says of it, or an index that was made of its words.
import type { ValueType } from './types.ts';

/** Offsets are absolute, in bytes. */
export interface Entry {
  readonly db: number;
  /** The type of the value; `undefined` only before the first record. */
  readonly type: ValueType | undefined;
  /** Where the record begins: at its first attribute, or at its type. */
  readonly recordStart: number;
  readonly keyStart: number;
  /** Where the key ends and the value begins. */
  readonly valueStart: number;
  readonly recordEnd: number;
  /** Redis ≥ 8.6: the span of the key's metadata, its opcode included; both 0 when there is none. */
  readonly metaStart: number;
  readonly metaEnd: number;
  /** Absolute expiry in ms, `NaN` for none. Beyond 2^53 it is rounded: see {@link expiryMs}. */
  readonly expireAt: number;
  /** LRU idle time in seconds, -1 where the file has none. */
  readonly idle: number;
  /** LFU counter, -1 where the file has none. */
  readonly freq: number;
  /** The exact expiry; `undefined` for none. */
  expiryMs(): bigint | undefined;
}
