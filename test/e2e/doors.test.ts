// What people put into the bucket beside what belongs there: nothing of it is passed over in silence, and nothing is started
// by what only looks like a file.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

describe.skipIf(awsLacks !== '')(`doors on a local AWS${awsLacks}`, () => {
  let deployment: Deployment;
  let cache: Server;

  beforeAll(async () => {
    cache = await startServer(anyServer());
    const config = `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"

[restore]
memory-mb = 512
timeout = "60s"
`;
    deployment = await Deployment.of(config, { settings: { SFN_WAIT_SCALE: '0.02' } });
  }, 180_000);
  afterEach(() => deployment.forgetNotices());
  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await cache?.stop();
  });

  const reportOf = async (key: string, version: string) =>
    JSON.parse((await deployment.read(`quarantine/${key}/${version}.json`)) ?? '{}');

  test('a file below a target that is not there, or below none, is tagged, reported and told of', async () => {
    const keys = ['restore/cahce/nightly.rdb', 'load/nightly.jsonl'];
    const versions = await Promise.all(keys.map((key) => deployment.drop(Buffer.from('bytes'), key)));
    const notices = await deployment.told(2);
    expect(notices.map(({ subject }) => subject).sort()).toEqual([
      'keyferry: nightly.jsonl quarantined',
      'keyferry: nightly.rdb quarantined',
    ]);
    for (const [at, key] of keys.entries()) {
      await expect
        .poll(() => reportOf(key, versions[at] ?? ''), { timeout: 5000 })
        .toMatchObject({ state: 'quarantined', error: { code: 'DOOR_UNKNOWN' } });
      expect(await deployment.tagsOf(key)).toEqual({ keyferry: 'quarantined' });
    }
    expect(await deployment.executions('cache')).toEqual([]);
  });

  test('a file that does not end like one of its door, and one that is none, are failed jobs in quarantine', async () => {
    const keys = ['restore/cache/nightly.zip', 'restore/cache/foreign.rdb'];
    const versions = await Promise.all(keys.map((key) => deployment.drop(Buffer.from('no RDB at all'), key)));
    const ended = await deployment.ended('cache', 2);
    expect(ended.map(({ status, error }) => `${status} ${error}`).sort()).toEqual([
      expect.stringMatching(/^FAILED DOOR_SUFFIX$/),
      expect.stringMatching(/^FAILED (?:INPUT|RDB)_\w+$/),
    ]);
    for (const [at, key] of keys.entries()) {
      expect(await reportOf(key, versions[at] ?? ''), key).toMatchObject({ state: 'quarantined' });
      expect(await deployment.tagsOf(key), key).toMatchObject({ keyferry: 'quarantined' });
    }
    expect(await deployment.told(2)).toHaveLength(2);
    expect(await cache.call('DBSIZE')).toBe(0);
  });

  test('empty folders of the console, and options before their file, start nothing and are told to nobody', async () => {
    const seen = (await deployment.executions('cache')).length;
    const options = Buffer.from('{"on-conflict": "skip"}');
    await deployment.drop(Buffer.alloc(0), 'restore/new/');
    await deployment.drop(options, 'restore/new/x.rdb.keyferry.json');
    await deployment.drop(Buffer.alloc(0), 'restore/cache/');
    await deployment.drop(options, 'restore/cache/x.rdb.keyferry.json');
    // Those below the door are heard by its machine, which ends at once.
    const ended = (await deployment.ended('cache', seen + 2)).slice(seen);
    expect(ended.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    await sleep(500);
    expect(deployment.notices).toEqual([]);
    const versions = await deployment.versions();
    const left = versions.filter((name) => /^(?:quarantine|results)\/restore\/(?:new|cache)\/(?:x\.rdb)?/.test(name));
    expect(left.filter((name) => !/nightly|foreign/.test(name))).toEqual([]);
  });
});
