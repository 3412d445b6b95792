// Several sequences read as one: what one of them throws is told where it is waited for, however late that is.
import { expect, test } from 'vitest';
import { merge } from '../../../lib/sources/scan/merge.ts';

async function* counting(from: number, to: number, broken?: Error): AsyncGenerator<number, void, undefined> {
  for (let n = from; n < to; n++) yield n;
  if (broken !== undefined) throw broken;
}

test('gives all of each, those of one in their order', async () => {
  const read: number[] = [];
  for await (const n of merge([counting(0, 3), counting(10, 11), counting(20, 20)])) read.push(n);
  expect(read.filter((n) => n < 10)).toEqual([0, 1, 2]);
  expect(read.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 10]);
});

test('a failure while what came before is still worked on waits for who reads on, and ends the others', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  let ended = false;
  async function* endless(): AsyncGenerator<number, void, undefined> {
    try {
      for (;;) yield 7;
    } finally {
      ended = true;
    }
  }
  try {
    const read = async () => {
      for await (const n of merge([counting(0, 1, new Error('broken')), endless()])) {
        if (n === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await expect(read()).rejects.toThrow('broken');
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect({ unhandled, ended }).toEqual({ unhandled: [], ended: true });
  } finally {
    process.off('unhandledRejection', note);
  }
});
