// What can go wrong with a restore on a deployed keyferry: the target, the file, the time; what is told, and how it is mended.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosProxy, startProxy } from '../support/chaos-proxy.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const NAME = 'redis-7.0';
const missing = awsLacks || lacks(NAME);

describe.skipIf(missing !== '')(`a restore on a local AWS in trouble${missing}`, () => {
  let folder: string;
  let deployment: Deployment;
  /** What a server that loaded the file itself has. */
  let digest: unknown;
  let rdb: Buffer;
  let cache: Server;
  let locked: Server;
  let proxy: ChaosProxy;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyferry-e2e-'));
    {
      await using source = await startServer(NAME);
      await fill(source, { seed: 20_261_124 });
      await copyFile(await saveRdb(source), join(folder, 'dump.rdb'));
    }
    rdb = await readFile(join(folder, 'dump.rdb'));
    {
      await using loaded = await startServer(NAME, { rdb: join(folder, 'dump.rdb') });
      digest = await loaded.call('DEBUG', 'DIGEST');
    }
    cache = await startServer(NAME);
    locked = await startServer(NAME, { config: { requirepass: 'right' } });
    proxy = await startProxy(cache);
    const config = `
[targets.cache]
endpoint = "${proxy.url}"
concurrency = 2

[targets.slow]
endpoint = "redis://127.0.0.1:${cache.port}"
rate = "5KB/s"

[targets.stuck]
endpoint = "redis://127.0.0.1:${cache.port}"
rate = "1KB/s"

[targets.locked]
endpoint = "redis://127.0.0.1:${locked.port}"

[restore]
chunk-bytes = "64KiB"
memory-mb = 512
# The least that there is: calls run out of time.
timeout = "10s"
`;
    deployment = await Deployment.of(config, { settings: { SFN_WAIT_SCALE: '0.02' } });
  }, 180_000);

  afterEach(async () => {
    deployment.forgetNotices();
    await wipe(cache);
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await Promise.all([cache?.stop(), locked?.stop()]);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** Does something to the target when half of the file has gone there. */
  const halfway = (act: () => Promise<unknown>) => proxy.holdAt(proxy.sentBytes + (rdb.length >> 1), act);

  test('a target that goes down in the middle and comes back gets all keys', async () => {
    void halfway(async () => {
      proxy.refuse();
      // Longer than a call of ten seconds has patience for.
      setTimeout(() => void proxy.listen(), 7000);
    });
    await deployment.drop(rdb, 'restore/cache/shaken.rdb');
    const [ended] = await deployment.ended('cache', 1);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    const items = await deployment.items(ended?.arn ?? '');
    expect(items.some(({ calls }) => calls > 1)).toBe(true);
    expect(await deployment.told(1)).toMatchObject([{ subject: 'keyferry: restore of shaken.rdb succeeded' }]);
  });

  test('a target that goes down in the middle and stays so is a failed job that says so; a retry does what is missing', async () => {
    const key = 'restore/cache/nightly.rdb';
    void halfway(async () => proxy.refuse());
    const version = await deployment.drop(rdb, key);
    const failed = (await deployment.ended('cache', 2)).at(-1);
    expect(failed).toMatchObject({ status: 'FAILED', error: 'TARGET_UNREACHABLE' });
    expect(failed?.cause).toContain(`127.0.0.1:${proxy.port}`);
    const [notice, ...others] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: restore of nightly.rdb failed');
    expect(notice?.text).toMatch(/^The restore into cache failed\. TARGET_UNREACHABLE at redis:\/\/127\.0\.0\.1:\d+: /);
    expect(notice?.text).toMatch(/keyferry aws retry [0-9a-f]{32}/);
    expect(others).toEqual([]);
    expect(await deployment.read(`quarantine/${key}/${version}.json`)).toBeUndefined();
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'failed' });
    await proxy.listen();
    const sentBefore = proxy.sentBytes;
    await deployment.start('cache', { bucket: deployment.bucket, key, version, retry: 'first' });
    expect((await deployment.ended('cache', 3)).at(-1)).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    expect(proxy.sentBytes - sentBefore, 'bytes of the retry').toBeLessThan(rdb.length * 0.8);
    const report = JSON.parse((await deployment.read(`results/${key}/${version}.json`)) ?? '{}');
    expect(report).toMatchObject({ state: 'succeeded', outcome: 'complete' });
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'succeeded' });
  });

  test('a file that is written over in the middle fails its job by name; what was written over it is restored', async () => {
    const key = 'restore/cache/over.rdb';
    await deployment.drop(Buffer.from('{"on-conflict": "rewrite"}'), `${key}.keyferry.json`);
    await deployment.ended('cache', 4);
    void halfway(() => deployment.drop(rdb, key));
    await deployment.drop(rdb, key);
    const [first, second] = (await deployment.ended('cache', 6)).slice(-2);
    expect(first).toMatchObject({ status: 'FAILED', error: 'INPUT_CHANGED' });
    expect(first?.cause).toContain(`s3://${deployment.bucket}/${key}: the object was written over`);
    expect(second).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('a call that runs out of time goes on where it stopped; one that gets no key done fails by name', async () => {
    const small = await savedBy((source) => source.call('DEBUG', 'POPULATE', 1500, 'key', 24));
    const big = await savedBy((source) => source.call('SET', 'one', Buffer.alloc(200_000, 'x')));
    await deployment.drop(small, 'restore/slow/small.rdb');
    await deployment.drop(big, 'restore/stuck/big.rdb');
    const [[slow], [stuck]] = await Promise.all([deployment.ended('slow', 1), deployment.ended('stuck', 1)]);
    expect(slow).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    const [item, ...others] = await deployment.items(slow?.arn ?? '');
    expect(item?.calls).toBeGreaterThan(1);
    expect(others).toEqual([]);
    expect(await cache.call('DBSIZE')).toBe(1500);
    expect(stuck).toMatchObject({ status: 'FAILED', error: 'CHUNK_TOO_SLOW' });
    expect(stuck?.cause).toMatch(/aws s3 cp s3:\/\/\S+\/restore\/stuck\/big\.rdb \. && keyferry restore/);
  });

  async function savedBy(fillIt: (source: Server) => Promise<unknown>): Promise<Buffer> {
    await using source = await startServer(NAME);
    await source.call('CONFIG', 'SET', 'rdbcompression', 'no');
    await fillIt(source);
    return await readFile(await saveRdb(source));
  }

  test('damaged and foreign files are quarantined where they lie, with a report that says why', async () => {
    const seen = (await deployment.executions('cache')).length;
    const files = {
      'cut.rdb': { content: rdb.subarray(0, rdb.length >> 1), code: 'RDB_TRUNCATED' },
      'note.rdb': { content: Buffer.from('Dear reader, this is no RDB.'), code: 'INPUT_NOT_RDB' },
    };
    for (const [name, { content, code }] of Object.entries(files)) {
      const key = `restore/cache/${name}`;
      const version = await deployment.drop(content, key);
      const ended = await deployment.ended('cache', seen + 1 + Object.keys(files).indexOf(name));
      expect(ended.at(-1)).toMatchObject({ status: 'FAILED', error: code });
      const report = JSON.parse((await deployment.read(`quarantine/${key}/${version}.json`)) ?? '{}');
      expect(report).toMatchObject({ state: 'quarantined', error: { code } });
      expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'quarantined' });
    }
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
});
