// A line as delano/redis-dump writes it, all versions of it, and what its redis-load makes of that.
import type { LogicalValue, ZsetEntry } from '../../rdb/value.ts';
import { misshapen } from './line-problem.ts';
import { type Json, JsonObject } from './parse-json.ts';
import { base64, count, double, list, oneOf, optional, plainText, properties, shown, wide } from './shapes.ts';

export interface RedisDumpKey {
  readonly db: number;
  readonly key: Buffer;
  readonly expireAt: bigint | undefined;
  readonly value: LogicalValue;
}

export interface RedisDumpOptions {
  /** What the seconds to live count from, ms since the epoch. */
  readonly now: number;
  /** The values of strings are in base64 (`redis-dump -b`), which the lines don't tell. */
  readonly base64: boolean;
}

const TYPES = ['string', 'list', 'set', 'zset', 'hash', 'none'] as const;
const MAX_DB = 2 ** 31 - 1;
/** Some 285,000 years, so that no sum leaves what a server can hold. */
const TTL_RANGE = [-(2n ** 63n), 9_000_000_000_000n] as const;

/** Whether a line is redis-dump's, all of which have a `ttl`; none of keyferry's has. */
export function isRedisDump(json: Json): boolean {
  return json instanceof JsonObject && json.names.some((name) => name.toString('latin1') === 'ttl');
}

/**
 * @returns `undefined` for what redis-load makes no key of: the type `none`, a key that vanished while it was dumped, and
 *   containers without elements
 * @throws {LineProblem} `JSON_RECORD`
 */
export function readRedisDumpLine(json: Json, options: RedisDumpOptions): RedisDumpKey | undefined {
  const found = properties(json, 'the line', ['db', 'key', 'type', 'value'], ['ttl', 'size']);
  const type = Buffer.isBuffer(found.type) ? oneOf(found.type, TYPES) : undefined;
  if (type === undefined) throw misshapen(`${shown(plainText(found.type, '"type"'))} is no type of redis-dump`);
  const db = count(found.db, '"db"', MAX_DB);
  const key = text(found.key, '"key"');
  optional(found.size, '"size"', count);
  const seconds = optional(found.ttl, '"ttl"', (ttl, what) => wide(ttl, what, TTL_RANGE)) ?? -1n;
  const value = type === 'none' ? undefined : logicalValue(type, found.value, options);
  if (value === undefined) return undefined;
  return { db, key, expireAt: seconds > 0n ? BigInt(options.now) + 1000n * seconds : undefined, value };
}

function logicalValue(
  type: Exclude<(typeof TYPES)[number], 'none'>,
  json: Json,
  options: RedisDumpOptions,
): LogicalValue | undefined {
  switch (type) {
    case 'string':
      return { kind: 'string', bytes: options.base64 ? mimeBase64(json) : text(json, 'the value') };
    case 'list': {
      const items = list(json, 'the value of a list', 'an item', text);
      return items.length === 0 ? undefined : { kind: 'list', items };
    }
    case 'set': {
      const members = list(json, 'the value of a set', 'a member', text);
      return members.length === 0 ? undefined : { kind: 'set', members };
    }
    case 'zset': {
      const entries = list(json, 'the value of a sorted set', 'an element', zsetEntry);
      return entries.length === 0 ? undefined : { kind: 'zset', entries };
    }
    case 'hash':
      return hash(json);
  }
}

function hash(json: Json): LogicalValue | undefined {
  if (!(json instanceof JsonObject)) throw misshapen('the value of a hash is to be an object');
  const fields = json.names.map((field, i) => ({
    field,
    value: text(json.values[i] as Json, 'the value of a field'),
    expireAt: undefined,
  }));
  return fields.length === 0 ? undefined : { kind: 'hash', fields };
}

/** `["member", 1.5]`; versions before 0.3.3 have scores as strings. */
function zsetEntry(json: Json, what: string): ZsetEntry {
  if (!Array.isArray(json) || json.length !== 2) throw misshapen(`${what} is to be an array of member and score`);
  return { member: text(json[0], 'a member'), score: double(json[1], 'a score') };
}

/** redis-dump writes every string as such: a number could have been written in more than one way. */
function text(json: Json, what: string): Buffer {
  if (Buffer.isBuffer(json)) return json;
  const isNumber = typeof json === 'number' || typeof json === 'bigint';
  throw misshapen(`${what} is to be a string`, isNumber ? 'Put the number into quotes.' : undefined);
}

/** As Ruby's Base64.encode64 has it: with a line feed behind every 60 characters. */
function mimeBase64(json: Json): Buffer {
  const encoded = text(json, 'the value').toString('latin1').replaceAll('\n', '');
  return base64(Buffer.from(encoded, 'latin1'), 'the value');
}
