// The benches' files are what they claim to be: a real server loads them, and both benches' inputs hold the same data.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { DataSetName } from '../../bench/datasets.ts';
import { type BenchFiles, generate } from '../../bench/generate.ts';
import { run } from '../../bench/measure.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { lacks, type Server, withServer } from '../support/servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyferry-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SEED = 7;
/** Of the full size: 3,000 mixed keys, 2,000 elements a big key, 1,000 LZF strings. */
const SCALES: Record<DataSetName, number> = {
  mixed: 0.0012,
  'mixed-scan': 0.001,
  big: 0.002,
  lzf: 0.002,
  strings: 0.001,
  twenty: 0.002,
};

const small = (name: DataSetName, options: { seed?: number; stream?: boolean } = {}): BenchFiles =>
  generate(name, { folder: mkdtempSync(join(folder, name)), scale: SCALES[name], seed: SEED, ...options });

async function keysOf(server: Server): Promise<Buffer[]> {
  return ((await server.callBuffer('KEYS', '*')) as Buffer[]).sort(Buffer.compare);
}

/** Asks one command of every key and counts the answers. */
async function countOf(server: Server, ...command: [string, ...string[]]): Promise<Record<string, number>> {
  const [name, ...args] = command;
  const counts: Record<string, number> = {};
  const asked = (await keysOf(server)).map((key): Command => [name, ...args, key]);
  for (const answer of await pipelined(server.connect(), asked)) {
    const text = String(answer);
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

test('the same seed and scale make the same bytes, another seed makes others', () => {
  const bytes = (files: BenchFiles): Buffer[] =>
    [files.rdb, files.stream].flatMap((path) => (path === undefined ? [] : [readFileSync(path)]));
  expect(bytes(small('mixed'))).toEqual(bytes(small('mixed')));
  expect(bytes(small('mixed', { seed: SEED + 1 }))).not.toEqual(bytes(small('mixed')));
});

const lacking = lacks('redis-7.0');

describe.skipIf(lacking !== '')(`in a Redis 7.0${lacking}`, () => {
  test.each<DataSetName>(['mixed', 'mixed-scan', 'big', 'lzf', 'strings', 'twenty'])(
    '%s is whole to redis-check-rdb',
    async (name) => {
      const files = small(name);
      const { output } = await run({ label: 'check', program: 'redis-check-rdb', args: [files.rdb] });
      expect(output).toContain('Checksum OK');
      expect(output).toContain(`${files.keys} keys read`);
    },
  );

  test('mixed loads with its shares of types and expiries, in the encodings of small values', async () => {
    const files = small('mixed');
    await withServer('redis-7.0', { rdb: files.rdb }, async (server) => {
      expect(files.keys).toBe(3000);
      expect(await server.call('DBSIZE')).toBe(3000);
      expect(String(await server.call('INFO', 'keyspace'))).toContain('keys=3000,expires=600,');
      expect(await countOf(server, 'TYPE')).toEqual({ string: 1800, hash: 300, list: 300, set: 300, zset: 300 });
      const { embstr = 0, raw = 0, int = 0, ...rest } = await countOf(server, 'OBJECT', 'ENCODING');
      expect(rest).toEqual({ listpack: 600, quicklist: 300, intset: 150, hashtable: 150 });
      expect(int).toBeGreaterThan(150);
      expect(embstr + raw).toBe(1800 - int);
    });
  });

  test('the RESTORE stream piped in gives the dataset and the expiries that the RDB gives', async () => {
    const files = small('mixed');
    const expiries = async (server: Server): Promise<unknown[]> =>
      pipelined(
        server.connect(),
        (await keysOf(server)).map((key): Command => ['PEXPIRETIME', key]),
      );
    await withServer('redis-7.0', { rdb: files.rdb }, (native) =>
      withServer('redis-7.0', {}, async (piped) => {
        const args = ['-p', String(piped.port), '--pipe'];
        await run({ label: 'pipe', program: 'redis-cli', args, stdin: files.stream });
        expect(await piped.call('DEBUG', 'DIGEST')).toBe(await native.call('DEBUG', 'DIGEST'));
        expect(await expiries(piped)).toEqual(await expiries(native));
      }),
    );
  });

  test('big loads as keys in the encodings of large values', async () => {
    const files = small('big');
    await withServer('redis-7.0', { rdb: files.rdb }, async (server) => {
      expect(await countOf(server, 'OBJECT', 'ENCODING')).toEqual({ hashtable: 4, skiplist: 2, quicklist: 2 });
      for (const [command, kind] of [
        ['HLEN', 'hash'],
        ['ZCARD', 'zset'],
        ['SCARD', 'set'],
        ['LLEN', 'list'],
      ] as const) {
        expect(await server.call(command, `big:${kind}:1`)).toBe(2000);
      }
      // several nodes a list, or the scanner would not meet their loop
      expect(String(await server.call('DEBUG', 'OBJECT', 'big:list:1'))).toMatch(/ql_nodes:[2-9]/);
    });
  });

  test('lzf loads as JSON texts of about 1.1 KB, which take half of that in the file', async () => {
    const files = small('lzf');
    await withServer('redis-7.0', { rdb: files.rdb }, async (server) => {
      const keys = await keysOf(server);
      expect(keys).toHaveLength(1000);
      const texts = await pipelined(
        server.connect(),
        keys.map((key): Command => ['GET', key]),
      );
      for (const text of texts) expect(JSON.parse(String(text))).toHaveProperty('customer.email');
      const average = texts.reduce((sum: number, text) => sum + (text as Buffer).length, 0) / texts.length;
      expect(average).toBeGreaterThan(1000);
      expect(average).toBeLessThan(1300);
      expect(files.rdbBytes / texts.length).toBeLessThan(average * 0.55);
    });
  });

  test.each<DataSetName>(['mixed', 'big'])('%s is encoded as the server itself encodes it on SAVE', async (name) => {
    const files = small(name);
    await withServer('redis-7.0', { rdb: files.rdb }, async (server) => {
      await server.call('SAVE');
      const saved = statSync(join(server.dir, 'dump.rdb')).size;
      // AUX fields differ by some bytes from one server to another
      expect(Math.abs(saved - files.rdbBytes)).toBeLessThan(32);
    });
  });
});
