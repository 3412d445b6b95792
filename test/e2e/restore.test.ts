// RDBs dropped into the bucket of a deployed keyferry, and what becomes of them, with real servers as targets.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { clusterSnapshot } from '../support/cluster-oracle.ts';
import { configFor, fill, saveRdb } from '../support/dataset.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Deployment, type Item } from './deployment.ts';

const NAME = 'redis-7.0';
const SEED = 20_261_123;
/** Beside the test data set. */
const PLAIN_KEYS = 300_000;
const missing = awsLacks || lacks(NAME);

describe.skipIf(missing !== '')(`restore on a local AWS${missing}`, () => {
  let folder: string;
  let deployment: Deployment;
  /** What a server that loaded the file itself has. */
  let digest: unknown;
  let rdb: Buffer;
  let cache: Server;
  let cluster: Cluster;

  const config = (concurrency: number) => `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"
concurrency = ${concurrency}

[targets.shards]
endpoint = "${cluster.url}"
only-db = [0]
concurrency = 2

[restore]
chunk-bytes = "64KiB"
memory-mb = 512
timeout = "60s"
`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyferry-e2e-'));
    {
      await using source = await startServer(NAME);
      await fill(source, { seed: SEED });
      await copyFile(await saveRdb(source), join(folder, 'dump.rdb'));
    }
    rdb = await readFile(join(folder, 'dump.rdb'));
    {
      await using loaded = await startServer(NAME, { rdb: join(folder, 'dump.rdb') });
      digest = await loaded.call('DEBUG', 'DIGEST');
    }
    cache = await startServer(NAME);
    cluster = await startCluster(NAME, { config: configFor(NAME, {}) });
    deployment = await Deployment.of(config(3), { settings: { SFN_WAIT_SCALE: '0.02' } });
  }, 180_000);

  afterEach(async () => {
    deployment.forgetNotices();
    await wipe(cache);
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await Promise.all([cache?.stop(), cluster?.stop()]);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('the same event five times, late and beside another file’s, is one restore', async () => {
    const key = 'restore/cache/again.rdb';
    const version = await deployment.drop(rdb, key);
    const object = { key, size: rdb.length, 'version-id': version, sequencer: '0000000000000001' };
    const event = { version: '0', bucket: { name: deployment.bucket }, object, reason: 'PutObject' };
    await Promise.all([1, 2, 3].map(() => deployment.start('cache', event)));
    await deployment.ended('cache', 4);
    // The default, panic, would fail a second restore at its first key.
    await deployment.start('cache', event);
    const ended = await deployment.ended('cache', 5);
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

  test('a packed RDB arrives in a cluster, every key on the node of its slot', async () => {
    const key = 'restore/shards/nightly.rdb.gz';
    const version = await deployment.drop(gzipSync(rdb), key);
    const [ended] = await deployment.ended('shards', 1);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    const { target } = await reportOf(key, version);
    expect(target.server).toMatch(/cluster of 3 masters/);
    await using loaded = await startServer(NAME, { rdb: join(folder, 'dump.rdb') });
    for (const db of [1, 9]) {
      const other = loaded.connect({ db });
      await other.flushdb();
      other.disconnect();
    }
    expect((await clusterSnapshot(cluster)).digest).toBe(await loaded.call('DEBUG', 'DIGEST'));
  });

  test('it is updated in place, and restores as it is told now: never more chunks at once than the target takes', async () => {
    const before = await deployment.resources();
    await deployment.update(config(2).replace('64KiB', '1MiB'));
    const idsOf = (type: string, list: typeof before) => list.filter((each) => each.type === type).map(({ id }) => id);
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::GlobalTable', 'AWS::StepFunctions::StateMachine']) {
      expect(idsOf(type, await deployment.resources())).toEqual(idsOf(type, before));
    }
    const seen = (await deployment.executions('cache')).length;
    const path = await manyKeys();
    const version = await deployment.drop(path, 'restore/cache/nightly.rdb');
    const ended = (await deployment.ended('cache', seen + 1, 120_000)).at(-1);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    await using loaded = await startServer(NAME, { rdb: path });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(await loaded.call('DEBUG', 'DIGEST'));
    const { state, job, keys, planned } = await reportOf('restore/cache/nightly.rdb', version);
    expect({ state, job, keys }).toMatchObject({
      ...{ state: 'succeeded', job: { target: 'cache', version }, keys: { failed: 0, skipped: 0, filtered: 0 } },
    });
    expect(keys.written + keys.expired).toBe(planned.keys);
    expect(planned.keys).toBeGreaterThan(PLAIN_KEYS);
    const items = await deployment.items(ended?.arn ?? '');
    expect(items).toHaveLength(planned.chunks);
    expect(planned.chunks).toBeGreaterThanOrEqual(8);
    expect(mostAtOnce(items)).toBe(2);
    expect(await deployment.tagsOf('restore/cache/nightly.rdb')).toMatchObject({ keyferry: 'succeeded' });
    const [notice, ...others] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: restore of nightly.rdb succeeded');
    expect(notice?.text).toContain(`results/restore/cache/nightly.rdb/${version}.json`);
    expect(others).toEqual([]);
  }, 240_000);

  test('what is left when it is destroyed is the bucket and the table, with all that was in them', async () => {
    const versions = await deployment.versions();
    const before = await deployment.resources();
    await deployment.cdk.destroy(deployment.assembly);
    const idOf = (type: string) => before.find((resource) => resource.type === type)?.id ?? '';
    expect(await deployment.buckets()).toContain(idOf('AWS::S3::Bucket'));
    expect(await deployment.tables()).toEqual([idOf('AWS::DynamoDB::GlobalTable')]);
    expect(await deployment.machines()).toEqual([]);
    expect(await deployment.versions()).toEqual(versions);
  });

  const reportOf = async (key: string, version: string) =>
    JSON.parse((await deployment.read(`results/${key}/${version}.json`)) ?? '{}');

  /** The test data set and many plain keys, as a file. */
  async function manyKeys(): Promise<string> {
    const path = join(folder, 'many.rdb');
    await using source = await startServer(NAME, { rdb: join(folder, 'dump.rdb') });
    await source.call('DEBUG', 'POPULATE', PLAIN_KEYS, 'plain', 24);
    await copyFile(await saveRdb(source), path);
    return path;
  }
});

/** How many of them there were at work at one moment. */
function mostAtOnce(items: readonly Item[]): number {
  return Math.max(...items.map(({ begin }) => items.filter((each) => each.begin <= begin && begin < each.end).length));
}
