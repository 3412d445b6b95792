// Writes lists, sets, sorted sets and hashes anew in the counted types, which every server takes.
//
// Members are checked to be distinct on the way: servers take small packed values without looking for twins, but Redis
// 6.0 ends its process when it meets one in a large hash of the counted type (rdbExitReportCorruptRDB).
import { distinct } from '../decode/distinct.ts';
import type { Elements } from '../decode/elements.ts';
import { hashFields } from '../decode/hash.ts';
import * as identity from '../decode/identity.ts';
import { listItems } from '../decode/list.ts';
import { setMembers } from '../decode/set.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { zsetEntries } from '../decode/zset.ts';
import { ValueWriter } from '../encode-primitives.ts';
import type { ValueType } from '../types.ts';
import { type Reencoded, reencoded, type TypedValue } from './reencoded.ts';

/** What stands for a score that has no digits, in place of their number (rdbSaveDoubleValue in rdb.c). */
const TextScore = { NAN: 253, PLUS_INFINITY: 254, MINUS_INFINITY: 255 } as const;

/** @param to LIST (1) */
export function asList({ type, value }: TypedValue, to: ValueType): Reencoded {
  let count = 0;
  for (const _ of listItems(type, new ValueCursor(value))) count++;
  const writer = new ValueWriter().length(count);
  for (const item of listItems(type, new ValueCursor(value))) writer.string(item);
  return reencoded(to, writer.written);
}

/** @param to SET (2) */
export function asSet({ type, value }: TypedValue, to: ValueType): Reencoded {
  const members = setMembers(type, new ValueCursor(value));
  return reencoded(
    to,
    written(members, identity.ofMember, (writer, member) => writer.string(member)),
  );
}

/** @param to ZSET_2 (5) or ZSET (3), whose scores are text */
export function asZset({ type, value }: TypedValue, to: ValueType): Reencoded {
  const entries = zsetEntries(type, new ValueCursor(value));
  const scoreOf = to.name === 'ZSET' ? textScore : binaryScore;
  return reencoded(
    to,
    written(entries, identity.ofEntry, (writer, { member, score }) => writer.string(member).bytes(scoreOf(score))),
  );
}

/** @param to HASH (4). @param source a hash whose fields do not expire */
export function asHash({ type, value }: TypedValue, to: ValueType): Reencoded {
  const fields = hashFields(type, new ValueCursor(value), undefined);
  return reencoded(
    to,
    written(fields, identity.ofField, (writer, each) => writer.string(each.field).string(each.value)),
  );
}

/** The elements with their number in front. */
function written<T>(
  elements: Elements<T>,
  memberOf: (element: T) => Buffer,
  write: (writer: ValueWriter, element: T) => void,
): Buffer {
  const writer = new ValueWriter().length(elements.count);
  for (const element of distinct(elements, memberOf)) write(writer, element);
  return writer.written;
}

function binaryScore(score: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(score);
  return bytes;
}

/** The shortest digits that give the score again, at most 24 of them. */
function textScore(score: number): Buffer {
  if (Number.isNaN(score)) return Buffer.of(TextScore.NAN);
  if (!Number.isFinite(score)) return Buffer.of(score > 0 ? TextScore.PLUS_INFINITY : TextScore.MINUS_INFINITY);
  const digits = Object.is(score, -0) ? '-0' : String(score);
  return Buffer.from(`${String.fromCharCode(digits.length)}${digits}`, 'latin1');
}
