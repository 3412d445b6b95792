// Reading ahead gives the same bytes as its source, asks for each of them once, and keeps several requests under way.
import { expect, test } from 'vitest';
import { MemorySource } from '../../lib/storage/memory-source.ts';
import { ReadAhead } from '../../lib/storage/read-ahead.ts';
import { Random, seedOr } from '../support/random.ts';

const SEED = seedOr(20261123);

/** A source that counts, and answers late. */
class SlowSource extends MemorySource {
  readonly asked: [start: number, end: number][] = [];
  most = 0;
  #underWay = 0;

  override async read(start: number, end: number, into?: Parameters<MemorySource['read']>[2]) {
    this.asked.push([start, end]);
    this.most = Math.max(this.most, ++this.#underWay);
    await new Promise((settle) => setTimeout(settle, 1));
    this.#underWay--;
    return super.read(start, end, into);
  }
}

test('reads of any size, in order, find the source’s bytes, each fetched once and before it is asked for', async () => {
  const random = new Random(SEED);
  const content = random.bytes(100_003);
  const source = new SlowSource('memory', content);
  const ahead = new ReadAhead(source, 4096);
  for (let at = 0; at < content.length; ) {
    const to = Math.min(at + random.int(1, 20_000), content.length);
    expect((await ahead.read(at, to)).equals(content.subarray(at, to)), `seed ${SEED}, ${at} to ${to}`).toBe(true);
    at = to;
  }
  const fetched = source.asked.reduce((sum, [start, end]) => sum + end - start, 0);
  expect(fetched, `seed ${SEED}`).toBe(content.length);
  expect(source.most).toBe(3);
  await ahead.close();
});

test('a read that goes back, or far ahead, is right all the same', async () => {
  const content = new Random(SEED).bytes(50_000);
  const ahead = new ReadAhead(new SlowSource('memory', content), 4096);
  for (const at of [20_000, 100, 49_000, 0, 30_000]) {
    expect((await ahead.read(at, at + 1000)).equals(content.subarray(at, at + 1000)), `at ${at}`).toBe(true);
  }
});

test('a failure is told by the read that needs the bytes', async () => {
  class Broken extends MemorySource {
    override async read(start: number, end: number, into?: Parameters<MemorySource['read']>[2]) {
      if (start >= 8192) throw new Error('gone');
      return super.read(start, end, into);
    }
  }
  const ahead = new ReadAhead(new Broken('memory', Buffer.alloc(20_000)), 4096);
  await ahead.read(0, 8000);
  await expect(ahead.read(8000, 9000)).rejects.toThrow('gone');
});
