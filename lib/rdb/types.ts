// The value types of the RDB format: for each code its meaning, layout and age. One table a dialect.
import { valueLayouts as L, type Layout } from './layouts.ts';

/** What a value is to the people who use it. */
export type ValueKind = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream' | 'module' | 'array';

export const VALUE_KINDS: readonly ValueKind[] = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module', 'array'];

/** One value type. */
export interface ValueType {
  /** The byte that stands for it. */
  readonly code: number;
  /** Its name in the servers' sources, without the RDB_TYPE_ prefix. */
  readonly name: string;
  readonly kind: ValueKind;
  /** Where a value ends. */
  readonly layout: Layout;
  /**
   * The lowest RDB version whose servers can load it: the version that a DUMP payload of it says in its footer, so that
   * the oldest server that knows the type takes it (rdb-format.md 1.10).
   */
  readonly since: number;
}

const type = (code: number, name: string, kind: ValueKind, layout: Layout, since: number): ValueType => ({
  code,
  name,
  kind,
  layout,
  since,
});

/** Codes on which all dialects agree. Payloads carried a footer first in Redis 2.6, whose RDB version is 6. */
const SHARED: readonly ValueType[] = [
  type(0, 'STRING', 'string', L.string, 6),
  type(1, 'LIST', 'list', L.strings, 6),
  type(2, 'SET', 'set', L.strings, 6),
  type(3, 'ZSET', 'zset', L.textScored, 6),
  type(4, 'HASH', 'hash', L.pairs, 6),
  type(5, 'ZSET_2', 'zset', L.scored, 8),
  type(7, 'MODULE_2', 'module', L.module, 8),
  type(9, 'HASH_ZIPMAP', 'hash', L.string, 6),
  type(10, 'LIST_ZIPLIST', 'list', L.string, 6),
  type(11, 'SET_INTSET', 'set', L.string, 6),
  type(12, 'ZSET_ZIPLIST', 'zset', L.string, 6),
  type(13, 'HASH_ZIPLIST', 'hash', L.string, 6),
  type(14, 'LIST_QUICKLIST', 'list', L.strings, 7),
  type(15, 'STREAM_LISTPACKS', 'stream', L.stream1, 9),
  type(16, 'HASH_LISTPACK', 'hash', L.string, 10),
  type(17, 'ZSET_LISTPACK', 'zset', L.string, 10),
  type(18, 'LIST_QUICKLIST_2', 'list', L.quicklist2, 10),
  type(19, 'STREAM_LISTPACKS_2', 'stream', L.stream2, 10),
  type(20, 'SET_LISTPACK', 'set', L.string, 11),
  type(21, 'STREAM_LISTPACKS_3', 'stream', L.stream3, 11),
];

const REDIS: readonly ValueType[] = [
  type(22, 'HASH_METADATA_PRE_GA', 'hash', L.expiringPairs, 12),
  type(23, 'HASH_LISTPACK_EX_PRE_GA', 'hash', L.string, 12),
  type(24, 'HASH_METADATA', 'hash', L.minExpiryPairs, 12),
  type(25, 'HASH_LISTPACK_EX', 'hash', L.minExpiryBlob, 12),
  type(26, 'STREAM_LISTPACKS_4', 'stream', L.stream4, 13),
  type(27, 'STREAM_LISTPACKS_5', 'stream', L.stream5, 14),
  type(28, 'ARRAY', 'array', L.array, 14),
  type(29, 'HASH_TMPL_LP', 'hash', L.templateListpackDump, 15),
  type(30, 'HASH_TMPL_LP_REF', 'hash', L.string, 15),
  type(31, 'HASH_TMPL_ARRAY', 'hash', L.templateArrayDump, 15),
  type(32, 'HASH_TMPL_ARRAY_REF', 'hash', L.templateArrayRef, 15),
];

const VALKEY: readonly ValueType[] = [
  type(22, 'HASH_2', 'hash', L.pairsWithExpiry, 80),
  type(23, 'PATH_HASH', 'hash', L.pathHash, 81),
];

/** A table by code; codes that are not in it are `undefined`. */
export type TypeTable = readonly (ValueType | undefined)[];

const table = (...types: ValueType[]): TypeTable => {
  const byCode: (ValueType | undefined)[] = new Array(256).fill(undefined);
  for (const each of types) byCode[each.code] = each;
  return byCode;
};

export const redisTypes: TypeTable = table(...SHARED, ...REDIS);
export const valkeyTypes: TypeTable = table(...SHARED, ...VALKEY);
/** Dragonfly writes REDIS0009 and its own types from 30 on, which mean other things in Redis. */
export const sharedTypes: TypeTable = table(...SHARED);
