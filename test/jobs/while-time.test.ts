// A sequence that is read until the time is up: what is on its way then keeps nobody waiting.
import { expect, test } from 'vitest';
import { whileTime } from '../../lib/jobs/while-time.ts';

test('it gives all where time is enough, and stops between two items else', async () => {
  const items = async function* () {
    yield* [1, 2, 3];
  };
  const read = async (isUp: (given: number) => boolean) => {
    const all: number[] = [];
    for await (const item of whileTime(items(), () => isUp(all.length))) all.push(item);
    return all;
  };
  expect(await read(() => false)).toEqual([1, 2, 3]);
  expect(await read((given) => given === 2)).toEqual([1, 2]);
  expect(await read(() => true)).toEqual([]);
});

test('an item that does not come is not waited for, and what it fails with later is nobody’s', async () => {
  const stalled = Promise.withResolvers<void>();
  const items = async function* () {
    yield 1;
    await stalled.promise;
  };
  const end = Date.now() + 300;
  const all: number[] = [];
  for await (const item of whileTime(items(), () => Date.now() >= end)) all.push(item);
  expect(all).toEqual([1]);
  stalled.reject(new Error('too late'));
  await new Promise((resolve) => setTimeout(resolve, 10));
});

test('what a sequence fails with is thrown', async () => {
  const items = async function* () {
    yield 1;
    throw new Error('broken');
  };
  const read = async () => {
    for await (const _ of whileTime(items(), () => false));
  };
  await expect(read()).rejects.toThrow('broken');
});
