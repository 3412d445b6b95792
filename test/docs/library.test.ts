// The programs in docs/library.md run as they stand there.
import { execFile } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { anyServer, lacks, withServer } from '../support/servers.ts';
import { blocks, read, root } from './documents.ts';

const sample = join(root, 'test', 'fixtures', 'sample.rdb');

/** By the name in their first line. */
const programs = new Map(
  blocks(read('docs/library.md'))
    .filter(({ language }) => language === 'js')
    .map(({ text }) => [/^\/\/ (\S+\.mjs)/.exec(text)?.[1], text]),
);

test('the restore restores', async () => {
  await withServer(anyServer(), {}, async (server) => {
    const folder = temporaryFolder();
    const file = join(folder, 'sample.rdb');
    copyFileSync(sample, file);
    const { stdout } = await runExample('restore.mjs', folder, file, server.url);
    const [, written, filtered] = /^complete (\d+) written (\d+) filtered$/m.exec(stdout) ?? [];
    expect(Number(written)).toBeGreaterThan(100);
    expect(Number(filtered)).toBeGreaterThan(100);
    expect(await server.call('DBSIZE')).toBeGreaterThan(100);
    expect(await server.call('HGET', 'user:1', 'name')).not.toBeNull();
    expect(await server.call('EXISTS', 'motd')).toBe(0);
    // The second time everything is there.
    expect((await runExample('restore.mjs', folder, file, server.url)).stdout).toContain('complete 0 written');
  });
});

test('the plan tells what a file holds, and of damage in one line', async () => {
  const folder = temporaryFolder();
  const { stdout } = await runExample('plan.mjs', folder, sample);
  expect(stdout).toMatch(/^redis 10: 19992 keys, 6200 expire, 3 chunks\n(?:[A-Z_0-9]+ \d+ \d+\n){5}/);
  const damaged = await runExample('plan.mjs', folder, join(root, 'package.json')).catch((error) => error);
  expect(damaged.code).toBe(2);
  expect(damaged.stderr).toMatch(/^RDB_MAGIC at byte 0/);
});

test('the scan shows hashes and their fields', async () => {
  const { stdout } = await runExample('hashes.mjs', temporaryFolder(), sample);
  expect(stdout).toMatch(/^0 user:1 expires never\n {2}name = /m);
  expect(stdout.match(/^\d+ .* expires /gm)?.length).toBe(1501);
});

test('the decode gives the lines of what it was asked for, and of damage what was before', async () => {
  const folder = temporaryFolder();
  const out = join(folder, 'users.jsonl.zst');
  const { stdout } = await runExample('decode.mjs', folder, sample, out);
  expect(stdout).toMatch(/^complete 1500 keys 18492 filtered \d+ bytes of JSON$/m);
  const lines = zstdDecompressSync(readFileSync(out))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const users = lines.filter(({ db }) => db !== undefined);
  expect(users).toHaveLength(1500);
  expect(users.every(({ key, type }) => key.startsWith('user:') && type === 'hash')).toBe(true);
  const cut = join(folder, 'cut.rdb');
  writeFileSync(cut, readFileSync(sample).subarray(0, 300_000));
  const damaged = await runExample('decode.mjs', folder, cut, join(folder, 'cut.jsonl')).catch((error) => error);
  expect(damaged.code).toBe(1);
  expect(damaged.stderr).toMatch(/^RDB_TRUNCATED at byte /);
  expect(readdirSync(folder)).toContain('cut.jsonl.partial');
});

test('the inspect names the prefixes that take most', async () => {
  const { stdout } = await runExample('inspect.mjs', temporaryFolder(), sample);
  const [totals, ...prefixes] = stdout.trim().split('\n');
  expect(totals).toMatch(/^19992 keys \d{7} bytes of memory$/);
  expect(prefixes[0]).toMatch(/^page: 10500 \d+$/);
  expect(prefixes).toHaveLength(5);
});

test('the encode writes an RDB that a server loads', async () => {
  const folder = temporaryFolder();
  const rdb = join(folder, 'made.rdb');
  const { stdout } = await runExample('encode.mjs', folder, rdb);
  expect(stdout).toMatch(/^redis RDB 9: 2001 keys, \d+ bytes$/m);
  await withServer(anyServer(), { rdb }, async (server) => {
    expect(await server.call('DBSIZE')).toBe(2000);
    expect(await server.call('HGET', 'user:7', 'name')).toBe('User 7');
    expect(Number(await server.call('PTTL', 'session:7'))).toBeGreaterThan(86_000_000);
    await server.call('SELECT', '1');
    expect(await server.call('ZSCORE', 'scores', 'bob')).toBe('inf');
  });
});

const newer = lacks('redis-7.0');
test.skipIf(newer !== '')(`the payload of a value is one that a server restores${newer}`, async () => {
  const { stdout } = await runExample('payload.mjs', temporaryFolder(), 'a', '12', 'ü');
  const [, hex = ''] = /^LIST_QUICKLIST_2 ([0-9a-f]+)$/m.exec(stdout) ?? [];
  await withServer('redis-7.0', {}, async (server) => {
    await server.call('RESTORE', 'list', 0, Buffer.from(hex, 'hex'));
    expect(await server.call('LRANGE', 'list', 0, -1)).toEqual(['a', '12', 'ü']);
  });
});

/** Runs a program with the library as it is in the checkout, whatever has been built. */
async function runExample(name: string, folder: string, ...args: string[]): Promise<{ stdout: string }> {
  const library = (path: string) => `'${pathToFileURL(join(root, 'lib', path, 'index.ts'))}'`;
  const text = programs.get(name);
  if (text === undefined) throw new Error(`docs/library.md has no ${name}`);
  const path = join(folder, name);
  writeFileSync(path, text.replaceAll("'keyferry'", library('')).replaceAll("'keyferry/rdb'", library('rdb')));
  return promisify(execFile)(process.execPath, [path, ...args], { cwd: folder, maxBuffer: 64 << 20 });
}
test('the restore into a cluster takes what Sentinel, TLS and proxies take', async () => {
  await withServer(anyServer(), {}, async (server) => {
    const folder = temporaryFolder();
    const file = join(folder, 'sample.rdb');
    copyFileSync(sample, file);
    const { stdout } = await runExample('cluster.mjs', folder, file, server.url);
    expect(stdout).toMatch(/^complete (?:Redis|Valkey) \d[\d.]* 19992$/m);
    expect(await server.call('DBSIZE')).toBe(19992);
  });
});

test('the backup is made, proven and found, and the copy holds as much', async () => {
  await withServer(anyServer(), { rdb: sample, config: { 'repl-diskless-sync-delay': '0' } }, async (source) => {
    await withServer(anyServer(), {}, async (copy) => {
      const { stdout } = await runExample('backup.mjs', temporaryFolder(), source.url, 'backups', copy.url);
      expect(stdout).toMatch(
        /^\d+ keys by psync - of one moment: all\ndump\.rdb\.zst is good\nwhole - backups here: 1\n/,
      );
      expect(stdout).toMatch(/^complete \d+ written$/m);
      expect(await copy.call('DBSIZE')).toBe(await source.call('DBSIZE'));
    });
  });
}, 60_000);

test('values are written as an older server knows them', async () => {
  const { stdout } = await runExample('older.mjs', temporaryFolder(), sample);
  expect(stdout).toMatch(/^user:1: HASH_LISTPACK as HASH, \d+ bytes$/m);
  expect(stdout).toMatch(/: STREAM_LISTPACKS_2 as STREAM_LISTPACKS, \d+ bytes/);
});

test('a large value comes in parts', async () => {
  const { stdout } = await runExample('parts.mjs', temporaryFolder(), sample);
  expect(stdout).toMatch(/^STREAM_LISTPACKS_2 \d+ bytes\na part of a stream\n/);
});
