// dump, verify and backups as they are typed: what they print, what they refuse, and how they end.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../cli/main.ts';
import { temporaryFolder } from '../support/folder.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';
import { fakeIo } from './fake-io.ts';

let source: Server;
beforeAll(async () => {
  source = await startServer(anyServer(), { config: { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' } });
  await source.call('MSET', 'a', 1, 'b', 2);
  await source.call('SADD', 's', 'm');
});
afterAll(() => source.stop());

async function typed(...words: string[]) {
  const io = fakeIo(words);
  const exitCode = await run(io);
  return { exitCode, out: io.out(), err: io.err() };
}

test('a backup is made, proven, listed; old ones go', async () => {
  const folder = temporaryFolder();
  for (const name of ['one', 'two', 'three']) {
    const { exitCode, out } = await typed('dump', '--from', source.url, '-o', folder, '--name', name, '--quiet');
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' });
  }
  expect((await typed('verify', join(folder, 'one'), join(folder, 'two', 'manifest.json'))).out).toMatch(
    /ok {2}dump\.rdb {2}size, SHA-256, structure, keys\nGood, as far as --level full tells: 3 keys of /,
  );
  const listed = await typed('backups', 'list', folder);
  expect(listed.out.split('\n').map((line) => line.split('  ').at(-1))).toEqual(['three', 'two', 'one', '']);
  expect((await typed('backups', 'prune', folder, '--keep-last', '1', '--dry-run')).out).toContain(
    '2 backups would go',
  );
  expect(readdirSync(folder).sort()).toEqual(['one', 'three', 'two']);
  expect((await typed('backups', 'prune', folder, '--keep-last', '1')).out).toContain('2 backups were removed, 1 stay');
  expect(readdirSync(folder)).toEqual(['three']);
});

test('the source’s password comes from the same variable as rump’s, before that of a target', async () => {
  await using closed = await startServer(anyServer(), {
    config: { requirepass: 'right', 'repl-diskless-sync-delay': '0' },
  });
  const dumped = async (env: NodeJS.ProcessEnv) => {
    const url = `redis://127.0.0.1:${closed.port}`;
    return run(fakeIo(['dump', '--from', url, '-o', join(temporaryFolder(), 'dump.rdb')], { env }));
  };
  expect(await dumped({ KEYFERRY_SOURCE_PASSWORD: 'right', KEYFERRY_PASSWORD: 'the target’s' })).toBe(0);
  expect(await dumped({ KEYFERRY_PASSWORD: 'right' })).toBe(0);
  expect(await dumped({ KEYFERRY_SOURCE_PASSWORD: 'wrong', KEYFERRY_PASSWORD: 'right' })).not.toBe(0);
}, 30_000);

test('into one file, packed, with the manifest as JSON', async () => {
  const file = join(temporaryFolder(), 'dump.rdb.gz');
  const { exitCode, out } = await typed('dump', '--from', source.url, '-o', file, '--json');
  const manifest = JSON.parse(out);
  expect(exitCode).toBe(0);
  expect(manifest).toMatchObject({ keys: 3, exitCode: 0, manifest: `${file}.manifest.json` });
  const verified = JSON.parse((await typed('verify', file, '--json')).out);
  expect(verified).toMatchObject({ exitCode: 0, backups: [{ good: true, keys: 3, level: 'full' }] });
});

test('what is wrong with a backup is told, and the exit code says so', async () => {
  const file = join(temporaryFolder(), 'dump.rdb');
  await typed('dump', '--from', source.url, '-o', file);
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] as number) ^ 1;
  writeFileSync(file, bytes);
  const { exitCode, out, err } = await typed('verify', file, '--level', 'checksum');
  expect(exitCode).toBe(2);
  expect(out).toMatch(/bad {2}dump\.rdb {2}BACKUP_FILE_CHANGED\nNot good: 1 file of 1\./);
  expect(err).toContain('BACKUP_FILE_CHANGED');
  expect((await typed('verify', `${file}x`)).exitCode).toBe(2);
});

describe('refused before anything is begun', () => {
  const url = 'redis://127.0.0.1:1';
  test.each([
    [['dump', '-o', 'x'], 'FROM_MISSING'],
    [['dump', '--from', url], 'OUTPUT_MISSING'],
    [['dump', '--from', url, '-o', 'x', 'more'], 'OPTIONS_CONFLICT'],
    [['dump', '--from', url, '-o', 'x', '--gzip', '--zstd'], 'OPTIONS_CONFLICT'],
    [['dump', '--from', url, '-o', 'x.rdb', '--gzip'], 'OPTIONS_CONFLICT'],
    [['dump', '--from', url, '-o', 'x', '--name', '../y'], 'OPTIONS_CONFLICT'],
    [['dump', '--from', url, '-o', 'x', '--via', 'rdb'], 'OPTION_INVALID'],
    [['dump', '--from', url, '-o', 'x', '--psync-name', 'host@'], 'PSYNC_NAME'],
    [['dump', '--from', url, '-o', 'x', '--announce', '10.0.0.9'], 'OPTION_INVALID'],
    [['verify'], 'FILES_MISSING'],
    [['backups'], 'BACKUPS_ACTION'],
    [['backups', 'prune', '.'], 'KEEP_MISSING'],
  ])('%j', async (words, code) => {
    const { exitCode, err } = await typed(...words);
    expect(err).toContain(code);
    expect(exitCode).toBe(1);
    expect(existsSync('x')).toBe(false);
  });
});
