// What is particular to files as byte sources: what cannot be opened, and the pin.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { openFile } from '../../lib/storage/file-source.ts';
import { temporaryFolder } from '../support/folder.ts';

async function refused(path: string): Promise<InputError> {
  const error = await openFile(path).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(InputError);
  expect(error.where).toBe(path);
  return error;
}

test('a folder is refused by name', async () => {
  expect((await refused(temporaryFolder())).code).toBe('INPUT_DIRECTORY');
});

test('a file that is not there is refused, also where a file is taken for a folder', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect((await refused(join(folder, 'missing.rdb'))).code).toBe('INPUT_NOT_FOUND');
  expect((await refused(join(folder, 'file', 'dump.rdb'))).code).toBe('INPUT_NOT_FOUND');
});

test('a device is refused, with the way that takes a stream', async () => {
  const error = await refused('/dev/null');
  expect(error.code).toBe('INPUT_NOT_A_FILE');
  expect(error.remedy).toContain('standard input');
});

test('a pipe is refused, and nobody has to write to it first', async () => {
  const path = join(temporaryFolder(), 'pipe');
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  expect((await refused(path)).code).toBe('INPUT_NOT_A_FILE');
}, 5000);

test('a file that may not be read is refused', async () => {
  const path = join(temporaryFolder(), 'secret.rdb');
  writeFileSync(path, 'REDIS0011');
  chmodSync(path, 0o000);
  // Root may read all: somebody else has to try.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    expect((await refused(path)).code).toBe('INPUT_FORBIDDEN');
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test('a link to a folder is a folder, too', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'sub'));
  expect((await refused(join(folder, 'sub', '..'))).code).toBe('INPUT_DIRECTORY');
});

test('the pin has the time of the last change, to the ms', async () => {
  const path = join(temporaryFolder(), 'dump.rdb');
  writeFileSync(path, 'REDIS0011');
  utimesSync(path, 1_700_000_000.123, 1_700_000_000.123);
  const source = await openFile(path);
  expect(source.pin).toEqual({ size: 9, mtimeMs: 1_700_000_000_123 });
  expect(source.name).toBe(path);
  await source.close();
});
