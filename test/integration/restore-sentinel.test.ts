// A restore into the master that sentinels name goes on with its successor when that master dies under it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { runs } from '../support/random.ts';
import { differences, filledFile, nativeState, type State, stateOf, WorkFolder } from '../support/restore-run.ts';
import { startWatched } from '../support/sentinel.ts';
import { anyServer } from '../support/servers.ts';

const name = anyServer();
const work = new WorkFolder();
let file = '';
let native: State;

beforeAll(async () => {
  file = await filledFile(work.file('all.rdb'), name, { seed: 21, scale: 1 });
  native = await nativeState(name, file);
});
afterAll(() => work[Symbol.dispose]());

const given = () => ({ files: [file], workDir: work.folder(), chunkBytes: 16 * 1024, patienceMs: 30_000 });

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];

test.each(POLICIES.slice(0, runs(1, 3)))('a master that dies in the middle, %s', async (onConflict) => {
  await using watched = await startWatched(name);
  const { master, replica, hosts } = watched;
  const target = parseRedisUrl(`redis-sentinel://${hosts}/mymaster`);
  const restoring = restore({ ...given(), target, onConflict, rate: { keysPerSecond: 1000 } });
  while (Number(await master.call('DBSIZE')) < 100) await sleep(5);
  await master.kill();
  const report = await restoring;
  expect(report.error?.describe()).toBeUndefined();
  expect(report).toMatchObject({ outcome: 'complete', target: `redis-sentinel://${hosts}/mymaster` });
  await watched.named(watched.replicaPort);
  expect(differences(native, await stateOf(replica))).toEqual([]);
});

test('a master that is made a replica in the middle, by SENTINEL FAILOVER', async () => {
  await using watched = await startWatched(name);
  const { master, replica, hosts, sentinels } = watched;
  const target = parseRedisUrl(`redis-sentinel://${hosts}/mymaster`);
  const restoring = restore({ ...given(), target, rate: { keysPerSecond: 1000 } });
  while (Number(await master.call('DBSIZE')) < 100) await sleep(5);
  await sentinels[0]!.client.call('SENTINEL', 'FAILOVER', 'mymaster');
  const report = await restoring;
  expect(report.error?.describe()).toBeUndefined();
  expect(report.outcome).toBe('complete');
  await watched.named(watched.replicaPort);
  expect(differences(native, await stateOf(replica))).toEqual([]);
});
