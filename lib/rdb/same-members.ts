// Compares two containers whose elements have no order.
import { quoteKey, type RdbError } from '../errors.ts';
import type { Elements } from './decode/elements.ts';
import { MemberIndex } from './decode/member-index.ts';

/**
 * True when both have the same members and `same` holds for each pair of them.
 *
 * @param memberOf what an element is found by
 * @param lives    which elements count; all by default
 * @throws {RdbError} `RDB_DUPLICATE`, or whatever reading the elements throws
 */
export function sameMembers<T>(
  ours: Elements<T>,
  theirs: Elements<T>,
  memberOf: (element: T) => Buffer,
  same: (ours: T, theirs: T) => boolean = () => true,
  lives: (element: T) => boolean = () => true,
): boolean {
  const index = new MemberIndex((position) => memberOf(ours.at(position)));
  for (const element of ours) {
    const { position } = ours;
    if (lives(element) && !index.add(memberOf(element), position)) throw twice(ours, memberOf(element), position);
  }
  const seen = new Uint8Array(index.size);
  let count = 0;
  for (const element of theirs) {
    if (!lives(element)) continue;
    const entry = index.find(memberOf(element));
    if (entry === -1 || !same(ours.at(index.positionOf(entry)), element)) return false;
    if (seen[entry] === 1) throw twice(theirs, memberOf(element), theirs.position);
    seen[entry] = 1;
    count++;
  }
  return count === index.size;
}

function twice(elements: Elements<unknown>, member: Buffer, position: number): RdbError {
  return elements.error(`${quoteKey(member)} comes twice`, position, 'RDB_DUPLICATE');
}
