// Scheduled backups of a deployed keyferry: made, verified, restored by a copy of their manifest; and what a dead source leaves.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { CopyObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBackupManifest } from '../../lib/jobs/dump/manifest.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { getObject, openUploads } from '../support/local-aws/buckets.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const DUMP = 'dump/cache';
const missing = awsLacks || lacks('redis-7.0');

interface Schedule {
  readonly Properties: {
    readonly ScheduleExpression: string;
    readonly Target: { readonly Input: string };
  };
}

describe.skipIf(missing !== '')(`backups on a local AWS${missing}`, () => {
  let deployment: Deployment;
  let source: Server;
  let copy: Server;

  beforeAll(async () => {
    {
      await using filled = await startServer('redis-7.0');
      await fill(filled, { seed: 20_261_123 });
      // What has expired in it is gone from a server that has loaded it.
      source = await startServer('redis-7.0', {
        rdb: await saveRdb(filled),
        config: { 'repl-diskless-sync-delay': '0' },
      });
    }
    copy = await startServer('redis-7.0');
    deployment = await Deployment.of(
      `
[targets.copy]
endpoint = "redis://127.0.0.1:${copy.port}"

[sources.cache]
endpoint = "redis://127.0.0.1:${source.port}"
schedule = "cron(0 3 * * ? *)"
time-zone = "Europe/Berlin"

[restore]
memory-mb = 512
timeout = "60s"
`,
      { settings: { SFN_WAIT_SCALE: '0.02' } },
    );
  }, 180_000);

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await source?.stop();
    await copy?.stop();
  });

  async function keys(Prefix: string): Promise<string[]> {
    const list = new ListObjectsV2Command({ Bucket: deployment.bucket, Prefix });
    return ((await deployment.s3.send(list)).Contents ?? []).map(({ Key = '' }) => Key);
  }
  const backups = () => keys('backups/');

  /** Does what the schedule would at its time. */
  async function onSchedule() {
    const count = (await deployment.executions(DUMP)).length;
    deployment.forgetNotices();
    const schedules = (await deployment.resources()).filter(({ type }) => type === 'AWS::Scheduler::Schedule');
    expect(schedules).toHaveLength(2);
    const template = JSON.parse(readFileSync(join(deployment.assembly, 'Keyferry.template.json'), 'utf8')) as {
      Resources: Record<string, Schedule>;
    };
    const [schedule] = schedules
      .map(({ logicalId }) => template.Resources[logicalId] as Schedule)
      .filter(({ Properties }) => Properties.ScheduleExpression.startsWith('cron'));
    await deployment.start(DUMP, JSON.parse(schedule?.Properties.Target.Input ?? '') as object);
    return (await deployment.ended(DUMP, count + 1)).at(-1);
  }

  test('a schedule’s target makes a set that verify passes; a copy of its manifest restores it elsewhere', async () => {
    const ended = await onSchedule();
    expect(ended?.cause).toBeUndefined();
    expect(ended?.status).toBe('SUCCEEDED');
    const [rdb = '', manifest = '', ...others] = await backups();
    expect(others).toEqual([]);
    expect(rdb).toMatch(/^backups\/cache\/\d{8}T\d{6}Z\/dump\.rdb$/);
    const path = `s3://${deployment.bucket}/${manifest}`;
    const report = await verifyBackup({ path, level: 'full', s3: deployment.s3 });
    expect(report.good).toBe(true);
    expect(parseBackupManifest((await deployment.read(manifest)) ?? '', manifest).via).toBe('psync');
    const [notice] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: backup of cache succeeded');

    deployment.forgetNotices();
    await deployment.s3.send(
      new CopyObjectCommand({
        ...{ Bucket: deployment.bucket, Key: 'restore/copy/cache.json' },
        CopySource: `${deployment.bucket}/${manifest}`,
      }),
    );
    const [restored] = await deployment.ended('copy', 1);
    expect(restored?.cause).toBeUndefined();
    expect(await copy.call('DEBUG', 'DIGEST')).toEqual(await source.call('DEBUG', 'DIGEST'));
  }, 120_000);

  test('a scan goes on over several calls of its function; a server loads the file and holds the same', async () => {
    const lambda = new LambdaClient(deployment.aws.config());
    const { id: FunctionName = '' } =
      (await deployment.resources()).find(({ logicalId }) => /dumpshardFunction/.test(logicalId)) ?? {};
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const Variables = { ...Environment?.Variables };
    const config = JSON.parse(Variables.KEYFERRY_CONFIG ?? '') as { source: object };
    const scanning = { ...config, source: { ...config.source, via: 'scan' }, limits: { callKeys: 150, pageKeys: 50 } };
    const changed = { ...Variables, KEYFERRY_CONFIG: JSON.stringify(scanning) };
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: changed } }));
    const ended = await onSchedule();
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    lambda.destroy();
    expect(ended?.cause).toBeUndefined();
    // Each call but the last has left its state.
    const states = (await keys('work/dump/cache/')).filter((key) => key.includes('/state-'));
    expect(states.length).toBeGreaterThan(1);
    const [rdb = '', manifest = ''] = (await backups()).slice(-2);
    expect(parseBackupManifest((await deployment.read(manifest)) ?? '', manifest).via).toBe('scan');
    using work = new WorkFolder();
    writeFileSync(work.file('dump.rdb'), (await getObject(deployment.s3, deployment.bucket, rdb)) as Buffer);
    await using loaded = await startServer('redis-7.0', { rdb: work.file('dump.rdb') });
    expect(await loaded.call('DEBUG', 'DIGEST')).toEqual(await source.call('DEBUG', 'DIGEST'));
  }, 120_000);

  test('a source that is down: a failed execution, a notice, and nothing left behind', async () => {
    const before = await backups();
    await source.stop();
    const ended = await onSchedule();
    expect(ended).toMatchObject({ status: 'FAILED', error: 'TARGET_UNREACHABLE' });
    const [notice] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: backup of cache failed');
    expect(await backups()).toEqual(before);
    expect(await openUploads(deployment.s3, deployment.bucket)).toEqual([]);
  }, 120_000);
});
