// The table of fingerprints beside a plain map: the same answers while it grows, and everything in order at the end.
import { describe, expect, test } from 'vitest';
import { FingerprintTable, WORDS } from '../../../lib/targets/rdb/fingerprint-table.ts';
import { Random, seedOr } from '../../support/random.ts';

const SEED = seedOr(20_261_124);

/** Fingerprints that meet in their first words, stand at the table's end, or are all zero bits, among others. */
function drawWords(random: Random): Uint32Array {
  const word = () => random.int(0, 0xffff_ffff);
  const few = () => random.pick([0, 1, 0x8000_0000, 0xffff_ffff]);
  return Uint32Array.from(
    random.pick([
      () => [word(), word(), word(), word()],
      () => [few(), few(), few(), few()],
      () => [0xffff_ffff, 0xffff_fff0, random.int(0, 200), 0],
      () => [random.int(0, 300), 7, 7, random.int(0, 3)],
    ])(),
  );
}

const keyOf = (words: Uint32Array): string => [...words].map((word) => word.toString(16).padStart(8, '0')).join('');

describe.each([
  [true, 0],
  [true, 100_000],
  [false, 0],
])('contents: %s, %i expected', (contents, expected) => {
  test('knows each, and what stood beside it', () => {
    const random = new Random(SEED);
    const table = new FingerprintTable(64 * 1024 * 1024, contents, expected);
    const known = new Map<string, number>();
    const wrong: string[] = [];
    for (let i = 0; i < 60_000; i++) {
      const words = drawWords(random);
      const [key, content] = [keyOf(words), random.int(0, 1) * 0xffff_ffff];
      const before = known.get(key);
      const wanted = before === undefined ? 'new' : !contents || before === content ? 'same' : 'other';
      const had = table.has(words);
      const entered = table.enter(words, content, content);
      if (had !== (before !== undefined) || entered !== wanted) wrong.push(`${i}: ${key} is ${had} ${entered}`);
      known.set(key, content);
    }
    expect(wrong, `seed ${SEED}`).toEqual([]);
    expect(table.size).toBe(known.size);
    const sorted = table.drain();
    const drained = Array.from({ length: sorted.length / WORDS }, (_, at) =>
      keyOf(sorted.subarray(at * WORDS, (at + 1) * WORDS)),
    );
    expect(drained).toEqual([...known.keys()].sort());
    expect(table.size).toBe(0);
    expect(table.has(drawWords(random))).toBe(false);
  });
});

test('takes as many as its memory has room for, whatever was expected', () => {
  const memoryBytes = 1024 * 1024;
  for (const expected of [0, 10_000, 10_000_000]) {
    const table = new FingerprintTable(memoryBytes, true, expected);
    const random = new Random(SEED);
    const words = new Uint32Array(WORDS);
    for (; !table.full; table.enter(words, 0, 0))
      for (let at = 0; at < WORDS; at++) words[at] = random.int(0, 0xffff_ffff);
    expect(table.size).toBeGreaterThan(memoryBytes / 40);
    expect(table.size).toBeLessThan(memoryBytes / 24);
    // Full is full: it is emptied before more comes.
    table.drain();
    expect(table.full).toBe(false);
  }
});
