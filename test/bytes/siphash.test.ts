// SipHash: the vectors of its reference implementation, and what a tweak does.
import { expect, test } from 'vitest';
import { SipHash } from '../../lib/bytes/siphash.ts';

const KEY = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
const hex = (hash: Uint32Array) => Buffer.from(hash.slice().buffer).toString('hex');
const counting = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i & 0xff));

// vectors.h of https://github.com/veorq/SipHash: vectors_sip128.
test.each([
  [0, 'a3817f04ba25a8e66df67214c7550293'],
  [1, 'da87c1d86b99af44347659119b22fc45'],
  [2, '8177228da4a45dc7fca38bdef60affe4'],
  [15, '5493e99933b0a8117e08ec0f97cfc3d9'],
])('of %i bytes', (length, expected) => {
  expect(hex(new SipHash(KEY).hash(counting(length)))).toBe(expected);
});

test('what was hashed before leaves no trace, and another key or tweak gives another hash', () => {
  const hash = new SipHash(KEY);
  const hashes = [0, 1, 7, 8, 9, 63, 64, 65, 200, 5000].map((length) => hex(hash.hash(counting(length))));
  expect(new Set(hashes).size).toBe(hashes.length);
  hash.hash(Buffer.alloc(300, 0xff));
  expect(hex(hash.hash(counting(9)))).toBe(hashes[4]);
  expect(hex(hash.hash(counting(9), 1))).not.toBe(hashes[4]);
  expect(hex(new SipHash(Buffer.alloc(16)).hash(counting(9)))).not.toBe(hashes[4]);
  expect(() => new SipHash(Buffer.alloc(8))).toThrow(RangeError);
});
