// The kill test of clusters and big values: a restore that is killed with SIGKILL at any awaited step, socket write or file
// write leaves no name behind that does not go by itself, and run again it leaves exactly the file's data.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { isTemporaryKey } from '../../lib/targets/redis/temporary-key.ts';
import { asByCommands, BIG_KEY_BYTES, BIG_KINDS, bigKeys } from '../support/big-keys.ts';
import { type Cluster, withCluster } from '../support/cluster.ts';
import { clusterSnapshot } from '../support/cluster-oracle.ts';
import { type Command, pipelined, show } from '../support/commands.ts';
import { drawPoint, type KillCounts, RestoreProcesses, type RunRequest, type RunResult } from '../support/kill-run.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { commandsFile, WorkFolder } from '../support/restore-run.ts';
import { featuresOf, lacks, type ServerName, withServer } from '../support/servers.ts';
import { readLedgerOf } from '../support/work-files.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
const SEED = seedOr(20_261_126);
const SMALL_KEYS = 300;

const work = new WorkFolder();
let processes: RestoreProcesses;

beforeAll(async () => {
  processes = await RestoreProcesses.create(work.folder());
});
afterAll(() => work[Symbol.dispose]());

interface Sample {
  file: string;
  chunkBytes: number;
  expected: Snapshot;
  keys: number;
  /** Points of an unkilled run. */
  counts: KillCounts;
}

/** Big keys of every type among small ones, and what a single server holds that has loaded them. */
async function sampleFor(name: ServerName, cluster: Cluster, chunkBytes: number): Promise<Sample> {
  const random = new Random(SEED);
  const small = Array.from({ length: SMALL_KEYS }, (_, i): Command => {
    return i % 3 === 0 ? ['RPUSH', `small ${i}`, random.text(30), i] : ['SET', `small ${i}`, random.bytes(200)];
  });
  const commands = random.shuffle(small).concat([...bigKeys(random, featuresOf(name))]);
  const file = await withServer(name, {}, (server) => commandsFile(work.file(`${name}.rdb`), server, commands));
  const expected = asByCommands(await withServer(name, { rdb: file }, snapshot));
  const counts = await processes.count(requestOf({ file, chunkBytes }, cluster, 'panic'));
  return { file, chunkBytes, expected, keys: expected.databases.get(0)!.size, counts };
}

type Input = Pick<Sample, 'file' | 'chunkBytes'>;

function requestOf({ file, chunkBytes }: Input, { url }: Cluster, onConflict: ConflictPolicy): RunRequest {
  return { url, file, workDir: work.folder(), chunkBytes, bigKeyBytes: BIG_KEY_BYTES, onConflict };
}

async function differences({ expected }: Sample, cluster: Cluster): Promise<string[]> {
  const held = asByCommands(await clusterSnapshot(cluster, expected));
  return compare(expected, held, { ignoreAccess: true, ignoreRadix: true });
}

/** An empty cluster; or, for rewrite, one with an application's own values under the names of the big keys. */
async function prepare(cluster: Cluster, old: boolean): Promise<void> {
  for (const master of await cluster.masters()) {
    await master.call('FLUSHALL');
    if (!old) continue;
    for (const key of BIG_KINDS.map((kind) => `big ${kind}`)) {
      const slot = Number(await master.call('CLUSTER', 'KEYSLOT', key));
      if ((await cluster.slotOwner(slot)) === master) await master.call('RPUSH', key, 'old', 'older');
    }
  }
}

/** How long each temporary key has yet, in ms; negative for one that stays. */
async function temporaries(cluster: Cluster): Promise<{ key: string; ttl: number }[]> {
  const found: { key: string; ttl: number }[] = [];
  for (const master of await cluster.masters()) {
    const keys = (await master.client.keysBuffer('keyferry:*')).filter(isTemporaryKey);
    const commands = keys.map((key): Command => ['PTTL', key]);
    const times = (await pipelined(master.client, commands)) as number[];
    for (const [i, key] of keys.entries()) found.push({ key: show(key), ttl: times[i]! });
  }
  return found;
}

const DAY_MS = 24 * 60 * 60 * 1000;

interface Outcome {
  /** False when the run was over before its point. */
  killed: boolean;
  /** Temporary keys that the kills left. */
  abandoned: number;
}

/** Kills a run once or twice, then lets it come to its end. */
async function killAndResume(
  sample: Sample,
  cluster: Cluster,
  policy: ConflictPolicy,
  random: Random,
): Promise<Outcome> {
  const old = policy === 'rewrite' && random.chance(0.5);
  await prepare(cluster, old);
  const request = requestOf(sample, cluster, policy);
  const points: string[] = [];
  const about = () =>
    `seed ${random.seed}, ${policy}${old ? ' over old values' : ''}, killed at ${points.join(' and ')}`;
  let abandoned = 0;
  let over: RunResult | undefined;
  for (let left = random.chance(0.3) ? 2 : 1; left > 0 && over === undefined; left--) {
    points.push(drawPoint(random, sample.counts));
    over = await processes.kill(request, points.at(-1)!);
    if (over !== undefined) continue;
    for (const { key, ttl } of await temporaries(cluster)) {
      abandoned++;
      expect(ttl, `${about()}: time left of ${key}`).toBeGreaterThan(DAY_MS - 60_000);
      expect(ttl, `${about()}: time left of ${key}`).toBeLessThanOrEqual(DAY_MS);
    }
    // A job whose ledger is gone has finished, and the same command would be another one; or it had not begun to write.
    const gone = readLedgerOf(request.workDir) === undefined;
    if (gone && (await differences(sample, cluster)).length === 0) return { killed: true, abandoned };
  }
  expectAllWritten(over ?? (await processes.run(request)), sample, about());
  expect(await temporaries(cluster), about()).toEqual([]);
  expect(await differences(sample, cluster), about()).toEqual([]);
  return { killed: over === undefined || points.length > 1, abandoned };
}

function expectAllWritten(result: RunResult, sample: Sample, about: string): void {
  const none = { skipped: 0, expired: 0, filtered: 0, failed: [] };
  expect(result, about).toMatchObject({ outcome: 'complete', exitCode: 0, error: null, keys: none });
  const { written, already } = result.keys;
  expect(written + already, about).toBe(sample.keys);
}

describe.each([
  // Each big key alone in its chunk; or some of them in one, among small keys.
  { name: 'redis-7.0', replicas: 0, chunkBytes: 16 * 1024 },
  { name: 'redis-8.0', replicas: 1, chunkBytes: 1024 * 1024 },
] as const)('three masters of $name, $replicas replicas each, chunks of $chunkBytes bytes', (given) => {
  const { name, replicas, chunkBytes } = given;
  test.skipIf(lacks(name) !== '')(`killed anywhere and run again, the data is the file’s${lacks(name)}`, () =>
    withCluster(name, { replicas }, async (cluster) => {
      const sample = await sampleFor(name, cluster, chunkBytes);
      expect(await differences(sample, cluster), 'unkilled').toEqual([]);
      let killed = 0;
      let abandoned = 0;
      for (let i = 0; killed < runs(2, 50); i++) {
        const policy = POLICIES[(i + replicas) % POLICIES.length]!;
        const outcome = await killAndResume(sample, cluster, policy, new Random(SEED + i).fork(policy));
        if (outcome.killed) killed++;
        abandoned += outcome.abandoned;
      }
      if (killed >= 20) expect(abandoned, 'temporary keys that were left by kills').toBeGreaterThan(0);
    }),
  );
});
