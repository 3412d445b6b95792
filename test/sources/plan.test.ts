// A plan: chunks that hold every key once, each readable on its own, and totals of all that a file holds.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { crc64Twin } from '../../lib/bytes/twin.ts';
import { RdbError } from '../../lib/errors.ts';
import { parseModuleId } from '../../lib/rdb/module-id.ts';
import { RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import { readString } from '../../lib/rdb/strings.ts';
import { type Chunk, type Plan, type PlanOptions, planRdb } from '../../lib/sources/rdb/plan.ts';
import { memorySource } from '../support/memory-source.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { randomSample } from '../support/random-sample.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { largeSample, type Sample, sampleNamed, samples } from '../support/samples.ts';
import type { RecordFacts } from '../support/scan-events.ts';

const SEED = seedOr(20261123);
const isKey = (record: RecordFacts) => record.event === 'KEY';

async function planned(bytes: Buffer, options: PlanOptions = {}): Promise<{ plan: Plan; chunks: Chunk[] }> {
  const chunks: Chunk[] = [];
  const plan = await planRdb(memorySource(bytes), { ...options, onChunk: (chunk) => void chunks.push(chunk) });
  return { plan, chunks };
}

/** Where the keys of a chunk are, scanned on its own from what the plan knows. */
function keysAlone(bytes: Buffer, plan: Plan, chunk: Chunk) {
  const scanner = new RdbScanner({
    from: {
      dialect: plan.dialect,
      version: plan.version,
      offset: chunk.start,
      db: chunk.db,
      crc: undefined,
      templates: new Map(plan.templates.map(({ id, fields }) => [id, fields])),
    },
    crc: false,
  });
  scanner.feed(Buffer.from(bytes.subarray(chunk.start, chunk.end)));
  const keys = [];
  for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
    if (event !== ScanEvent.KEY) continue;
    const { recordStart, recordEnd, db, type } = scanner;
    keys.push({ start: recordStart, end: recordEnd, db, type: type?.name, expireAt: scanner.expiryMs() });
  }
  // The chunk ends where a record does.
  expect(scanner.betweenRecords).toBe(true);
  expect(scanner.fedTo).toBe(chunk.end);
  return keys;
}

/** Proves that chunks are what they should be, for the sample and the size that they were made for. */
function checkChunks(sample: Sample, plan: Plan, chunks: readonly Chunk[], chunkBytes: number, note: string): void {
  const { bytes, records, bodyEnd } = sample;
  const expected = records
    .filter(isKey)
    .map(({ start, end, db, type, expireAt }) => ({ start, end, db, type, expireAt }));
  const found: unknown[] = [];
  let end = 0;
  chunks.forEach((chunk, i) => {
    expect(chunk.n, note).toBe(i);
    expect(chunk.start, note).toBeGreaterThanOrEqual(end);
    end = chunk.end;
    const keys = keysAlone(bytes, plan, chunk);
    expect(keys.length, note).toBe(chunk.keys);
    expect(keys[0]?.start, note).toBe(chunk.start);
    expect(chunk.crc, note).toBe(crc64Twin(bytes.subarray(chunk.start, chunk.end)));
    // No larger than asked for, but for what one key takes.
    const last = keys.at(-1);
    if (keys.length > 1) expect((last?.end ?? 0) - chunk.start, note).toBeLessThanOrEqual(chunkBytes);
    found.push(...keys);
  });
  expect(end, note).toBeLessThanOrEqual(bodyEnd);
  if (!isDeepStrictEqual(found, expected)) expect(found, note).toEqual(expected);
  expect(plan.chunks, note).toBe(chunks.length);
  expect(plan.keys, note).toBe(expected.length);
  for (const { start, end } of expected) {
    if (end - start < chunkBytes) continue;
    expect(chunks, `${note}: a large record stands alone`).toContainEqual(
      expect.objectContaining({ start, end, keys: 1 }),
    );
  }
}

describe('chunks', () => {
  test('hold every key once, each on its own, whatever their size', async () => {
    const random = new Random(SEED);
    const count = runs(20, 600);
    for (let run = 0; run < count; run++) {
      const sample = randomSample(random, random.int(0, 120), random.pick([100, 3000, 50_000]));
      for (const chunkBytes of [1, Math.ceil((sample.bytes.length * 1.2) ** random.fraction()), sample.bytes.length]) {
        const note = `seed ${SEED}, run ${run}, chunks of ${chunkBytes}`;
        const { plan, chunks } = await planned(sample.bytes, { chunkBytes });
        checkChunks(sample, plan, chunks, chunkBytes, note);
      }
    }
  });

  test('of a file of more than one block, with records larger than a scanner holds', async () => {
    for (const chunkBytes of [1, 1000, 70_000, 300_000, 8 << 20]) {
      const { plan, chunks } = await planned(largeSample.bytes, { chunkBytes });
      checkChunks(largeSample, plan, chunks, chunkBytes, `chunks of ${chunkBytes}`);
    }
  });

  test.each(samples.map((sample) => [sample.name, sample] as const))('of %s', async (_, sample) => {
    for (const chunkBytes of [1, 100, 8 << 20]) {
      const { plan, chunks } = await planned(sample.bytes, { chunkBytes });
      checkChunks(sample, plan, chunks, chunkBytes, `chunks of ${chunkBytes}`);
    }
  });

  test('come in order while the file is read, and hold the reading back', async () => {
    const source = memorySource(largeSample.bytes);
    const order: string[] = [];
    await planRdb(source, {
      chunkBytes: 1000,
      onChunk: async ({ n }) => {
        order.push(`begin ${n}`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`end ${n}`);
      },
    });
    const count = order.length / 2;
    expect(count).toBeGreaterThan(5);
    expect(order).toEqual(Array.from({ length: count }, (_, n) => [`begin ${n}`, `end ${n}`]).flat());
  });

  test('are told before damage behind them is found', async () => {
    const file = new RdbFileBuilder('REDIS0011').selectDb(0);
    for (let i = 0; i < 1000; i++) file.key(`key:${i}`, values.STRING('x'.repeat(3000)));
    const bytes = file.raw(0x08).end();
    const chunks: Chunk[] = [];
    const planning = planRdb(memorySource(bytes), { chunkBytes: 10_000, onChunk: (chunk) => void chunks.push(chunk) });
    await expect(planning).rejects.toThrow(RdbError);
    expect(chunks.length).toBeGreaterThan(100);
    expect(chunks[0]?.crc).toBe(crc64Twin(bytes.subarray(chunks[0]?.start, chunks[0]?.end)));
  });
});

describe('the plan', () => {
  /** All that a plan says, from what a sample is known to hold. */
  function totals(sample: Sample, records: readonly RecordFacts[]) {
    const keys = records.filter(isKey);
    const size = ({ start, end }: RecordFacts) => end - start;
    const by = <T>(of: (record: RecordFacts) => T) => {
      const groups = new Map<T, RecordFacts[]>();
      for (const key of keys) groups.set(of(key), [...(groups.get(of(key)) ?? []), key]);
      return [...groups];
    };
    return {
      dialect: sample.dialect,
      version: sample.version,
      bytes: sample.bytes.length,
      checksum: sample.checksum,
      crc: sample.crc,
      keys: keys.length,
      expires: keys.filter(({ expireAt }) => expireAt !== undefined).length,
      largest: Math.max(0, ...keys.map(size)),
      idle: keys.some(({ idle = -1 }) => idle >= 0),
      freq: keys.some(({ freq = -1 }) => freq >= 0),
      dbs: by(({ db }) => db)
        .map(([db, of]) => ({ db, keys: of.length, expires: of.filter((key) => key.expireAt !== undefined).length }))
        .sort((a, b) => a.db - b.db),
      types: by(({ type }) => type)
        .map(([name, of]) => ({ name, keys: of.length, bytes: of.reduce((sum, key) => sum + size(key), 0) }))
        .sort(byName),
      modules: by(({ moduleId }) => moduleId)
        .flatMap(([id, of]) => (id === undefined ? [] : [{ ...parseModuleId(id), keys: of.length }]))
        .sort(byName),
    };
  }

  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
    String(a.name) < String(b.name) ? -1 : 1;

  test.each([...samples, largeSample].map((sample) => [sample.name, sample] as const))(
    'of %s has its totals',
    async (_, sample) => {
      const { plan } = await planned(sample.bytes);
      const types = plan.types.map(({ name, keys, bytes }) => ({ name, keys, bytes })).sort(byName);
      expect({ ...plan, types, modules: [...plan.modules].sort(byName) }).toMatchObject(totals(sample, sample.records));
      expect(plan.tail).toBeUndefined();
    },
  );

  test('says where functions and templates are', async () => {
    const { bytes } = sampleNamed('shared types');
    const { plan } = await planned(bytes);
    const sources = plan.functions.map(({ offset, bytes: length }) => {
      const { value, end } = readString(bytes, offset);
      expect(end).toBe(offset + length);
      return value.toString();
    });
    expect(sources).toHaveLength(3);
    expect(sources[0]).toMatch(/^#!lua name=one\n/);
    expect(sources[2]).toBe('late library');
    const defined = sampleNamed('redis 8.10').records.flatMap(({ template }) =>
      template === undefined ? [] : [template],
    );
    expect((await planned(sampleNamed('redis 8.10').bytes)).plan.templates).toEqual(defined);
  });

  test('is refused where a template is defined twice: chunks could not know which one is meant', async () => {
    const file = new RdbFileBuilder('REDIS0015')
      .hashTemplate(1n, ['a'])
      .key('k', values.HASH_TMPL_ARRAY_REF(1n, ['1']));
    const offset = file.bytes().length;
    const error = await planned(file.hashTemplate(1n, ['b']).end()).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RdbError);
    expect(error).toMatchObject({ code: 'RDB_TEMPLATE', offset });
  });

  test('keeps what servers say of themselves, long values shortened', async () => {
    const long = 'é'.repeat(1000);
    const file = new RdbFileBuilder('REDIS0011')
      .aux('redis-ver', '7.2.4')
      .aux('redis-bits', '64', 'int')
      .aux('x', long);
    const { plan } = await planned(file.aux('bytes', Buffer.of(0xff, 0)).end());
    expect(plan.aux).toEqual([
      ['redis-ver', '7.2.4'],
      ['redis-bits', '64'],
      ['x', `${'é'.repeat(256)}…`],
      ['bytes', '\ufffd\0'],
    ]);
  });

  test('says where the scripts of servers before 7.0 are', async () => {
    const bytes = new RdbFileBuilder('REDIS0009').aux('lua', 'return 1').aux('lua', 'return 2', 'lzf').end();
    const { plan } = await planned(bytes);
    expect(plan.scripts.map(({ offset }) => readString(bytes, offset).value.toString())).toEqual([
      'return 1',
      'return 2',
    ]);
    expect(plan.aux).toEqual([]);
  });

  test('counts what no command can restore', async () => {
    expect((await planned(sampleNamed('shared types').bytes)).plan.unrestorable).toEqual([
      { what: 'functions of a release candidate of Redis 7.0', count: 2 },
      { what: 'global data of module type ReJSON-RL', count: 2 },
      { what: 'global data of module type AAAAAAAAA', count: 1 },
    ]);
    expect((await planned(sampleNamed('valkey 80').bytes)).plan.unrestorable).toEqual([
      { what: 'a slot import in progress', count: 2 },
    ]);
    expect((await planned(sampleNamed('keydb').bytes)).plan.unrestorable).toEqual([
      { what: "KeyDB's mvcc-tstamp fields", count: 2 },
      { what: "KeyDB's keydb-subexpire-key fields", count: 1 },
      { what: "KeyDB's keydb-subexpire-when fields", count: 1 },
    ]);
  });

  test.each([
    ['commands', '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n', 'aof'],
    ['commands with times', '#TS:1700000000\r\n*1\r\n', 'aof'],
    ['anything else', '\0\0\0\0', 'unknown'],
  ])('says that %s follow', async (_, tail, kind) => {
    for (const sample of [sampleNamed('shared types'), sampleNamed('redis version 3')]) {
      const { plan } = await planned(Buffer.concat([sample.bytes, Buffer.from(tail)]));
      expect(plan.tail).toEqual({ offset: sample.bytes.length, bytes: tail.length, kind });
      expect(plan).toMatchObject({ bytes: sample.bytes.length, checksum: sample.checksum, crc: sample.crc });
    }
  });

  test('reads the source once from end to end', async () => {
    const source = memorySource(largeSample.bytes);
    await planRdb(source);
    expect(source.reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(largeSample.bytes.length);
  });

  test('tells how far it is, up to the end', async () => {
    const told: [number, number][] = [];
    await planRdb(memorySource(largeSample.bytes), { onProgress: (bytes, keys) => told.push([bytes, keys]) });
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toEqual([largeSample.bytes.length, largeSample.records.filter(isKey).length]);
    for (const i of [0, 1])
      expect(told.map((each) => each[i])).toEqual(told.map((each) => each[i]).sort((a, b) => (a ?? 0) - (b ?? 0)));
  });

  test('is given up when it is told to be', async () => {
    const stop = new AbortController();
    stop.abort(new Error('told to'));
    await expect(planRdb(memorySource(largeSample.bytes), { signal: stop.signal })).rejects.toThrow('told to');
  });
});
