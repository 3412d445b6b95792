// RDBs dropped into the bucket of a deployed keyferry, and what becomes of them, with real servers as targets.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fill, saveRdb } from '../support/dataset.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';
import { Switch } from './switch.ts';

describe.skipIf(awsLacks !== '')(`restore on a local AWS${awsLacks}`, () => {
  let folder: string;
  let deployment: Deployment;
  /** What a server that loaded the file itself has. */
  let digest: unknown;
  let rdb: Buffer;
  let cache: Server;
  let locked: Server;
  let shaky: Switch;

  const config = (concurrency: number) => `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"
concurrency = ${concurrency}

[targets.shaky]
endpoint = "redis://127.0.0.1:${shaky.port}"

[targets.locked]
endpoint = "redis://127.0.0.1:${locked.port}"

[restore]
chunk-bytes = "64KiB"
memory-mb = 512
timeout = "60s"
`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyferry-e2e-'));
    {
      await using source = await startServer('redis-7.0');
      await fill(source, { seed: 20_261_123 });
      await copyFile(await saveRdb(source), join(folder, 'dump.rdb'));
    }
    rdb = await readFile(join(folder, 'dump.rdb'));
    {
      await using loaded = await startServer('redis-7.0', { rdb: join(folder, 'dump.rdb') });
      digest = await loaded.call('DEBUG', 'DIGEST');
    }
    cache = await startServer('redis-7.0');
    locked = await startServer('redis-7.0', { config: { requirepass: 'right' } });
    shaky = await Switch.before(cache.port);
    deployment = await Deployment.of(config(3), { settings: { SFN_WAIT_SCALE: '0.02' } });
  }, 180_000);

  afterEach(async () => {
    deployment.forgetNotices();
    await cache.call('FLUSHALL');
    await cache.call('FUNCTION', 'FLUSH');
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await shaky?.off();
    await Promise.all([cache?.stop(), locked?.stop()]);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('an RDB below restore/cache/ arrives as a server would load it, with report, tag and notice', async () => {
    const seen = (await deployment.executions('cache')).length;
    const version = await deployment.drop(rdb, 'restore/cache/nightly.rdb');
    const ended = await deployment.ended('cache', seen + 1);
    expect(ended.at(-1)).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    const report = JSON.parse((await deployment.read(`results/restore/cache/nightly.rdb/${version}.json`)) ?? '{}');
    expect(report).toMatchObject({ state: 'succeeded', job: { target: 'cache', version }, keys: { failed: 0 } });
    expect(report.planned.chunks).toBeGreaterThanOrEqual(8);
    expect(await deployment.tagsOf('restore/cache/nightly.rdb')).toMatchObject({ keyferry: 'succeeded' });
    const [notice, ...others] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: restore of nightly.rdb succeeded');
    expect(notice?.text).toContain(`results/restore/cache/nightly.rdb/${version}.json`);
    expect(others).toEqual([]);
  });

  test('the same event five times, late and beside another file’s, is one restore', async () => {
    const seen = (await deployment.executions('cache')).length;
    const key = 'restore/cache/again.rdb';
    const version = await deployment.drop(rdb, key);
    const object = { key, size: rdb.length, 'version-id': version, sequencer: '0000000000000001' };
    const event = { version: '0', bucket: { name: deployment.bucket }, object, reason: 'PutObject' };
    await Promise.all([1, 2, 3].map(() => deployment.start('cache', event)));
    await deployment.ended('cache', seen + 4);
    // The default, panic, would fail a second restore at its first key.
    await deployment.start('cache', event);
    const ended = (await deployment.ended('cache', seen + 5)).slice(seen);
    expect(ended.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'SUCCEEDED'));
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    expect(await deployment.told(1)).toHaveLength(1);
  });

  test('two files for one target take their turn', async () => {
    const seen = (await deployment.executions('cache')).length;
    await deployment.drop(rdb, 'restore/cache/one.rdb');
    await deployment.drop(rdb, 'restore/cache/two.rdb');
    const ended = (await deployment.ended('cache', seen + 2)).slice(seen);
    // The second one finds the keys of the first.
    expect(ended.map(({ status }) => status).sort()).toEqual(['FAILED', 'SUCCEEDED']);
    const [[, firstEnd], [secondBegin]] = (
      await Promise.all(ended.map(({ arn }) => deployment.span(arn, 'Prepare', 'Notify')))
    ).sort(([a], [b]) => a - b) as [[number, number], [number, number]];
    expect(secondBegin).toBeGreaterThanOrEqual(firstEnd);
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('a target that stays down is a failed job that says so; a retry finishes it', async () => {
    const key = 'restore/shaky/nightly.rdb';
    const version = await deployment.drop(rdb, key);
    const [failed] = await deployment.ended('shaky', 1);
    expect(failed).toMatchObject({ status: 'FAILED' });
    expect(failed?.cause).toContain(`127.0.0.1:${shaky.port}`);
    expect(await deployment.told(1)).toMatchObject([{ subject: 'keyferry: restore of nightly.rdb failed' }]);
    expect(await deployment.read(`quarantine/${key}/${version}.json`)).toBeUndefined();
    await shaky.on();
    await deployment.start('shaky', { bucket: deployment.bucket, key, version, retry: 'first' });
    expect((await deployment.ended('shaky', 2)).at(-1)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('damaged input is quarantined where it lies, with a report that says where it is damaged', async () => {
    const seen = (await deployment.executions('cache')).length;
    const key = 'restore/cache/cut.rdb';
    const version = await deployment.drop(rdb.subarray(0, rdb.length >> 1), key);
    const failed = (await deployment.ended('cache', seen + 1)).at(-1);
    expect(failed).toMatchObject({ status: 'FAILED', error: 'RDB_TRUNCATED' });
    const report = JSON.parse((await deployment.read(`quarantine/${key}/${version}.json`)) ?? '{}');
    expect(JSON.stringify(report)).toContain('RDB_TRUNCATED');
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'quarantined' });
    expect(await cache.call('DBSIZE')).toBe(0);
  });

  test('a wrong password is a failed job, and no fault of the file', async () => {
    const key = 'restore/locked/nightly.rdb';
    const version = await deployment.drop(rdb, key);
    const [failed] = await deployment.ended('locked', 1);
    expect(failed).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/AUTH/) });
    expect(await deployment.read(`quarantine/${key}/${version}.json`)).toBeUndefined();
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'failed' });
  });

  test('it is updated in place, and what is left when it is destroyed is the bucket and the table', async () => {
    await deployment.update(config(2));
    expect(await deployment.definition('cache')).toMatchObject({ States: { 'Restore chunks': { MaxConcurrency: 2 } } });
    const before = await deployment.resources();
    await deployment.cdk.destroy(deployment.assembly);
    const idOf = (type: string) => before.find((resource) => resource.type === type)?.id ?? '';
    expect(await deployment.buckets()).toContain(idOf('AWS::S3::Bucket'));
    expect(await deployment.tables()).toEqual([idOf('AWS::DynamoDB::GlobalTable')]);
    expect(await deployment.machines()).toEqual([]);
    expect(await deployment.read('restore/cache/nightly.rdb')).toBeDefined();
  });
});
