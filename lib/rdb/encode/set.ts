// Writes sets: numbers as an intset, small ones as a listpack where the target has that, others member by member.
import { ValueWriter } from '../encode-primitives.ts';
import { canonicalInteger } from './integer.ts';
import { intset, MOST_MEMBERS } from './intset.ts';
import { ListpackWriter } from './listpack.ts';
import { writeString } from './primitives.ts';

/** SET (2). */
export function countedSet(members: readonly Buffer[]): Buffer {
  const writer = new ValueWriter().length(members.length);
  for (const member of members) writeString(writer, member);
  return writer.written;
}

/** SET_LISTPACK (20). */
export function packedSet(members: readonly Buffer[]): Buffer {
  const listpack = new ListpackWriter();
  for (const member of members) listpack.string(member);
  return new ValueWriter().string(listpack.finish()).written;
}

/** SET_INTSET (11); `undefined` where a member is no number, and where they are none or too many. */
export function numberSet(members: readonly Buffer[]): Buffer | undefined {
  if (members.length === 0 || members.length > MOST_MEMBERS) return undefined;
  const numbers: (number | bigint)[] = [];
  for (const member of members) {
    const number = canonicalInteger(member);
    if (number === undefined) return undefined;
    numbers.push(number);
  }
  return new ValueWriter().string(intset(numbers)).written;
}
