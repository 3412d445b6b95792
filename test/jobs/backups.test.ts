// Which backups of a folder stay: by the rules, never fewer than the last good one of each source.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Backup, choosePrunable, listBackups, removeBackup } from '../../lib/jobs/backups.ts';
import { type BackupManifest, manifestText, sealManifest } from '../../lib/jobs/dump/manifest.ts';
import { temporaryFolder } from '../support/folder.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const RDB = new RdbFileBuilder().end();

function manifestOf(startedAt: string, source = 'redis://10.0.0.7:6379', file = 'dump.rdb'): BackupManifest {
  const facts = { startedAt, endedAt: startedAt, keys: 0, expires: 0, bytes: RDB.length };
  return sealManifest({
    ...facts,
    keyferry: 'test',
    source,
    kind: 'standalone',
    via: 'psync',
    pointInTime: 'all',
    warnings: [],
    shards: [
      {
        ...facts,
        file,
        sha256: '0'.repeat(64),
        packing: 'none',
        rdb: {
          version: 'redis 11',
          bytes: RDB.length,
          sha256: '0'.repeat(64),
          crc64: RDB.readBigUInt64LE(RDB.length - 8)
            .toString(16)
            .padStart(16, '0'),
          checksum: 'ok',
        },
        node: source,
        role: 'master',
        engine: null,
        serverVersion: null,
        slots: null,
        replication: null,
        pointInTime: true,
        functions: 0,
        databases: [],
      },
    ],
  });
}

const backup = (startedAt: string, options: { source?: string; bad?: boolean } = {}): Backup => ({
  name: startedAt,
  manifestPath: '',
  folder: undefined,
  manifest: manifestOf(startedAt, options.source),
  problem: options.bad ? (new Error('bad') as never) : undefined,
});

/** A moment of November 2026: the 23rd is a Monday. */
const at = (day: number, hour = 0): string =>
  `2026-11-${String(day).padStart(2, '0')}T${String(hour).padStart(2, '0')}:00:00.000Z`;

/** Newest first, as a list has them. */
const pruned = (backups: Backup[], keep: Partial<Parameters<typeof choosePrunable>[1]>): string[] =>
  choosePrunable(backups, { last: 0, daily: 0, weekly: 0, ...keep }).map(({ name }) => name);

describe('prune', () => {
  test('keeps the newest so many', () => {
    expect(pruned([backup(at(23)), backup(at(22)), backup(at(21))], { last: 2 })).toEqual([at(21)]);
  });

  test('keeps the newest of each day, and of each week from Monday on', () => {
    const all = [at(24, 9), at(24, 3), at(23, 9), at(22, 9), at(21, 9), at(15, 9), at(8, 9)].map((time) =>
      backup(time),
    );
    expect(pruned(all, { daily: 2 })).toEqual([at(24, 3), at(22, 9), at(21, 9), at(15, 9), at(8, 9)]);
    // Weeks of the 23rd, the 16th, the 9th: the 15th and the 8th are Sundays.
    expect(pruned(all, { weekly: 3 })).toEqual([at(24, 3), at(23, 9), at(21, 9), at(8, 9)]);
    expect(pruned(all, { daily: 2, weekly: 3 })).toEqual([at(24, 3), at(21, 9), at(8, 9)]);
  });

  test('never removes the last good one of a source, whatever came after it', () => {
    expect(pruned([backup(at(23))], { last: 0 })).toEqual([]);
    expect(pruned([backup(at(23), { bad: true }), backup(at(22)), backup(at(21))], { last: 1 })).toEqual([at(21)]);
    const other = { source: 'redis://10.0.0.8:6379' };
    expect(pruned([backup(at(23)), backup(at(20), other), backup(at(19), other)], { last: 1 })).toEqual([at(19)]);
  });

  test('leaves what is damaged for somebody to look at', () => {
    expect(pruned([backup(at(23)), backup(at(22), { bad: true })], { last: 1 })).toEqual([]);
  });
});

test('a folder lists its backups, the newest first, with what is wrong with them; and nothing else', async () => {
  const folder = temporaryFolder();
  const set = (name: string, text: string | undefined, files: string[] = ['dump.rdb']) => {
    mkdirSync(join(folder, name));
    for (const file of files) writeFileSync(join(folder, name, file), RDB);
    if (text !== undefined) writeFileSync(join(folder, name, 'manifest.json'), text);
  };
  set('older', manifestText(manifestOf(at(20))));
  set('newer', manifestText(manifestOf(at(22))));
  set('without-its-file', manifestText(manifestOf(at(21))), []);
  set('edited', manifestText(manifestOf(at(23))).replace('redis://', 'redis:///'));
  set('unfinished', undefined, ['dump.rdb.partial']);
  set('decoded', '{"format":"keyferry-decode","version":1}', []);
  writeFileSync(join(folder, 'one.rdb'), RDB);
  writeFileSync(join(folder, 'one.rdb.manifest.json'), manifestText(manifestOf(at(19), undefined, 'one.rdb')));
  writeFileSync(join(folder, 'notes.txt'), 'x');
  const backups = await listBackups(folder);
  expect(backups.map(({ name, problem }) => [name, problem?.code])).toEqual([
    ['newer', undefined],
    ['without-its-file', 'BACKUP_FILE_MISSING'],
    ['older', undefined],
    ['one.rdb', undefined],
    ['unfinished', 'BACKUP_MISSING'],
    ['edited', 'BACKUP_MANIFEST_EDITED'],
  ]);

  for (const each of choosePrunable(backups, { last: 1, daily: 0, weekly: 0 })) await removeBackup(each);
  expect((await readdir(folder)).sort()).toEqual(
    ['decoded', 'edited', 'newer', 'notes.txt', 'unfinished', 'without-its-file'].sort(),
  );
  expect(existsSync(join(folder, 'newer', 'dump.rdb'))).toBe(true);
});

test('a folder that is not there is told so', async () => {
  await expect(listBackups('/nowhere')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
});
