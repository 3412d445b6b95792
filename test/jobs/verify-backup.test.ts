// Verifying a backup finds whatever has happened to it since it was made, at the level that can tell.
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { dump } from '../../lib/jobs/dump/dump.ts';
import { type BackupManifest, type ManifestFacts, manifestText, sealManifest } from '../../lib/jobs/dump/manifest.ts';
import { loads } from '../../lib/jobs/verify/local-server.ts';
import { type VerifyLevel, verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { fakeMaster } from '../support/fake-master.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { string } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const SAMPLE = readFileSync(new URL('../fixtures/sample.rdb', import.meta.url));
const FULL = `+FULLRESYNC ${'a'.repeat(40)} 42\r\n`;

let folder = '';
let backup = '';
let file = '';

/** A backup of a server that sends this RDB; gives its folder. */
async function backupOf(rdb: Buffer, name = 'set', packing: 'none' | 'zstd' = 'none'): Promise<BackupManifest> {
  const master = await fakeMaster({ answers: { INFO: '-NOPERM no\r\n', PSYNC: [FULL, `$${rdb.length}\r\n`, rdb] } });
  const { manifest } = await dump({
    source: { ...master.endpoint, db: undefined },
    output: folder,
    name,
    packing,
    via: 'psync',
    version: 'test',
  });
  return manifest;
}

beforeEach(async () => {
  folder = temporaryFolder();
  backup = join(folder, 'set');
  file = join(backup, 'dump.rdb');
  await backupOf(SAMPLE);
});

const code = async (level: VerifyLevel, path = backup): Promise<string | undefined> =>
  (await verifyBackup({ path, level })).files.map(({ error }) => error?.code).find((each) => each !== undefined);

test('a good one is good at every level, named by its folder, its manifest, or its file', async () => {
  for (const level of ['quick', 'checksum', 'full'] as const) expect(await code(level)).toBeUndefined();
  const { good, files } = await verifyBackup({ path: join(backup, 'manifest.json') });
  expect({ good, files }).toEqual({
    good: true,
    files: [{ file: 'dump.rdb', passed: ['size', 'SHA-256', 'structure', 'keys'], error: undefined }],
  });
  renameSync(join(backup, 'manifest.json'), `${file}.manifest.json`);
  expect((await verifyBackup({ path: file })).good).toBe(true);
});

describe('a flipped byte', () => {
  test.each(Array.from({ length: runs(20, 400) }, (_, run) => run))('run %i', async (run) => {
    const seed = seedOr(3000 + run);
    const random = new Random(seed);
    const bytes = Buffer.from(readFileSync(file));
    const at = random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7));
    writeFileSync(file, bytes);
    const what = `seed ${seed}: byte ${at}`;
    expect(await code('checksum'), what).toMatch(/^BACKUP_FILE_CHANGED$/);
    expect(await code('full'), what).toMatch(/^(BACKUP_FILE_CHANGED|RDB_\w+)$/);
    if (at >= bytes.length - 8) expect(await code('quick'), what).toBe('BACKUP_FILE_CHANGED');
  });

  test('in a packed file', async () => {
    await backupOf(SAMPLE, 'packed', 'zstd');
    const path = join(folder, 'packed');
    expect(await code('full', path)).toBeUndefined();
    const bytes = readFileSync(join(path, 'dump.rdb.zst'));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] as number) ^ 1;
    writeFileSync(join(path, 'dump.rdb.zst'), bytes);
    expect(await code('checksum', path)).toBe('BACKUP_FILE_CHANGED');
    expect(await code('full', path)).toBe('BACKUP_FILE_CHANGED');
  });
});

test('a truncated file, and a missing one', async () => {
  truncateSync(file, SAMPLE.length - 1);
  expect(await code('quick')).toBe('BACKUP_FILE_SIZE');
  rmSync(file);
  expect(await code('quick')).toBe('BACKUP_FILE_MISSING');
});

describe('an edited manifest', () => {
  const manifest = () => join(backup, 'manifest.json');
  const edited = async (edit: (text: string) => string) => {
    writeFileSync(manifest(), edit(readFileSync(manifest(), 'utf8')));
    return verifyBackup({ path: backup, level: 'quick' }).then(
      () => 'believed',
      (error: { code: string }) => error.code,
    );
  };

  test('is not believed', async () => {
    expect(await edited((text) => text.replace(/"keys": \d+/, '"keys": 1'))).toBe('BACKUP_MANIFEST_EDITED');
  });

  test('with a word more is not believed either', async () => {
    expect(await edited((text) => text.replace('"kind"', '"approved": true, "kind"'))).toBe('BACKUP_MANIFEST_EDITED');
  });

  test('that only looks otherwise is the same', async () => {
    expect(await edited((text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse())))).toBe(
      'believed',
    );
  });

  test.each([
    ['no JSON', '{'],
    ['nothing', 'null'],
    ['another manifest', '{"format":"keyferry-decode","version":1}'],
    ['a newer one', '{"format":"keyferry-backup","version":2}'],
  ])('that is %s is told so', async (_, text) => {
    expect(await edited(() => text)).toBe('BACKUP_MANIFEST');
  });

  test('sealed anew cannot lead out of its folder', async () => {
    const { format: _, version: __, sha256: ___, ...facts } = JSON.parse(readFileSync(manifest(), 'utf8'));
    facts.shards[0].file = '../set/dump.rdb';
    expect(await edited(() => manifestText(sealManifest(facts as ManifestFacts)))).toBe('BACKUP_MANIFEST');
  });

  test('that is not there: no manifest, no backup', async () => {
    rmSync(manifest());
    await expect(verifyBackup({ path: backup })).rejects.toMatchObject({ code: 'BACKUP_MISSING' });
  });
});

/** Of the keys that are used here `bar` and `hello` are of slots below 8192, `foo` of one above. */
describe('a set', () => {
  /** Two backups of one shard each, sealed as the two shards of a cluster. */
  async function setOf(first: Buffer, second: Buffer): Promise<string> {
    const manifests = [await backupOf(first, 'a'), await backupOf(second, 'b')];
    const shards = manifests.map(({ shards: [shard] }, index) => ({
      ...shard!,
      file: `shard-${index}.rdb`,
      slots: [index === 0 ? ([0, 8191] as [number, number]) : ([8192, 16_383] as [number, number])],
    }));
    const { format: _, version: __, sha256: ___, ...facts } = manifests[0]!;
    for (const [index, name] of ['a', 'b'].entries()) {
      copyFileSync(join(folder, name, 'dump.rdb'), join(backup, `shard-${index}.rdb`));
    }
    writeFileSync(join(backup, 'manifest.json'), manifestText(sealManifest({ ...facts, kind: 'cluster', shards })));
    return backup;
  }

  test('whose shards have changed places is found at once', async () => {
    await setOf(rdbOf(['bar']), rdbOf(['foo']));
    expect(await code('full')).toBeUndefined();
    for (const [from, to] of [
      ['shard-0.rdb', 'x'],
      ['shard-1.rdb', 'shard-0.rdb'],
      ['x', 'shard-1.rdb'],
    ] as const) {
      renameSync(join(backup, from), join(backup, to));
    }
    expect(await code('quick')).toBe('BACKUP_FILE_CHANGED');
    expect(await code('checksum')).toBe('BACKUP_FILE_CHANGED');
  });

  test('with a shard that is missing', async () => {
    await setOf(rdbOf(['bar']), rdbOf(['foo']));
    rmSync(join(backup, 'shard-1.rdb'));
    const { files, good } = await verifyBackup({ path: backup });
    expect(good).toBe(false);
    expect(files.map(({ error }) => error?.code)).toEqual([undefined, 'BACKUP_FILE_MISSING']);
  });

  test('with a key of a slot that its shard does not serve', async () => {
    await setOf(rdbOf(['bar']), rdbOf(['foo', 'hello']));
    expect(await code('full')).toBe('BACKUP_WRONG_SLOT');
  });
});

test('a key that is there twice is found', async () => {
  await backupOf(rdbOf(['a', 'b', 'a']), 'twice');
  expect(await code('checksum', join(folder, 'twice'))).toBeUndefined();
  expect(await code('full', join(folder, 'twice'))).toBe('BACKUP_DUPLICATE_KEY');
});

test.each([
  ['redis', '7.0.15', 'redis 10', true],
  ['redis', '7.0.15', 'redis 11', false],
  ['redis', '8.0.0', 'valkey 80', false],
  ['valkey', '8.1.0', 'redis 11', true],
  ['valkey', '9.1.0', 'redis 12', false],
  ['valkey', '9.1.0', 'valkey 80', true],
  ['valkey', '8.1.0', 'valkey 80', false],
  ['redis', '8.0.0', 'dragonfly 9', false],
] as const)('%s %s and a file of %s', (engine, version, rdb, expected) => {
  expect(loads(engine, version, rdb)).toBe(expected);
});

function rdbOf(keys: readonly string[]): Buffer {
  const file = new RdbFileBuilder().selectDb(0);
  for (const key of keys) file.raw(0, string(key), string('value'));
  return file.end();
}
