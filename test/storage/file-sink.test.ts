// A file appears under its name only when it is whole.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFile } from '../../lib/storage/file-sink.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';

test('until it is committed, an older file of that name stays', async () => {
  const path = join(temporaryFolder(), 'out');
  writeFileSync(path, 'older');
  const sink = await createFile(path);
  await sink.write(Buffer.from('new'));
  await sink.write(Buffer.from('er, and longer'));
  expect(readFileSync(path, 'utf8')).toBe('older');
  await sink.commit();
  expect(readFileSync(path, 'utf8')).toBe('newer, and longer');
  expect(existsSync(`${path}.partial`)).toBe(false);
});

test('what is rewritten leaves the rest, and writing goes on at the end', async () => {
  const path = join(temporaryFolder(), 'out');
  const sink = await createFile(path);
  await sink.write(Buffer.from('0123456789'));
  await sink.rewrite(Buffer.from('ab'), 1);
  await sink.write(Buffer.from('!'));
  await sink.commit();
  expect(readFileSync(path, 'utf8')).toBe('0ab3456789!');
});

test('what is left stays under the other name', async () => {
  const path = join(temporaryFolder(), 'out');
  const sink = await createFile(path);
  await sink.write(Buffer.from('half'));
  await sink.leave();
  expect([existsSync(path), readFileSync(`${path}.partial`, 'utf8')]).toEqual([false, 'half']);
});

test('what is abandoned leaves nothing', async () => {
  const path = join(temporaryFolder(), 'out');
  const sink = await createFile(path);
  await sink.write(Buffer.from('half'));
  await sink.abandon();
  expect([existsSync(path), existsSync(`${path}.partial`)]).toEqual([false, false]);
});

test('a file left by a run that was killed is written over', async () => {
  const path = join(temporaryFolder(), 'out');
  writeFileSync(`${path}.partial`, 'much longer than what follows');
  const sink = await createFile(path);
  await sink.write(Buffer.from('short'));
  await sink.commit();
  expect(readFileSync(path, 'utf8')).toBe('short');
});

test('what can not become a file is named', async () => {
  const folder = temporaryFolder();
  const refused = async (path: string) => {
    const failure = { code: 'LOCAL_NOT_WRITABLE', where: path, remedy: expect.stringMatching(/./) };
    await expect(createFile(path)).rejects.toMatchObject(failure);
  };
  await refused(join(folder, 'no such folder', 'out'));
  await refused(folder);
  // The new file would take the device's place.
  await refused('/dev/null');
});

test.skipIf(cannotMount !== '')(`a full disk is named, and nothing looks whole${cannotMount}`, async () => {
  const path = join(smallDisk(64), 'out');
  const sink = await createFile(path);
  await expect(sink.write(Buffer.alloc(256 * 1024, 'x'))).rejects.toMatchObject({ code: 'LOCAL_DISK_FULL' });
  await sink.abandon();
  expect([existsSync(path), existsSync(`${path}.partial`)]).toEqual([false, false]);
});
