// What backups publish: their size against the one before, and how old the newest is; under the names that alarms look at.
import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WITH_SOURCE } from '../infra/synthesised.ts';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';

process.env.POWERTOOLS_METRICS_DISABLED = 'false';
const { configureDump, executeDump } = await import('./dump-machine.ts');
const { deploy } = await import('./machine.ts');
const { identities, linesOf, ownAlarms, shown } = await import('./metric-lines.ts');
const { handler: backupAge } = await import('../../functions/backup-age.ts');

const missing = awsLacks || lacks('redis-7.0');
const aws = missing === '' ? await startLocalAws() : undefined;

const HOUR_MS = 3_600_000;
/** Between an hour's beginning and the look at it; seconds. */
const SLACK = 60;
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();
const setOf = (since: string): string => since.replace(/\.\d+/, '').replace(/[-:]/g, '');

describe.skipIf(missing !== '')(`backups tell${missing}`, () => {
  let s3: S3Client;
  let bucket: string;
  let server: Server;

  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
    server = await startServer('redis-7.0', { config: { 'repl-diskless-sync-delay': '0' } });
    await server.call('SET', 'a', 'x'.repeat(1000));
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
  });

  /** Makes a backup as of some hours ago. @returns its folder's name, and what it published */
  async function backup(hours: number, name: string) {
    configureDump(server.url, { name, via: 'scan' });
    const since = hoursAgo(hours);
    let error: string | undefined;
    const lines = await linesOf(async () => {
      error = (await executeDump({ since, source: name })).end?.error;
    });
    expect(error).toBe('');
    expect(lines).toHaveLength(1);
    return { set: setOf(since), line: lines[0] as NonNullable<(typeof lines)[0]> };
  }

  /** What the hourly function publishes, in hours by the sources' names. */
  async function ages(...sources: string[]): Promise<{ hours: Record<string, number>; metrics: string[] }> {
    process.env.KEYFERRY_CONFIG = JSON.stringify({ redactKeys: false, sources });
    const lines = await linesOf(() => backupAge({}, { getRemainingTimeInMillis: () => 30_000 }));
    const hours = lines.map(({ target, BackupAge }) => [target, Number(BackupAge)] as const);
    expect(hours.map(([target]) => target)).toEqual(sources);
    return {
      hours: Object.fromEntries(hours.map(([target, seconds]) => [target, Math.floor((seconds + SLACK) / 3600)])),
      metrics: lines.flatMap((line) => [...identities(line)]),
    };
  }

  test('how old the newest backup is that is whole, of each source', async () => {
    await backup(30, 'cache');
    const newer = await backup(5, 'cache');
    await backup(2, 'orders');
    expect((await ages('cache', 'orders')).hours).toEqual({ cache: 5, orders: 2 });

    // The newest loses its file, the other source's manifest is edited: neither counts.
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `backups/cache/${newer.set}/dump.rdb` }));
    const last = await backup(1, 'orders');
    const key = `backups/orders/${last.set}/manifest.json`;
    const text = String(await getObject(s3, bucket, key));
    await putObject(s3, bucket, key, Buffer.from(text.replace('"keys": 1', '"keys": 2')));
    expect((await ages('cache', 'orders')).hours).toEqual({ cache: 30, orders: 2 });

    // A file that is shorter than its manifest says.
    await putObject(s3, bucket, `backups/orders/${last.set}/manifest.json`, Buffer.from(text));
    expect((await ages('orders')).hours).toEqual({ orders: 1 });
    await putObject(s3, bucket, `backups/orders/${last.set}/dump.rdb`, Buffer.from('REDIS0010'));
    expect((await ages('orders')).hours).toEqual({ orders: 2 });
  });

  test('without any backup the age counts from the first look, and not anew with each', async () => {
    const look = async (): Promise<number> => {
      process.env.KEYFERRY_CONFIG = JSON.stringify({ redactKeys: false, sources: ['fresh'] });
      const [line] = await linesOf(() => backupAge({}, { getRemainingTimeInMillis: () => 30_000 }));
      return Number(line?.BackupAge);
    };
    const first = await look();
    const second = await look();
    expect(first).toBeLessThan(SLACK);
    expect(second).toBeGreaterThan(first);
    // An object below the source's folder that no manifest speaks of is no backup.
    await putObject(s3, bucket, 'backups/fresh/20260101T000000Z/dump.rdb', Buffer.from('REDIS0010'));
    expect(await look()).toBeGreaterThan(second);
  });

  test('a backup of another size tells by how much, whichever way, and the first one nothing', async () => {
    const first = await backup(9, 'sized');
    expect(first.line).not.toHaveProperty('SizeChange');
    expect(first.line).toMatchObject({ Keys: 1, BackupAge: 0 });
    expect((await backup(8, 'sized')).line.SizeChange).toBe(0);
    await server.call('SET', 'b', Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919) % 251)));
    const larger = Number((await backup(7, 'sized')).line.SizeChange);
    expect(larger).toBeGreaterThan(100);
    await server.call('DEL', 'b');
    const smaller = Number((await backup(6, 'sized')).line.SizeChange);
    expect(smaller).toBeGreaterThan(50);
    expect(smaller).toBeLessThanOrEqual(100);
    const bound = ownAlarms(WITH_SOURCE).find(({ metric }) => metric.includes(' SizeChange '))?.threshold;
    // 50 % is the default: what is above it raises the alarm.
    expect(smaller).toBeGreaterThanOrEqual(bound as number);
  });

  test('alarms and dashboard look at exactly what is published', async () => {
    await backup(4, 'cache');
    const { line } = await backup(3, 'cache');
    const ofBackups = [...identities(line)];
    const ofGauge = (await ages('cache')).metrics;
    const alarms = ownAlarms(WITH_SOURCE).map(({ metric }) => metric);
    expect(alarms.map((metric) => metric.split(' ')[1]).sort()).toEqual(['BackupAge', 'SizeChange']);
    for (const metric of alarms) expect(ofBackups).toContain(metric);
    expect(ofGauge).toEqual(alarms.filter((metric) => metric.includes(' BackupAge ')));
    const charts = shown(WITH_SOURCE).filter((metric) => metric.includes('mode=dump'));
    expect(charts.length).toBeGreaterThan(0);
    for (const metric of charts) expect(ofBackups).toContain(metric);
  });
});
