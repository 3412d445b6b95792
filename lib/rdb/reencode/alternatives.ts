// As which other types a value can be written: one table for all types.
import { redisTypes, type ValueType, valkeyTypes } from '../types.ts';
import { asHash, asList, asSet, asZset } from './collections.ts';
import { forRedis, forValkey, withoutExpiries } from './field-expiries.ts';
import type { Loss } from './losses.ts';
import type { Reencoded, TypedValue } from './reencoded.ts';
import { asOlderStream } from './stream.ts';

export interface Alternative {
  readonly to: ValueType;
  /** What values may lose by it. */
  readonly mayLose: readonly Loss[];
  /**
   * @param now ms since the epoch: hash fields whose time has come by then are not written without their expiry
   * @throws {RdbError} for damage
   */
  readonly convert: (source: TypedValue, to: ValueType, now: bigint) => Reencoded;
}

type Convert = Alternative['convert'];

const redis = (code: number) => redisTypes[code] as ValueType;
const valkey = (code: number) => valkeyTypes[code] as ValueType;
const alternative = (to: ValueType, convert: Convert, mayLose: readonly Loss[] = []): Alternative => ({
  to,
  mayLose,
  convert,
});

const list = alternative(redis(1), asList);
const set = alternative(redis(2), asSet);
const textScored = alternative(redis(3), asZset);
const scored = alternative(redis(5), asZset);
const hash = alternative(redis(4), asHash);
const lastingHash = alternative(redis(4), withoutExpiries, ['field-ttl']);
const redisHash = alternative(redis(24), forRedis, ['field-ttl-capped']);
const valkeyHash = alternative(valkey(22), forValkey);

/** The encodings of streams, 1 to 5, and what those from 2 on have that the one before has not. */
const STREAMS: readonly (readonly [type: ValueType, news: readonly Loss[]])[] = [
  [redis(15), []],
  [redis(19), ['stream-entries-added', 'stream-max-deleted-id', 'stream-entries-read']],
  [redis(21), ['stream-active-time']],
  [redis(26), ['stream-idempotence']],
  [redis(27), ['stream-nacked']],
];

/** The older encodings of a stream, the newest first. */
function olderStreams(from: number): Alternative[] {
  const older: Alternative[] = [];
  for (let to = from - 1; to >= 1; to--) {
    const mayLose = STREAMS.slice(to, from).flatMap(([, news]) => news);
    const convert: Convert = (source, toType) => asOlderStream(source, from, to, toType);
    older.push(alternative((STREAMS[to - 1] as (typeof STREAMS)[number])[0], convert, mayLose));
  }
  return older;
}

/**
 * For each type those that can stand for it, the best first. What is not here nothing else can hold: arrays, modules,
 * Valkey's path hashes; or every server takes it.
 */
export const ALTERNATIVES: ReadonlyMap<ValueType, readonly Alternative[]> = new Map([
  [redis(5), [textScored]],
  [redis(14), [list]],
  [redis(16), [hash]],
  [redis(17), [scored, textScored]],
  [redis(18), [list]],
  [redis(20), [set]],
  [redis(22), [valkeyHash, lastingHash]],
  [redis(23), [valkeyHash, lastingHash]],
  [redis(24), [valkeyHash, lastingHash]],
  [redis(25), [valkeyHash, lastingHash]],
  [redis(29), [hash]],
  [redis(31), [hash]],
  [valkey(22), [redisHash, lastingHash]],
  ...STREAMS.map(([type], i): [ValueType, Alternative[]] => [type, olderStreams(i + 1)]),
]);
