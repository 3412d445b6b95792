import { expect, test } from 'vitest';
import { type PieceSource, readValueParts } from '../../../lib/rdb/read-parts.ts';
import { redisTypes, type ValueType } from '../../../lib/rdb/types.ts';
import type { ValuePart } from '../../../lib/rdb/value-parts.ts';
import { length, rawId, string } from '../../support/rdb-builders.ts';

const MB = 1024 * 1024;
const PART_BYTES = 256 * 1024;

/** Pieces of 1 MiB of what a generator makes, all of them in the same memory, as a reader's blocks are. */
function source(chunks: Iterable<Buffer>): PieceSource {
  const block = Buffer.alloc(MB);
  const coming = chunks[Symbol.iterator]();
  let chunk: Buffer = Buffer.alloc(0);
  return {
    async next() {
      let filled = 0;
      while (filled < block.length) {
        if (chunk.length === 0) {
          const { value, done } = coming.next();
          if (done === true) break;
          chunk = value;
        }
        const count = chunk.copy(block, filled);
        chunk = chunk.subarray(count);
        filled += count;
      }
      return filled === 0 ? undefined : block.subarray(0, filled);
    },
  };
}

function read(code: number, chunks: Iterable<Buffer>): AsyncIterable<ValuePart> {
  return readValueParts(redisTypes[code] as ValueType, source(chunks), { partBytes: PART_BYTES });
}

/** Reads all parts, and gives how many MB of buffers were in use at most; `use` is told of each part. */
async function buffersInUse(code: number, chunks: Iterable<Buffer>, use: (part: ValuePart) => void): Promise<number> {
  const before = buffers();
  let most = 0;
  let count = 0;
  for await (const part of read(code, chunks)) {
    use(part);
    if (++count % 50 === 0) most = Math.max(most, buffers() - before);
  }
  return most / MB;
}

function buffers(): number {
  // What the first collection finds is freed beside our work; the second one waits for that.
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().arrayBuffers;
}

/** @param fields of 1 MB */
function* hash(fields: number): Generator<Buffer> {
  const content = Buffer.alloc(MB);
  yield length(fields);
  for (let i = 0; i < fields; i++) {
    yield string(`field ${i}`);
    yield length(content.length);
    yield content.fill(i % 251, 0, 1000);
  }
}

test('a hash of 128 MB in fields of 1 MB takes a few of them', async () => {
  let fields = 0;
  const inUse = await buffersInUse(4, hash(128), (part) => {
    if (part.kind !== 'hash') throw new Error(part.kind);
    for (const { field, value } of part.fields) {
      expect(field.toString()).toBe(`field ${fields}`);
      expect(value.length).toBe(MB);
      expect(value[999]).toBe(fields % 251);
      fields++;
    }
  });
  expect(fields).toBe(128);
  expect(inUse).toBeLessThan(6);
});

test('a hash of 512 MB in fields of 1 MB, collected only when V8 sees fit', async () => {
  const before = process.memoryUsage.rss();
  let highest = before;
  for await (const _ of read(4, hash(512))) highest = Math.max(highest, process.memoryUsage.rss());
  // About 100: V8 lets 64 MB of buffers that nobody uses gather before it looks.
  expect((highest - before) / MB).toBeLessThan(180);
});

test('a string of 128 MB, also one that LZF made of 1.5 MB, takes a few parts', async () => {
  const content = Buffer.alloc(MB, 'abc');
  function* plain(): Generator<Buffer> {
    yield length(128 * MB);
    for (let i = 0; i < 128; i++) yield content;
  }
  function* compressed(): Generator<Buffer> {
    const tokens = 500_000; // of 264 bytes, each from the byte before
    yield Buffer.concat([Buffer.of(0xc3), length(2 + 3 * tokens), length(1 + 264 * tokens), Buffer.of(0, 97)]);
    for (let i = 0; i < tokens; i += 1000) yield Buffer.alloc(3000, Buffer.of(0xe0, 255, 0));
  }
  for (const [chunks, size] of [
    [plain(), 128 * MB],
    [compressed(), 1 + 264 * 500_000],
  ] as const) {
    let bytes = 0;
    const inUse = await buffersInUse(0, chunks, (part) => {
      if (part.kind === 'string') bytes += part.bytes.length;
    });
    expect(bytes).toBe(size);
    expect(inUse).toBeLessThan(4);
  }
});

test('a group with 200,000 pending entries takes 33 bytes for each', async () => {
  const count = 200_000;
  function* stream(): Generator<Buffer> {
    yield Buffer.concat([length(0), length(0), length(9), length(9), length(1), string('g'), length(9), length(9)]);
    yield length(count);
    const entry = Buffer.concat([rawId({ ms: 1, seq: 0 }), Buffer.alloc(9)]);
    for (let i = 0; i < count; i++) {
      entry.writeUInt32BE(i, 12);
      entry[24] = i % 50;
      yield entry;
    }
    yield length(2);
    for (const consumer of [0, 1]) {
      yield Buffer.concat([string(`c${consumer}`), Buffer.alloc(8), length(count / 2)]);
      const id = rawId({ ms: 1, seq: 0 });
      for (let i = consumer; i < count; i += 2) {
        id.writeUInt32BE(i, 12);
        yield id;
      }
    }
  }
  let pending = 0;
  const inUse = await buffersInUse(15, stream(), (part) => {
    if (part.kind !== 'stream-pending') return;
    pending += part.entries.length;
    for (const { id, count } of part.entries) if (count !== id.seq % 50n) throw new Error(`${id.seq}`);
  });
  expect(pending).toBe(count);
  expect(inUse).toBeLessThan(4 + (33 * count) / MB);
});
