// A dump into S3: objects appear when all of them are good, the manifest last; what is broken off leaves none, and no upload.
import { DeleteObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choosePrunable, listBackups, removeBackup } from '../../lib/jobs/backups.ts';
import { dump } from '../../lib/jobs/dump/dump.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { cutProxy } from '../support/cut-proxy.ts';
import { fill } from '../support/dataset.ts';
import { getObject, newBucket, openUploads, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

describe.skipIf(awsLacks !== '')(`in S3${awsLacks}`, () => {
  let aws: Awaited<ReturnType<typeof startLocalAws>>;
  let s3: S3Client;
  let source: Server;
  let bucket = '';

  beforeAll(async () => {
    aws = await startLocalAws();
    s3 = aws.s3();
    source = await startServer(anyServer(), {
      config: { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' },
    });
    await fill(source, { seed: 3, scale: 0.3 });
    // More than one part of an upload.
    await source.call(
      'EVAL',
      "math.randomseed(1) for i=1,12000 do local t={} for j=1,128 do t[j]=string.char(math.random(0,255),math.random(0,255),math.random(0,255),math.random(0,255),math.random(0,255),math.random(0,255),math.random(0,255),math.random(0,255)) end redis.call('SET','random:'..i,table.concat(t)) end",
      0,
    );
    bucket = await newBucket(s3);
  }, 90_000);
  afterAll(async () => {
    await source?.stop();
    await aws?.stop();
  });

  const keys = async (): Promise<string[]> =>
    ((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key = '' }) => Key).sort();
  const dumpTo = (output: string, url = source.url, name?: string) =>
    dump({ source: parseRedisUrl(url), output, name, s3, stallMs: 2000, version: 'test' });

  test('a folder’s backups are listed and pruned as those of a disk are', async () => {
    const folder = `s3://${bucket}/kept`;
    for (const name of ['first', 'second', 'third']) await dumpTo(folder, source.url, name);
    const one = await dumpTo(`${folder}/dump.rdb`);
    // Without a manifest, with one that was edited, and what is none of ours.
    await putObject(s3, bucket, 'kept/unfinished/dump.rdb', Buffer.from('REDIS'));
    await putObject(s3, bucket, 'kept/edited/dump.rdb', Buffer.from('REDIS'));
    const text = String(await getObject(s3, bucket, 'kept/first/manifest.json'));
    await putObject(s3, bucket, 'kept/edited/manifest.json', Buffer.from(text.replace('"psync"', '"sync"')));
    await putObject(s3, bucket, 'kept/deep/er/dump.rdb', Buffer.from('REDIS'));
    await putObject(s3, bucket, 'kept-not/set/dump.rdb', Buffer.from('REDIS'));
    const backups = await listBackups(`${folder}/`, s3);
    expect(backups.map(({ name, problem }) => [name, problem?.code])).toEqual([
      ['dump.rdb', undefined],
      ['third', undefined],
      ['second', undefined],
      ['first', undefined],
      ['unfinished', 'BACKUP_MISSING'],
      ['edited', 'BACKUP_MANIFEST_EDITED'],
    ]);
    expect(backups[0]?.manifestPath).toBe(one.manifestPath);
    const old = choosePrunable(backups, { last: 1, daily: 0, weekly: 0 });
    for (const each of old) await removeBackup(each, s3);
    expect((await keys()).filter((key) => key.startsWith('kept'))).toEqual([
      ...['kept-not/set/dump.rdb', 'kept/deep/er/dump.rdb', 'kept/dump.rdb', 'kept/dump.rdb.manifest.json'],
      ...['kept/edited/dump.rdb', 'kept/edited/manifest.json', 'kept/unfinished/dump.rdb'],
    ]);
    // The single one goes with its manifest, and nothing else of its folder.
    await removeBackup(backups[0] as (typeof backups)[0], s3);
    expect((await keys()).filter((key) => key.startsWith('kept/'))).toHaveLength(4);
    await expect(listBackups(`s3://${bucket}/nowhere`, s3)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(listBackups('s3://no-such-bucket/x', s3)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(listBackups('s3:///x', s3)).rejects.toMatchObject({ code: 'BACKUPS_BUCKET' });
    for (const key of await keys()) {
      if (key.startsWith('kept')) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    }
  }, 60_000);

  test('a set, and one packed object, can be verified and loaded from there', async () => {
    const set = await dumpTo(`s3://${bucket}/backups`, source.url, 'set');
    const one = await dumpTo(`s3://${bucket}/one/dump.rdb.zst`);
    expect(set.manifestPath).toBe(`s3://${bucket}/backups/set/manifest.json`);
    expect(await keys()).toEqual([
      'backups/set/dump.rdb',
      'backups/set/manifest.json',
      'one/dump.rdb.zst',
      'one/dump.rdb.zst.manifest.json',
    ]);
    expect(set.manifest.bytes).toBeGreaterThan(10_000_000);
    expect(one.manifest.keys).toBe(set.manifest.keys);
    for (const path of [`s3://${bucket}/backups/set`, `s3://${bucket}/one/dump.rdb.zst`]) {
      const { good, files } = await verifyBackup({ path, s3, level: 'restore' });
      expect(files.map(({ error }) => error?.describe())).toEqual([undefined]);
      expect(good).toBe(true);
    }
    const bytes = (await getObject(s3, bucket, 'backups/set/dump.rdb')) as Buffer;
    bytes[1_000_000] = (bytes[1_000_000] as number) ^ 1;
    await putObject(s3, bucket, 'backups/set/dump.rdb', bytes);
    const damaged = await verifyBackup({ path: `s3://${bucket}/backups/set/manifest.json`, s3, level: 'checksum' });
    expect(damaged.files[0]?.error?.code).toBe('BACKUP_FILE_CHANGED');
    await expect(verifyBackup({ path: `s3://${bucket}/nothing`, s3 })).rejects.toMatchObject({
      code: 'BACKUP_MISSING',
    });
  }, 60_000);

  test('a source that dies half-way leaves no object and no upload', async () => {
    const before = await keys();
    const proxy = await cutProxy(source, () => ({ after: 11_000_000, act: (client) => void client.resetAndDestroy() }));
    await expect(dumpTo(`s3://${bucket}/broken`, proxy.url)).rejects.toMatchObject({ code: 'SOURCE_CLOSED' });
    expect(await keys()).toEqual(before);
    expect(await openUploads(s3, bucket)).toEqual([]);
  }, 30_000);

  test('a bucket that is not there is told', async () => {
    await expect(dumpTo('s3://no-such-bucket-here/x')).rejects.toMatchObject({ code: 'OUTPUT_NOT_FOUND' });
  }, 30_000);
});
