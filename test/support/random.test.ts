// A failing random test is only worth something when its seed brings the failure back.
import { afterEach, expect, test, vi } from 'vitest';
import { Random, runs, seedOr } from './random.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('the same seed gives the same bytes, another seed others', () => {
  expect(new Random(7).bytes(1000)).toEqual(new Random(7).bytes(1000));
  expect(new Random(8).bytes(1000)).not.toEqual(new Random(7).bytes(1000));
  expect(new Random(2 ** 40 + 7).bytes(1000)).not.toEqual(new Random(7).bytes(1000));
});

test('a fork does not depend on how much was drawn before', () => {
  const drawn = new Random(7);
  drawn.bytes(100);
  expect(drawn.fork('lists').uint32()).toBe(new Random(7).fork('lists').uint32());
  expect(new Random(7).fork('lists').uint32()).not.toBe(new Random(7).fork('sets').uint32());
});

test.each([
  [0, 0],
  [-3, 3],
  [0, 255],
  [-(2 ** 31), 2 ** 31 - 1],
  [-(2 ** 51), 2 ** 51 - 1],
])('whole numbers from %d to %d stay within, and come from both halves', (lowest, highest) => {
  const random = new Random(1);
  const drawn = Array.from({ length: 2000 }, () => random.int(lowest, highest));
  expect(drawn.every((n) => Number.isSafeInteger(n) && n >= lowest && n <= highest)).toBe(true);
  const middle = (lowest + highest) / 2;
  expect(drawn.filter((n) => n <= middle).length).toBeGreaterThan(900);
  expect(drawn.filter((n) => n >= middle).length).toBeGreaterThan(900);
});

test('shuffle keeps the items and its argument', () => {
  const items = Array.from({ length: 100 }, (_, i) => i);
  const shuffled = new Random(3).shuffle(items);
  expect(shuffled).not.toEqual(items);
  expect(shuffled.toSorted((a, b) => a - b)).toEqual(items);
});

test('KEYFERRY_RUNS and KEYFERRY_SEED replace the sample and the seed; nonsense in them is refused', () => {
  vi.stubEnv('KEYFERRY_RUNS', '');
  expect(runs(20)).toBe(20);
  vi.stubEnv('KEYFERRY_RUNS', '10000');
  vi.stubEnv('KEYFERRY_SEED', '42');
  expect(runs(20)).toBe(10_000);
  expect(seedOr(1)).toBe(42);
  vi.stubEnv('KEYFERRY_RUNS', 'many');
  expect(() => runs(20)).toThrow('KEYFERRY_RUNS is to be a whole number, not "many"');
});
