import { expect, test } from 'vitest';
import { MemberIndex } from '../../lib/rdb/decode/member-index.ts';

test('finds each of many members, and none that was not entered', () => {
  const members = Array.from({ length: 50_000 }, (_, i) => Buffer.from(`member:${i}`));
  const index = new MemberIndex((position) => members[position] as Buffer);
  members.forEach((member, i) => {
    expect(index.add(member, i)).toBe(true);
  });
  expect(index.size).toBe(members.length);
  members.forEach((member, i) => {
    const entry = index.find(Buffer.from(member));
    if (entry !== i || index.positionOf(entry) !== i) throw new Error(`member ${i} was found as ${entry}`);
  });
  expect(index.find(Buffer.from('member:50000'))).toBe(-1);
  expect(index.find(Buffer.alloc(0))).toBe(-1);
});

test('a member that is there is not entered again', () => {
  const members = [Buffer.from(''), Buffer.from([0]), Buffer.from([0, 0]), Buffer.from('')];
  const index = new MemberIndex((position) => members[position] as Buffer);
  expect(members.map((member, i) => index.add(member, i))).toEqual([true, true, true, false]);
});
