// Inspecting files: the counts agree with what decode tells of the same files, and damage, filters and hashes are kept to.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import { type InspectOptions, inspect } from '../../lib/jobs/inspect.ts';
import { openOutput } from '../../lib/storage/output.ts';
import type { InspectReport } from '../../lib/targets/inspect/report.ts';
import { corpusFiles, corpusLacks, readCorpus } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folder.ts';
import { listpack, string, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const sample = join(import.meta.dirname, '..', 'fixtures', 'sample.rdb');
const NOW = Date.UTC(2026, 10, 23);

const inspected = (files: string | string[], options: Partial<InspectOptions> = {}) =>
  inspect({ files: [files].flat(), nowMs: NOW, ...options });

function fileOf(bytes: Buffer, name = 'dump.rdb'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Streams whose length Redis 5 counted wrong: decode tells their entries, an inspection what XLEN says. */
const MISCOUNTED: ReadonlySet<string> = new Set(['rdb-go/stream_listpacks_1.rdb']);

interface Line {
  db?: number;
  key: unknown;
  type: string;
  encoding: string;
  elements: number;
  expiry?: number;
}

/** `db type encoding elements` of each key, as decode tells them, in order. */
async function decoded(path: string): Promise<{ keys: string[]; code: string | undefined }> {
  const out = join(temporaryFolder(), 'out.jsonl');
  const report = await decode({ files: [path], output: await openOutput(out), noValue: true, threads: 1 });
  const written = existsSync(out) ? out : `${out}.partial`;
  const lines = readFileSync(written, 'utf8').split('\n').slice(0, -1);
  const keys = lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ db }) => db !== undefined)
    .map(({ db, type, encoding, elements }) => `${db} ${type} ${encoding} ${elements}`);
  return { keys, code: report.error?.code };
}

/** The same of an inspection that names every key. */
const named = ({ bigKeys, types }: InspectReport): string[] => {
  expect(types.every(({ keys }) => keys <= 100_000)).toBe(true);
  return bigKeys.byMemory.map(({ db, type, encoding, elements }) => `${db} ${type} ${encoding} ${elements}`);
};

describe('agrees with decode', () => {
  test('on the sample', async () => {
    const { report, error } = await inspected(sample, { top: 100_000 });
    expect(error).toBeUndefined();
    expect(named(report).sort()).toEqual((await decoded(sample)).keys.sort());
  });

  test(`on every file of the corpus${corpusLacks}`, async ({ skip }) => {
    if (corpusLacks !== '') skip();
    let compared = 0;
    for (const name of corpusFiles()) {
      const path = fileOf(readCorpus(name));
      const [mine, theirs] = [await inspected(path, { top: 100_000 }), await decoded(path)];
      // Damage inside a value is found by decode only: boundaries are all that an inspection asks for.
      if (theirs.code !== undefined || MISCOUNTED.has(name)) continue;
      expect(mine.error, name).toBeUndefined();
      expect(named(mine.report).sort(), name).toEqual(theirs.keys.sort());
      compared++;
    }
    expect(compared).toBeGreaterThan(60);
  });
});

test('containers of more entries than their header can tell are counted from end to end', async () => {
  const pairs = Array.from({ length: 40_000 }, (_, at) => [`f${at % 10}`, 1] as const);
  const items = Array.from({ length: 70_000 }, (_, at) => at % 7);
  const builder = new RdbFileBuilder()
    .key('raw', values.HASH_LISTPACK(pairs))
    .key('packed', values.HASH_LISTPACK(pairs, 'lzf'))
    .key('ziplist', values.HASH_ZIPLIST(pairs, 'lzf'))
    .key('list', values.LIST_QUICKLIST_2([items, ['one'], items]))
    .key('zipmap', values.HASH_ZIPMAP(Array.from({ length: 300 }, (_, at) => [`f${at}`, 'v'] as const)));
  const { report, error } = await inspected(fileOf(builder.end()));
  expect(error).toBeUndefined();
  expect(Object.fromEntries(report.bigKeys.byElements.map(({ key, elements }) => [key.text, elements]))).toEqual({
    raw: 40_000,
    packed: 40_000,
    ziplist: 40_000,
    list: 140_001,
    zipmap: 300,
  });
});

describe('a report', () => {
  const builder = () =>
    new RdbFileBuilder('REDIS0011')
      .aux('redis-ver', '7.0.15')
      .aux('ctime', '1700000000')
      .aux('used-mem', '1234567')
      .aux('repl-id', 'secret-id')
      .library('#!lua name=secretlib\nreturn 1')
      .selectDb(0)
      .idle(5000)
      .key('user:1:name', values.STRING('Ada'))
      .expireMs(NOW + 30_000)
      .key('user:2:name', values.STRING('Bob'))
      .expireMs(NOW - 1)
      .key('cart:9', values.SET(['a', 'b', 'c']))
      .selectDb(3)
      .key('plain', values.LIST(['x']));

  test('has totals, types, databases, prefixes, times and facts', async () => {
    const { report } = await inspected(fileOf(builder().end()));
    expect(report).toMatchObject({
      format: 1,
      now: NOW,
      incomplete: false,
      error: null,
      model: { name: 'redis-7.0', chosen: 'file', allocator: 'jemalloc' },
      totals: { keys: 4, elements: 6, expiring: 2, expired: { keys: 1 }, filtered: 0 },
      dbs: [
        { db: 0, keys: 3 },
        { db: 3, keys: 1 },
      ],
      functions: [{ name: { text: 'secretlib' }, engine: 'lua', bytes: 29 }],
    });
    expect(report.files).toMatchObject([
      { rdb: 'redis 11', server: 'Redis 7.0.15', createdAt: 1_700_000_000_000, usedMemory: 1_234_567, keys: 4 },
    ]);
    expect(report.files[0]?.aux.map(({ name }) => name.text)).toEqual(['repl-id']);
    expect(report.histograms.idle.find(({ keys }) => keys > 0)?.label).toBe('< 1 d');
    expect(report.prefixes.children.map(({ prefix, keys }) => [prefix.text, keys])).toEqual([
      ['cart:', 1],
      ['user:', 2],
    ]);
    for (const part of [report.types, report.dbs, report.encodings, report.histograms.ttl, report.slots.shards]) {
      expect(part.reduce((sum, { memory }) => sum + memory, 0)).toBe(report.totals.memory);
      expect(part.reduce((sum, { keys }) => sum + keys, 0)).toBe(4);
    }
  });

  test('is plain data: JSON gives it back as it was', async () => {
    const { report } = await inspected(sample);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('of several files is their sum; packed ones too', async () => {
    const one = fileOf(builder().end());
    const two = fileOf(gzipSync(builder().end()), 'dump.rdb.gz');
    const [single, both] = [await inspected(one), await inspected([one, two])];
    expect(both.report.totals.memory).toBe(2 * single.report.totals.memory);
    expect(both.report.totals.tables).toBe(2 * single.report.totals.tables);
    expect(both.report.files).toHaveLength(2);
  });

  test('leaves out what the filter does not take, and says how many', async () => {
    const { report } = await inspected(fileOf(builder().end()), { filter: { match: ['user:*'], dbs: [0] } });
    expect(report.totals).toMatchObject({ keys: 2, filtered: 2 });
  });

  test('with hashed keys holds no byte of a key, a function or an aux field, but the same shape', async () => {
    const path = fileOf(builder().end());
    const [plain, hashed] = [await inspected(path), await inspected(path, { hashKeys: true })];
    const text = JSON.stringify(hashed.report);
    for (const secret of ['user', 'name', 'cart', 'plain', 'secret']) expect(text).not.toContain(`${secret}:`);
    expect(text).not.toMatch(/Ada|Bob|secret|user:|cart|"plain"/);
    expect(hashed.report.prefixes.children.map(({ keys }) => keys)).toEqual(
      plain.report.prefixes.children.map(({ keys }) => keys),
    );
    // A key and its prefix can be told to belong together.
    const prefix = hashed.report.prefixes.children.find(({ keys }) => keys === 2)?.prefix.text as string;
    expect(hashed.report.bigKeys.byMemory.filter(({ key }) => key.text.startsWith(prefix))).toHaveLength(2);
  });

  test('of an unreadable file says so', async () => {
    const { report, error } = await inspected('/nowhere/dump.rdb');
    expect(error).toMatchObject({ code: 'INPUT_NOT_FOUND' });
    expect(report).toMatchObject({ incomplete: true, totals: { keys: 0, memory: 0, tables: 0 } });
  });

  test('goes by another server and allocator when told', async () => {
    const { report } = await inspected(sample, { memoryOf: 'valkey-9.1', allocator: 'libc' });
    expect(report.model).toEqual({ name: 'valkey-9.1', chosen: 'option', allocator: 'libc' });
  });
});

test('a container that claims more elements than it has bytes is not believed', async () => {
  const { type } = values.SET_INTSET([]);
  const liar = { type, value: string(Buffer.from([2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])) };
  const { report } = await inspected(fileOf(new RdbFileBuilder().key('s', liar).end()));
  expect(report.totals.elements).toBeLessThanOrEqual(8);
});

describe('damage', () => {
  const whole = new RdbFileBuilder()
    .selectDb(0)
    .key('a', values.STRING('1'))
    .key('secret:b', values.LIST(['x', 'y']))
    .end();

  test('gives what came before, marked, and the error with its place', async () => {
    const { report, error } = await inspected(fileOf(whole.subarray(0, whole.length - 12)));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED' });
    expect(error?.where).toContain('secret:b');
    expect(report).toMatchObject({ incomplete: true, error: { code: 'RDB_TRUNCATED' }, totals: { keys: 1 } });
  });

  test('names no key where keys are hashed', async () => {
    const { report, error } = await inspected(fileOf(whole.subarray(0, whole.length - 12)), { hashKeys: true });
    expect(error?.describe()).not.toContain('secret');
    expect(JSON.stringify(report)).not.toContain('secret');
  });

  test('a wrong checksum is told, and all keys were counted', async () => {
    const bytes = Buffer.from(whole);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    const { report, error } = await inspected(fileOf(bytes));
    expect(error).toMatchObject({ code: 'RDB_CHECKSUM' });
    expect(report).toMatchObject({ incomplete: true, totals: { keys: 2 } });
  });

  test.each([
    ['an empty one', listpack([]).subarray(0, 0)],
    ['one of a byte', Buffer.of(7)],
    ['one whose count lies', Buffer.of(7, 0, 0, 0, 0xff, 0xff, 0xff)],
  ])('in a container is no reason to stop: %s', async (_, blob) => {
    const { type } = values.HASH_LISTPACK([]);
    const { report, error } = await inspected(
      fileOf(new RdbFileBuilder().key('h', { type, value: string(blob) }).end()),
    );
    expect(error).toBeUndefined();
    expect(report.totals).toMatchObject({ keys: 1, elements: 0 });
  });
});
