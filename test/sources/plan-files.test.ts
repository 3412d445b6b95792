// Plans on disk: read back as they were written, and never believed when they are damaged.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Chunk, type Plan, planRdb } from '../../lib/sources/rdb/plan.ts';
import { type PlannedInput, PlanWriter, readChunks, readPlan } from '../../lib/sources/rdb/plan-files.ts';
import type { SourcePin } from '../../lib/storage/byte-source.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';
import { memorySource } from '../support/memory-source.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { randomSample } from '../support/random-sample.ts';
import { sampleNamed, samples } from '../support/samples.ts';

const SEED = seedOr(20261123);
const pin: SourcePin = { size: 12345, mtimeMs: 1_700_000_000_000 };
const input: PlannedInput = { pin, format: 'rdb' };

interface Written {
  folder: string;
  planPath: string;
  chunksPath: string;
  plan: Plan;
  chunks: Chunk[];
}

async function written(bytes: Buffer, chunkBytes: number, of: PlannedInput = input): Promise<Written> {
  const folder = temporaryFolder();
  const [planPath, chunksPath] = [join(folder, 'dump.rdb.plan.json'), join(folder, 'dump.rdb.chunks.jsonl')];
  const writer = new PlanWriter(planPath, chunksPath);
  const chunks: Chunk[] = [];
  const onChunk = (chunk: Chunk) => {
    chunks.push(chunk);
    return writer.chunk(chunk);
  };
  const plan = await planRdb(memorySource(bytes), { chunkBytes, onChunk });
  await writer.commit({ input: of, chunkBytes, plan });
  expect(readdirSync(folder).sort()).toEqual(['dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
  return { folder, planPath, chunksPath, plan, chunks };
}

describe('a plan that was written', () => {
  test.each(samples.map((sample) => [sample.name, sample] as const))(
    'of %s is read back the same',
    async (_, sample) => {
      for (const tail of ['', '*1\r\n']) {
        const bytes = Buffer.concat([sample.bytes, Buffer.from(tail)]);
        const { planPath, chunksPath, plan, chunks } = await written(bytes, 100);
        const read = await readPlan(planPath, { pin, chunkBytes: 100 });
        expect(read?.plan).toEqual(plan);
        expect(read).toMatchObject({ input, chunkBytes: 100 });
        expect(await readChunks(chunksPath, { count: plan.chunks, crc: read?.chunksCrc ?? '' })).toEqual(chunks);
      }
    },
  );

  test('of random files is read back the same', async () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(10, 200); run++) {
      const sample = randomSample(random, random.int(0, 60), 1000);
      const { planPath, chunksPath, plan, chunks } = await written(sample.bytes, random.int(1, 5000));
      const read = await readPlan(planPath, { pin, chunkBytes: JSON.parse(readFileSync(planPath, 'utf8')).chunkBytes });
      expect(read?.plan, `seed ${SEED}, run ${run}`).toEqual(plan);
      expect(await readChunks(chunksPath, { count: plan.chunks, crc: read?.chunksCrc ?? '' })).toEqual(chunks);
    }
  });

  test('has one line for each chunk, with its bytes, and nothing else', async () => {
    const { chunksPath, chunks } = await written(sampleNamed('shared types').bytes, 1000);
    const lines = readFileSync(chunksPath, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      chunks.map(({ crc, ...chunk }) => ({
        ...chunk,
        bytes: chunk.end - chunk.start,
        crc: crc.toString(16).padStart(16, '0'),
      })),
    );
  });

  test('pins the input by all that is known of it', async () => {
    const pins: SourcePin[] = [pin, { size: 5, etag: '"abc"', version: 'v1' }, { size: 5, etag: '"abc"' }];
    for (const each of pins) {
      const { planPath } = await written(sampleNamed('no records').bytes, 100, { pin: each, format: 'rdb' });
      for (const other of pins) {
        const read = await readPlan(planPath, { pin: other, chunkBytes: 100 });
        expect(read !== undefined, JSON.stringify([each, other])).toBe(each === other);
      }
    }
  });

  test('is not used for another input, chunk size or format', async () => {
    const { planPath } = await written(sampleNamed('shared types').bytes, 100);
    expect(await readPlan(planPath, { pin, chunkBytes: 100 })).toBeDefined();
    expect(await readPlan(planPath, { pin: { ...pin, size: 12346 }, chunkBytes: 100 })).toBeUndefined();
    expect(await readPlan(planPath, { pin: { ...pin, mtimeMs: 1 }, chunkBytes: 100 })).toBeUndefined();
    expect(await readPlan(planPath, { pin, chunkBytes: 101 })).toBeUndefined();
    const json = JSON.parse(readFileSync(planPath, 'utf8'));
    writeFileSync(planPath, JSON.stringify({ ...json, format: json.format + 1 }));
    expect(await readPlan(planPath, { pin, chunkBytes: 100 })).toBeUndefined();
  });
});

describe('a plan that is damaged', () => {
  test('is no plan, wherever it ends', async () => {
    const { planPath } = await written(sampleNamed('redis 8.10').bytes, 100);
    const whole = readFileSync(planPath);
    for (let end = 0; end < whole.length - 2; end += 7) {
      writeFileSync(planPath, whole.subarray(0, end));
      expect(await readPlan(planPath, { pin, chunkBytes: 100 }), `cut at ${end}`).toBeUndefined();
    }
  });

  test('is no plan where it is other JSON', async () => {
    const { planPath } = await written(sampleNamed('redis 8.10').bytes, 100);
    const json = JSON.parse(readFileSync(planPath, 'utf8'));
    const others: unknown[] = [
      null,
      5,
      'text',
      [],
      {},
      { format: json.format },
      { format: json.format, chunkBytes: 100 },
    ];
    for (const part of ['input', 'crc', 'templates']) others.push({ ...json, [part]: null });
    for (const other of others) {
      writeFileSync(planPath, JSON.stringify(other));
      expect(await readPlan(planPath, { pin, chunkBytes: 100 }), JSON.stringify(other).slice(0, 80)).toBeUndefined();
    }
  });

  test('is none where there is none, or a folder', async () => {
    const folder = temporaryFolder();
    expect(await readPlan(join(folder, 'missing'), { pin, chunkBytes: 100 })).toBeUndefined();
    expect(await readPlan(folder, { pin, chunkBytes: 100 })).toBeUndefined();
  });
});

describe('a chunk index that is not the plan’s is none', () => {
  async function refused(change: (bytes: Buffer) => Buffer | undefined): Promise<void> {
    const { planPath, chunksPath, plan } = await written(sampleNamed('shared types').bytes, 1000);
    const read = await readPlan(planPath, { pin, chunkBytes: 1000 });
    const changed = change(readFileSync(chunksPath));
    if (changed !== undefined) writeFileSync(chunksPath, changed);
    const path = changed === undefined ? join(chunksPath, 'missing') : chunksPath;
    const expected = { count: plan.chunks, crc: read?.chunksCrc ?? '' };
    expect(await readChunks(path, expected)).toBeUndefined();
  }

  test('at every byte', async () => {
    const { planPath, chunksPath, plan } = await written(sampleNamed('shared types').bytes, 5000);
    const crc = (await readPlan(planPath, { pin, chunkBytes: 5000 }))?.chunksCrc ?? '';
    const whole = readFileSync(chunksPath);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(chunksPath, damaged);
      expect(await readChunks(chunksPath, { count: plan.chunks, crc }), `byte ${at}`).toBeUndefined();
    }
  });

  test('cut off, grown, emptied or gone', async () => {
    await refused((bytes) => bytes.subarray(0, -1));
    await refused((bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1));
    await refused((bytes) => Buffer.concat([bytes, Buffer.from('\n')]));
    await refused(() => Buffer.alloc(0));
    await refused(() => undefined);
  });

  test('of another number of lines than the plan says', async () => {
    const { planPath, chunksPath, plan } = await written(sampleNamed('shared types').bytes, 1000);
    const crc = (await readPlan(planPath, { pin, chunkBytes: 1000 }))?.chunksCrc ?? '';
    expect(await readChunks(chunksPath, { count: plan.chunks, crc })).toBeDefined();
    expect(await readChunks(chunksPath, { count: plan.chunks + 1, crc })).toBeUndefined();
  });
});

test('a plan that is given up leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const writer = new PlanWriter(join(folder, 'plan.json'), join(folder, 'chunks.jsonl'));
  await writer.chunk({ n: 0, start: 9, end: 20, db: 0, keys: 1, crc: 1n });
  await writer.abandon();
  expect(readdirSync(folder)).toEqual([]);
});

test.skipIf(cannotMount !== '')(`on a full disk there is no plan, and nothing half${cannotMount}`, async () => {
  const disk = smallDisk(16);
  const writer = new PlanWriter(join(disk, 'plan.json'), join(disk, 'chunks.jsonl'));
  const writing = (async () => {
    for (let n = 0; n < 2000; n++) await writer.chunk({ n, start: n, end: n + 1, db: 0, keys: 1, crc: BigInt(n) });
    const plan = await planRdb(memorySource(sampleNamed('no records').bytes));
    await writer.commit({ input, chunkBytes: 1, plan });
  })();
  await expect(writing).rejects.toMatchObject({ code: 'LOCAL_DISK_FULL' });
  await writer.abandon();
  expect(readdirSync(disk)).toEqual([]);
});
