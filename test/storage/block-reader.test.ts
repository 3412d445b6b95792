// Blocks of a source: all of them, in order, each good for as long as it is said to be.
import { describe, expect, test } from 'vitest';
import { BlockReader } from '../../lib/storage/block-reader.ts';
import type { ByteSource } from '../../lib/storage/byte-source.ts';
import { Random, runs, seedOr } from '../support/random.ts';

const SEED = seedOr(20261123);
const content = new Random(SEED).bytes(10_000);

/** A source in memory that notes what is read of it. */
function source(options: { failAt?: number } = {}): ByteSource & { reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    name: 'memory',
    size: content.length,
    pin: { size: content.length },
    reads,
    read: async (start, end, into = Buffer.alloc(end - start)) => {
      reads.push([start, end]);
      await new Promise((resolve) => setImmediate(resolve));
      if (options.failAt !== undefined && end > options.failAt) throw new Error('the read failed');
      content.copy(into, 0, start, end);
      return into;
    },
    close: async () => {},
  };
}

test('blocks follow each other and hold the whole range, each with its room in front', async () => {
  const random = new Random(SEED);
  for (let run = 0; run < runs(100, 2000); run++) {
    const from = random.int(0, content.length);
    const to = random.int(from, content.length);
    const blockBytes = random.int(1, random.pick([5, 500, 20_000])) + Math.floor((to - from) / 50);
    const headroom = random.pick([0, 7, 300]);
    const blocks = new BlockReader(source(), { from, to, blockBytes, headroom });
    const parts: Buffer[] = [];
    for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
      expect(block.start).toBe(headroom);
      parts.push(Buffer.from(block.buffer.subarray(block.start, block.end)));
    }
    const note = `seed ${SEED}, run ${run}: ${from} to ${to} by ${blockBytes}`;
    expect(Buffer.concat(parts).equals(content.subarray(from, to)), note).toBe(true);
    expect(await blocks.next(), 'asked again').toBeUndefined();
  }
});

describe('while a block is used', () => {
  test('the next one is read already, and no more than that', async () => {
    const counted = source();
    const blocks = new BlockReader(counted, { blockBytes: 1000 });
    expect(counted.reads).toHaveLength(1);
    await blocks.next();
    expect(counted.reads).toEqual([
      [0, 1000],
      [1000, 2000],
    ]);
  });

  test('it and the one before it keep their bytes', async () => {
    const blocks = new BlockReader(source(), { blockBytes: 1000 });
    const first = await blocks.next();
    const second = await blocks.next();
    // The third is being read by now; give it the time to arrive.
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(first?.buffer.equals(content.subarray(0, 1000))).toBe(true);
    expect(second?.buffer.equals(content.subarray(1000, 2000))).toBe(true);
  });

  test('memory is that of three blocks, however long the source is', async () => {
    const blocks = new BlockReader(source(), { blockBytes: 100 });
    const buffers = new Set<ArrayBufferLike>();
    for (let block = await blocks.next(); block !== undefined; block = await blocks.next())
      buffers.add(block.buffer.buffer);
    expect(buffers.size).toBe(3);
  });

  test('a failed read is told when its block is asked for, not before', async () => {
    const blocks = new BlockReader(source({ failAt: 1500 }), { blockBytes: 1000 });
    await blocks.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(blocks.next()).rejects.toThrow('the read failed');
  });
});
