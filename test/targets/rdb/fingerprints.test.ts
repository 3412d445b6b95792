// Fingerprints: exact membership, in memory and beyond it.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Fingerprints } from '../../../lib/targets/rdb/fingerprints.ts';
import { Random, seedOr } from '../../support/random.ts';
import { WorkFolder } from '../../support/restore-run.ts';

const SEED = seedOr(20_261_123);

describe.each([
  ['in memory', 64 * 1024 * 1024],
  ['beyond a limit that forces many files', 1],
])('%s', (_, memoryBytes) => {
  test('a key is new once, in each database, and never for another', async () => {
    using work = new WorkFolder();
    const random = new Random(SEED);
    const keys = new Fingerprints({ memoryBytes, folder: work.path });
    const known = new Set<string>();
    for (let i = 0; i < 40_000; i++) {
      const [db, key] = [random.int(0, 2), `key:${random.int(0, 9000)}`];
      const fresh = !known.has(`${db} ${key}`);
      known.add(`${db} ${key}`);
      expect(await keys.add(db, Buffer.from(key)), `seed ${SEED}, key ${i}`).toBe(fresh);
    }
    expect(keys.remembersAll).toBe(memoryBytes > 1);
    await keys.close();
    expect(readdirSync(work.path)).toEqual([]);
  });
});

test('what a key holds is compared, and forgotten with the memory', async () => {
  using work = new WorkFolder();
  const keys = new Fingerprints({ memoryBytes: 1, folder: work.path, contents: true });
  const key = Buffer.from('key');
  expect(keys.enter(0, key, 1, 2)).toBe('new');
  expect(keys.enter(0, key, 1, 2)).toBe('same');
  expect(keys.enter(0, key, 1, 3)).toBe('other');
  expect(keys.enter(0, key, 1, 3)).toBe('same');
  await keys.makeRoom();
  expect(keys.enter(0, key, 1, 3)).toBe('other');
  expect(keys.enter(0, key, 1, 3)).toBe('same');
  await keys.close();
  expect(existsSync(work.path)).toBe(true);
});

test('keys of any length and bytes are told apart', async () => {
  const keys = new Fingerprints();
  const all = [0, 1, 2, 7, 8, 9, 70_000, 70_001, 5_000_000].map((length) => Buffer.alloc(length, 0xff));
  for (const key of all) expect(await keys.add(0, key)).toBe(true);
  for (const key of all) expect(await keys.add(0, key)).toBe(false);
  expect(await keys.add(1, Buffer.alloc(0))).toBe(true);
});

test('who does not know the seed cannot choose keys that meet', () => {
  const words = (keys: Fingerprints) => [...keys.fingerprint(0, Buffer.from('key'))];
  expect(words(new Fingerprints())).not.toEqual(words(new Fingerprints()));
  const seed = Buffer.alloc(16, 7);
  expect(words(new Fingerprints({ seed }))).toEqual(words(new Fingerprints({ seed })));
});
