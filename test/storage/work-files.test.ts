// Work files appear whole under their name, or not at all.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LocalError } from '../../lib/errors.ts';
import { LineFile, localError, writeWhole } from '../../lib/storage/work-files.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';

describe('a file that is written whole', () => {
  test('appears under its name with its text, and takes the place of one before', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'plan.json');
    for (const text of ['one', 'two, of other length', '']) {
      await writeWhole(path, text);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    expect(readdirSync(folder)).toEqual(['plan.json']);
  });

  test.each([
    ['in a folder that is not there', (folder: string) => join(folder, 'missing', 'file'), 'LOCAL_NOT_WRITABLE'],
    ['in the place of a folder', (folder: string) => folder, 'LOCAL_WRITE'],
  ])('%s is an error by name', async (_, pathIn, code) => {
    const folder = join(temporaryFolder(), 'folder');
    mkdirSync(join(folder, 'full'), { recursive: true });
    const error = await writeWhole(pathIn(folder), 'text').catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code, where: pathIn(folder) });
    expect(readdirSync(folder)).toEqual(['full']);
  });

  test.skipIf(cannotMount !== '')(`on a full disk leaves the one before as it was${cannotMount}`, async () => {
    const disk = smallDisk(32);
    const path = join(disk, 'plan.json');
    await writeWhole(path, 'before');
    const error = await writeWhole(path, 'x'.repeat(100_000)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_DISK_FULL', where: path });
    expect(readdirSync(disk)).toEqual(['plan.json']);
    expect(readFileSync(path, 'utf8')).toBe('before');
  });
});

describe('a file of lines', () => {
  test('appears when it is committed, with all its lines in order', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'chunks.jsonl');
    const file = new LineFile(path);
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'.'.repeat(i % 100)}\n`);
    for (const line of lines) await file.write(line);
    expect(readdirSync(folder)).toEqual(['chunks.jsonl.partial']);
    await file.commit();
    expect(readdirSync(folder)).toEqual(['chunks.jsonl']);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
  });

  test('may be long: waiting for the disk leaves nothing behind each time', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    try {
      const file = new LineFile(join(temporaryFolder(), 'chunks.jsonl'));
      for (let i = 0; i < 50; i++) await file.write('x'.repeat(100_000));
      await file.commit();
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings.map(String)).toEqual([]);
    } finally {
      process.off('warning', note);
    }
  });

  test('may have no lines', async () => {
    const path = join(temporaryFolder(), 'chunks.jsonl');
    await new LineFile(path).commit();
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  test('that is given up leaves nothing, at whatever point', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'chunks.jsonl'), 'before');
    for (const lines of [0, 1, 3000]) {
      const file = new LineFile(join(folder, 'chunks.jsonl'));
      for (let i = 0; i < lines; i++) await file.write('a line of no great length, but of many\n');
      await file.abandon();
      expect(readdirSync(folder)).toEqual(['chunks.jsonl']);
    }
    expect(readFileSync(join(folder, 'chunks.jsonl'), 'utf8')).toBe('before');
  });

  test('in a folder that is not there is an error by name at the latest when it is committed', async () => {
    const path = join(temporaryFolder(), 'missing', 'chunks.jsonl');
    const error = await new LineFile(path).commit().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_NOT_WRITABLE', where: path });
  });

  test.skipIf(cannotMount !== '')(`on a full disk is an error, and can be given up${cannotMount}`, async () => {
    const disk = smallDisk(32);
    const path = join(disk, 'chunks.jsonl');
    const file = new LineFile(path);
    const writing = (async () => {
      for (let i = 0; i < 1000; i++) await file.write('x'.repeat(1000));
      await file.commit();
    })();
    const error = await writing.catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_DISK_FULL', where: path });
    await file.abandon();
    expect(readdirSync(disk)).toEqual([]);
  });
});

test('what a failed write means is told by its system code', () => {
  const codes: Record<string, string> = {
    ENOSPC: 'LOCAL_DISK_FULL',
    EDQUOT: 'LOCAL_DISK_FULL',
    EFBIG: 'LOCAL_DISK_FULL',
    EACCES: 'LOCAL_NOT_WRITABLE',
    EROFS: 'LOCAL_NOT_WRITABLE',
    EIO: 'LOCAL_WRITE',
  };
  for (const [system, code] of Object.entries(codes)) {
    const cause = Object.assign(new Error(`${system}: it failed`), { code: system });
    expect(localError('/work/plan.json', cause)).toMatchObject({ code, where: '/work/plan.json', cause });
  }
});
