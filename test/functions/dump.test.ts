// Scheduled backups, step by step: the real handlers on the local AWS, from real servers.
import { GetObjectTaggingCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseBackupManifest } from '../../lib/jobs/dump/manifest.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { fill } from '../support/dataset.ts';
import { getObject, openUploads, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { seedOr } from '../support/random.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { configureDump, executeDump } from './dump-machine.ts';
import { configure, deploy, execute } from './machine.ts';
import { underFastClock } from './slow-input.ts';

const SEED = seedOr(20261123);
const missing = awsLacks || lacks('redis-7.0');
const skip = missing !== '';
const aws = skip ? undefined : await startLocalAws();

/** Writes a key where it belongs. */
async function call(cluster: Cluster, key: string, value: number): Promise<void> {
  const slot = Number(await cluster.live[0]?.call('CLUSTER', 'KEYSLOT', key));
  await (await cluster.slotOwner(slot)).call('SET', key, value);
}

const DAY_MS = 86_400_000;
const FIRST = Date.UTC(2026, 10, 2, 3, 30);
/** The time of a day's backup. */
const day = (n: number): string => new Date(FIRST + n * DAY_MS).toISOString();

describe.skipIf(skip)(`backups on AWS${missing}`, () => {
  let s3: S3Client;
  let bucket: string;
  let server: Server;

  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
    server = await startServer('redis-7.0', { config: { 'repl-diskless-sync-delay': '0' } });
    await fill(server, { seed: SEED });
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
  });
  afterEach(async () => {
    for (const key of await keys()) await remove(key);
  });

  async function keys(Prefix = 'backups/'): Promise<string[]> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    return Contents.map(({ Key = '' }) => Key);
  }
  async function remove(Key: string) {
    const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
  const manifestOf = async (set: string) => {
    const text = String(await getObject(s3, bucket, `backups/cache/${set}/manifest.json`));
    return parseBackupManifest(text, set);
  };
  const reportOf = async (set: string) =>
    JSON.parse(String(await getObject(s3, bucket, `results/dump/cache/${set}.json`)));

  test('a server becomes a set that verify passes, tagged, told of and reported', async () => {
    configureDump(server.url);
    const { status, end } = await executeDump({ since: day(0) });
    expect(end?.text).toContain('by PSYNC');
    expect(status).toBe('SUCCEEDED');
    const set = 'backups/cache/20261102T033000Z/';
    expect(await keys()).toEqual([`${set}dump.rdb`, `${set}manifest.json`]);
    const report = await verifyBackup({ path: `s3://${bucket}/${set}manifest.json`, level: 'full', s3 });
    expect(report.files.map(({ error }) => error?.message)).toEqual([undefined]);
    const tagging = new GetObjectTaggingCommand({ Bucket: bucket, Key: `${set}dump.rdb` });
    expect((await s3.send(tagging)).TagSet).toEqual(
      expect.arrayContaining([
        { Key: 'keyferry', Value: 'backup' },
        { Key: 'keyferry-source', Value: 'cache' },
      ]),
    );
    expect(await reportOf('20261102T033000Z')).toMatchObject({ state: 'succeeded', via: 'psync', remarks: [] });
  });

  test('a cluster becomes one set of a file for each shard, packed', async () => {
    await using cluster = await startCluster('redis-7.0');
    configureDump(cluster.url, { pack: 'zst' });
    const { end } = await executeDump({ since: day(0) });
    expect(end?.error).toBe('');
    const { kind, shards } = await manifestOf('20261102T033000Z');
    expect(kind).toBe('cluster');
    expect(shards.length).toBeGreaterThan(1);
    expect(shards.every(({ packing }) => packing === 'zstd')).toBe(true);
    expect(shards.flatMap(({ slots }) => slots ?? []).reduce((sum, [from, to]) => sum + to - from + 1, 0)).toBe(16_384);
  });

  test('a copy of a cluster’s manifest restores all shards as one job; of one that was changed, nothing', async () => {
    await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0 });
    await using target = await startServer('redis-7.0');
    for (let n = 0; n < 300; n++) await call(cluster, `key:${n}`, n);
    for (const node of cluster.live) {
      await node.call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('one', function() return 1 end)");
    }
    configureDump(cluster.url);
    expect((await executeDump({ since: day(0) })).end?.error).toBe('');
    const text = await getObject(s3, bucket, 'backups/cache/20261102T033000Z/manifest.json');
    const drop = async (content: Buffer, name: string) => {
      const key = `restore/cache/${name}.json`;
      return { bucket, key, version: await putObject(s3, bucket, key, content) };
    };
    configure(target.url);
    const { status, end } = await execute(s3, await drop(text as Buffer, 'set'));
    expect(end?.error).toBe('');
    expect(status).toBe('SUCCEEDED');
    expect(await target.call('DBSIZE')).toBe(300);
    expect(await target.call('GET', 'key:299')).toBe('299');
    expect(String(await target.call('FUNCTION', 'LIST'))).toContain('lib');

    // A byte of a key in the second shard: its length and its ends are as they were.
    const { shards: written } = await manifestOf('20261102T033000Z');
    const place = `backups/cache/20261102T033000Z/${written[1]?.file}`;
    const bytes = (await getObject(s3, bucket, place)) as Buffer;
    const other = Buffer.from(bytes);
    other.write('KEY:', other.indexOf('key:'), 'latin1');
    await putObject(s3, bucket, place, other);
    await target.call('FLUSHALL');
    // However many calls the plan takes.
    for (const ms of [30_000, 400]) {
      const refused = await execute(s3, await drop(text as Buffer, `changed-${ms}`), {
        ms: ({ name }) => (name === 'plan' ? ms : 30_000),
      });
      expect(refused.end).toMatchObject({ ok: false, error: 'BACKUP_FILE_CHANGED' });
      expect(refused.end?.text).toContain(written[1]?.file);
      expect(await target.call('DBSIZE')).toBe(0);
    }
    await putObject(s3, bucket, place, bytes);

    const edited = Buffer.from(String(text).replace('"keys": 300', '"keys": 301'));
    expect((await execute(s3, await drop(edited, 'edited'))).end?.error).toBe('BACKUP_MANIFEST_EDITED');
    const { shards } = await manifestOf('20261102T033000Z');
    await putObject(s3, bucket, `backups/cache/20261102T033000Z/${shards[1]?.file}`, Buffer.from('REDIS0010'));
    expect((await execute(s3, await drop(text as Buffer, 'cut'))).end?.error).toBe('BACKUP_FILE_SIZE');
  });

  test.each(['gz', 'zst'] as const)(
    'a copy of the manifest of a cluster’s set packed as %s restores all of it',
    async (pack) => {
      await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0 });
      await using target = await startServer('redis-7.0');
      for (let n = 0; n < 300; n++) await call(cluster, `key:${n}`, n);
      configureDump(cluster.url, { pack });
      expect((await executeDump({ since: day(0) })).end?.error).toBe('');
      const { shards } = await manifestOf('20261102T033000Z');
      const text = await getObject(s3, bucket, 'backups/cache/20261102T033000Z/manifest.json');
      const drop = async (name: string) => {
        const key = `restore/cache/${name}.json`;
        return { bucket, key, version: await putObject(s3, bucket, key, text as Buffer) };
      };
      configure(target.url, { onConflict: 'fail' });
      const { end, steps } = await execute(s3, await drop(pack));
      expect(end?.error).toBe('');
      // A file a call, so that each has a call's whole time; the last of them plans too.
      expect(steps.plan).toBe(3);
      expect(await target.call('DBSIZE')).toBe(300);
      expect(await target.call('GET', 'key:299')).toBe('299');

      // The same length and the same format, of other keys.
      await target.call('FLUSHALL');
      const [place, other] = [1, 2].map((n) => `backups/cache/20261102T033000Z/${shards[n]?.file}`) as [string, string];
      const swapped = (await getObject(s3, bucket, other)) as Buffer;
      const was = (await getObject(s3, bucket, place)) as Buffer;
      await putObject(s3, bucket, place, Buffer.concat([swapped, was]).subarray(0, was.length));
      const refused = await execute(s3, await drop('swapped'));
      expect(refused.end?.error).toMatch(/^(BACKUP_FILE_CHANGED|INPUT_COMPRESSION)$/);
      expect(refused.end?.text).toContain(shards[1]?.file);
      expect(await target.call('DBSIZE')).toBe(0);
    },
  );

  test('a source that refuses PSYNC and SYNC is scanned under auto, and fails by name else', async () => {
    await using closed = await startServer('redis-7.0', {
      config: { 'rename-command PSYNC': '""', 'rename-command SYNC': '""' },
    });
    await closed.call('SET', 'a', '1');
    configureDump(closed.url);
    expect((await executeDump({ since: day(0) })).status).toBe('SUCCEEDED');
    expect(await manifestOf('20261102T033000Z')).toMatchObject({ via: 'scan', pointInTime: 'none', keys: 1 });
    configureDump(closed.url, { via: 'psync' });
    expect((await executeDump({ since: day(1) })).end?.error).toBe('SOURCE_REFUSED');
  });

  test('a shard that its speed so far would not bring through in time is ended at once, and leaves nothing', async () => {
    // Of a file the server tells the size; a stream of unknown length is cut off when the time is up.
    await using slow = await startServer('redis-7.0', { config: { 'repl-diskless-sync': 'no' } });
    await slow.call('DEBUG', 'POPULATE', 100_000, 'key', 200);
    configureDump(slow.url);
    const around = (name: string, run: () => Promise<object>) => (name === 'dump-shard' ? underFastClock(run) : run());
    const { status, end } = await executeDump({ since: day(0), ms: 60_000, around });
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('SHARD_TOO_SLOW');
    expect(end?.cause).toMatch(/in its 15 minutes: the rest of its \d{7} bytes takes about \d+ minutes more\./);
    expect(await keys()).toEqual([]);
    expect(await openUploads(s3, bucket)).toEqual([]);
  });

  test('a PSYNC that was renamed is called by its name', async () => {
    await using renamed = await startServer('redis-7.0', {
      config: { 'rename-command PSYNC': 'xpsync', 'rename-command SYNC': '""', 'repl-diskless-sync-delay': '0' },
    });
    configureDump(renamed.url, { psyncName: `127.0.0.1:${renamed.port}@xpsync,10.0.0.7:6379@other` });
    expect((await executeDump({ since: day(0) })).end?.error).toBe('');
    expect(await manifestOf('20261102T033000Z')).toMatchObject({ via: 'psync', pointInTime: 'all' });
  });

  test('a cluster of which one node refuses both is scanned as a whole, whatever the others have let out before', async () => {
    await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0 });
    for (let n = 0; n < 300; n++) await call(cluster, `key:${n}`, n);
    await cluster.live.at(-1)?.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
    configureDump(cluster.url);
    const calls: string[] = [];
    const lost = new Set<string>();
    const around = async (name: string, run: () => Promise<object>) => {
      const answer = await run();
      calls.push(name);
      if (lost.has(name)) return answer;
      lost.add(name);
      throw new Error('the answer was lost');
    };
    const { end } = await executeDump({ since: day(0), around });
    expect(end?.error).toBe('');
    expect(calls.filter((name) => name === 'finish').length, calls.join(' ')).toBeGreaterThan(2);
    const { kind, via, pointInTime, keys: all, shards, warnings } = await manifestOf('20261102T033000Z');
    expect({ kind, via, pointInTime, all }).toEqual({ kind: 'cluster', via: 'scan', pointInTime: 'none', all: 300 });
    expect(warnings.filter((text) => text.startsWith('by SCAN, and of no one moment: at '))).toHaveLength(1);
    // Nothing is left of those that were copied.
    expect(await keys()).toEqual([
      `backups/cache/20261102T033000Z/${shards[0]?.file}`,
      'backups/cache/20261102T033000Z/manifest.json',
    ]);
    configureDump(cluster.url, { via: 'psync' });
    expect((await executeDump({ since: day(1) })).end?.error).toBe('SOURCE_REFUSED');
  });

  test('one run at a time: another one ends without doing anything', async () => {
    configureDump(server.url);
    const around = async (name: string, run: () => Promise<object>) => {
      if (name !== 'dump-shard') return run();
      expect(await executeDump({ since: day(0), execution: 'other' })).toMatchObject({
        status: 'SUCCEEDED',
        discover: { proceed: false, why: expect.stringContaining('first') },
      });
      return run();
    };
    expect((await executeDump({ since: day(0), execution: 'first', around })).end?.ok).toBe(true);
    // It has given the source back.
    expect((await executeDump({ since: day(1), execution: 'other' })).end?.ok).toBe(true);
  });

  test('lost answers of any step change nothing', async () => {
    configureDump(server.url);
    const seen = new Set<string>();
    const around = async (name: string, run: () => Promise<object>) => {
      const answer = await run();
      if (seen.has(name)) return answer;
      seen.add(name);
      throw new Error('the answer was lost');
    };
    const { end } = await executeDump({ since: day(0), around });
    expect(end?.error).toBe('');
    expect([...seen]).toEqual(['discover', 'dump-shard', 'finish']);
    expect(await keys()).toHaveLength(2);
  });

  test('a source that is down leaves a report, and nothing else', async () => {
    configureDump('redis://127.0.0.1:1');
    const { status, end } = await executeDump({ since: day(0), ms: 2000 });
    expect(status).toBe('FAILED');
    expect(end).toMatchObject({ error: 'TARGET_UNREACHABLE', subject: 'keyferry: backup of cache failed' });
    expect(await keys()).toEqual([]);
    expect(await openUploads(s3, bucket)).toEqual([]);
    expect(await reportOf('20261102T033000Z')).toMatchObject({
      state: 'failed',
      error: { code: 'TARGET_UNREACHABLE' },
    });
  });

  test('a shard that is cut off fails by name, and its function’s parts are removed', async () => {
    configureDump(server.url);
    const around = async (name: string, run: () => Promise<object>) => {
      if (name !== 'dump-shard') return run();
      // What a killed function leaves: parts that nobody will join, and the object of another shard.
      const { CreateMultipartUploadCommand } = await import('@aws-sdk/client-s3');
      const Key = 'backups/cache/20261102T033000Z/dump.rdb';
      await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${Key}.other`, Body: 'x' }));
      throw Object.assign(new Error('killed'), { name: 'Sandbox.Timedout' });
    };
    const { status, end } = await executeDump({ since: day(0), around });
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('Timedout');
    expect(await keys()).toEqual([]);
    expect(await openUploads(s3, bucket)).toEqual([]);
  });

  test('of many backups those stay that a rule keeps, and a bad one is nobody’s last good one', async () => {
    configureDump(server.url, { keepLast: 2 });
    for (let n = 0; n < 3; n++) expect((await executeDump({ since: day(n) })).end?.ok).toBe(true);
    const sets = async () => (await keys()).filter((key) => key.endsWith('.rdb')).map((key) => key.split('/')[2]);
    expect(await sets()).toEqual(['20261103T033000Z', '20261104T033000Z']);
    // The newest loses its file: it does not count any more.
    await remove('backups/cache/20261104T033000Z/dump.rdb');
    configureDump(server.url, { keepLast: 1 });
    expect((await executeDump({ since: day(3) })).end?.ok).toBe(true);
    expect(await sets()).toEqual(['20261105T033000Z']);
    expect(await keys()).toContain('backups/cache/20261104T033000Z/manifest.json');
  });

  test('a backup of a much changed size is told of, and stays', async () => {
    configureDump(server.url);
    await executeDump({ since: day(0) });
    await using other = await startServer('redis-7.0', { config: { 'repl-diskless-sync-delay': '0' } });
    await other.call('SET', 'a', '1');
    configureDump(other.url);
    const { end } = await executeDump({ since: day(1) });
    expect(end).toMatchObject({ ok: true, subject: 'keyferry: backup of cache succeeded, with remarks' });
    expect(end?.text).toMatch(/size has changed by -\d+ %/);
    expect(await keys()).toHaveLength(4);
  });
});
