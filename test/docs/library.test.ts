// The programs in docs/library.md run as they stand there.
import { execFile } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { anyServer, withServer } from '../support/servers.ts';
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

test('values are written as an older server knows them', async () => {
  const { stdout } = await runExample('older.mjs', temporaryFolder(), sample);
  expect(stdout).toMatch(/^user:1: HASH_LISTPACK as HASH, \d+ bytes$/m);
  expect(stdout).toMatch(/: STREAM_LISTPACKS_2 as STREAM_LISTPACKS, \d+ bytes/);
});

test('a large value comes in parts', async () => {
  const { stdout } = await runExample('parts.mjs', temporaryFolder(), sample);
  expect(stdout).toMatch(/^STREAM_LISTPACKS_2 \d+ bytes\na part of a stream\n/);
});
