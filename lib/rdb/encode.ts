// Encodes a value: the inverse of decode.ts.
import { distinct } from './decode/distinct.ts';
import { Elements } from './decode/elements.ts';
import * as identity from './decode/identity.ts';
import { arrayOf } from './encode/array.ts';
import { countedHash, expiringHash, expiringHashOfValkey, packedHash, pathHash } from './encode/hash.ts';
import { isShort, isSmall } from './encode/limits.ts';
import { countedList, quicklist } from './encode/list.ts';
import { encodeModule } from './encode/module.ts';
import { writeString } from './encode/primitives.ts';
import { countedSet, numberSet, packedSet } from './encode/set.ts';
import { encodeStream } from './encode/stream.ts';
import { countedZset, isPackable, packedZset } from './encode/zset.ts';
import { ValueWriter } from './encode-primitives.ts';
import type { TypedValue } from './reencode/reencoded.ts';
import { type TypeSupport, takes } from './reencode/type-support.ts';
import { redisTypes, type ValueType, valkeyTypes } from './types.ts';
import type { HashField, LogicalValue, ZsetEntry } from './value.ts';

export interface EncodeOptions {
  /**
   * Whom the value is for. Without it, the type of the lowest RDB version that holds the value is taken, which the most
   * servers load.
   */
  readonly support?: TypeSupport | undefined;
  /**
   * Writes a hash as one whose fields may expire although none does: Redis remembers that they once could (the encoding
   * `listpackex`). Without effect where the target has no such hashes. Default false.
   */
  readonly fieldsMayExpire?: boolean | undefined;
}

const redis = (code: number) => redisTypes[code] as ValueType;
const valkey = (code: number) => valkeyTypes[code] as ValueType;

/** The latest expiry of a field that Redis loads (EB_EXPIRE_TIME_MAX in ebuckets.h), ms. */
const LATEST_OF_REDIS = 2n ** 48n - 1n;

/**
 * Encodes a value without losing anything of it: `decodeValue` gives the same again, sets and sorted sets in any order.
 *
 * With `support` it is written as that server writes it itself (small collections packed), as far as the server has a
 * type that holds it. Where it has none, the result is what it would be without `support`: `reencode` makes of it what
 * the server takes, and says what is lost by that.
 *
 * Strings are not compressed. The result may be a view of larger memory.
 *
 * @throws {RdbError} `RDB_DUPLICATE` for a member, field, path or index that comes twice; `RDB_STREAM` for a stream that
 *   contradicts itself, `RDB_MODULE` for items that are cut; offsets count in what would have been written
 * @throws {RangeError} for numbers that the format does not hold
 */
export function encodeValue(value: LogicalValue, options: EncodeOptions = {}): TypedValue {
  const { support } = options;
  const has = (type: ValueType) => support !== undefined && takes(type, support);
  switch (value.kind) {
    case 'string':
      return { type: redis(0), value: stringValue(value.bytes) };
    case 'list':
      if (support !== undefined && takes(redis(18), support)) {
        return { type: redis(18), value: quicklist(value.items, support.rdb) };
      }
      return { type: redis(1), value: countedList(value.items) };
    case 'set':
      return setValue(value.members, has(redis(20)));
    case 'zset':
      return zsetValue(value.entries, has(redis(17)));
    case 'hash':
      return hashValue(value.fields, has(redis(16)), options);
    case 'path-hash':
      refuseTwins(value.paths, identity.ofPath);
      for (const { fields } of value.paths) refuseTwins(fields, identity.ofField);
      return { type: valkey(23), value: pathHash(value.paths) };
    case 'stream':
      return encodeStream(value);
    case 'array':
      refuseTwins(value.items, identity.ofItem);
      return { type: redis(28), value: arrayOf(value.items, value.insertIndex) };
    case 'module':
      return { type: redis(7), value: encodeModule(value) };
  }
}

function stringValue(bytes: Buffer): Buffer {
  const writer = new ValueWriter();
  writeString(writer, bytes);
  return writer.written;
}

function setValue(members: readonly Buffer[], packs: boolean): TypedValue {
  refuseTwins(members, identity.ofMember);
  const numbers = numberSet(members);
  if (numbers !== undefined) return { type: redis(11), value: numbers };
  if (packs && isSmall(members, isShort)) return { type: redis(20), value: packedSet(members) };
  return { type: redis(2), value: countedSet(members) };
}

function zsetValue(entries: readonly ZsetEntry[], packs: boolean): TypedValue {
  refuseTwins(entries, identity.ofEntry);
  if (packs && isSmall(entries, (each) => isShort(each.member) && isPackable(each))) {
    return { type: redis(17), value: packedZset(entries) };
  }
  return { type: redis(5), value: countedZset(entries) };
}

function hashValue(fields: readonly HashField[], packs: boolean, options: EncodeOptions): TypedValue {
  refuseTwins(fields, identity.ofField);
  const { support, fieldsMayExpire = false } = options;
  const mayExpire = fieldsMayExpire && (support === undefined || takes(redis(24), support));
  if (!mayExpire && fields.every(({ expireAt }) => expireAt === undefined)) {
    const isShortField = ({ field, value }: HashField) => isShort(field) && isShort(value);
    if (packs && isSmall(fields, isShortField)) return { type: redis(16), value: packedHash(fields) };
    return { type: redis(4), value: countedHash(fields) };
  }
  // Only Valkey can have held later expiries.
  const beyondRedis = fields.some(({ expireAt }) => expireAt !== undefined && expireAt > LATEST_OF_REDIS);
  if (support?.family === 'valkey' || beyondRedis) return { type: valkey(22), value: expiringHashOfValkey(fields) };
  return { type: redis(24), value: expiringHash(fields) };
}

/** Servers refuse to load a value with twins; Redis 6.0 ends its process over some. */
function refuseTwins<T>(elements: readonly T[], memberOf: (element: T) => Buffer): void {
  for (const _ of distinct(Elements.over(elements), memberOf));
}
