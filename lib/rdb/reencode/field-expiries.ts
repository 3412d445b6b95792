// Hashes whose fields expire: written for the other family of servers, or for servers where no field expires.
import { distinct } from '../decode/distinct.ts';
import { hashFields } from '../decode/hash.ts';
import { ofField } from '../decode/identity.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { ValueWriter } from '../encode-primitives.ts';
import { mapFieldExpiries } from '../hash-fields.ts';
import type { ValueType } from '../types.ts';
import type { HashField } from '../value.ts';
import type { Loss } from './losses.ts';
import { type Reencoded, reencoded, type TypedValue } from './reencoded.ts';

/** The latest expiry of a field that Redis loads (EB_EXPIRE_TIME_MAX in ebuckets.h), ms; Valkey has 63 bits. */
const LATEST_OF_REDIS = 2n ** 48n - 1n;

/** Writes HASH_2 (22), Valkey's own. Fields whose time has passed keep it: the server drops them. */
export function forValkey({ type, value }: TypedValue): Reencoded {
  for (const _ of fieldsOf(type, value)); // damage and duplicates
  const written = mapFieldExpiries(type, value, (at) => at, 'valkey');
  return reencoded(written.type, written.value);
}

/** Writes HASH_METADATA (24), as Redis ≥ 7.4 has it. Fields whose time has passed keep it: the server drops them. */
export function forRedis({ type, value }: TypedValue): Reencoded {
  let capped = false;
  for (const { expireAt } of fieldsOf(type, value)) capped ||= expireAt !== undefined && expireAt > LATEST_OF_REDIS;
  const cap = (at: bigint) => (at > LATEST_OF_REDIS ? LATEST_OF_REDIS : at);
  const written = mapFieldExpiries(type, value, cap, 'redis');
  return reencoded(written.type, written.value, capped ? ['field-ttl-capped'] : []);
}

/**
 * Writes a hash whose fields stay for good. Those whose time has passed are left out, since they would come back to
 * life.
 *
 * @param to  HASH (4)
 * @param now ms since the epoch
 */
export function withoutExpiries({ type, value }: TypedValue, to: ValueType, now: bigint): Reencoded {
  const lives = ({ expireAt }: HashField) => expireAt === undefined || expireAt > now;
  let [all, living] = [0, 0];
  let lost = false;
  for (const field of fieldsOf(type, value)) {
    all++;
    if (!lives(field)) continue;
    living++;
    lost ||= field.expireAt !== undefined;
  }
  if (living === 0 && all > 0) return { expired: true };
  const losses: Loss[] = lost ? ['field-ttl'] : [];
  // The usual case; it leaves strings compressed as they are.
  if (living === all) return reencoded(to, mapFieldExpiries(type, value, () => undefined, 'redis').value, losses);
  const writer = new ValueWriter().length(living);
  for (const field of fieldsOf(type, value)) if (lives(field)) writer.string(field.field).string(field.value);
  return reencoded(to, writer.written, losses);
}

function fieldsOf(type: ValueType, value: Buffer): Iterable<HashField> {
  return distinct(hashFields(type, new ValueCursor(value), undefined), ofField);
}
