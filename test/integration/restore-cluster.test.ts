// Restores into real clusters: slots that move, masters that die, nodes behind NAT; nothing lost, every key in its place.
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../lib/telemetry/clock.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { withCluster } from '../support/cluster.ts';
import { clusterSnapshot, markLoaded } from '../support/cluster-oracle.ts';
import { selfOf } from '../support/cluster-view.ts';
import type { Command } from '../support/commands.ts';
import { configFor } from '../support/dataset.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { accounted, commandsFile, filledFile, restoreInto, WorkFolder } from '../support/restore-run.ts';
import { lacks, type Server, withServer } from '../support/servers.ts';

const SEED = 20_261_124;
const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

/** A cluster behaves the same in every version, so one does for what is not about versions. */
const SERVER = 'redis-7.0';

/** What a server holds that loaded the file itself, of database 0 or of all. */
function loaded(rdb: string, name: Parameters<typeof withServer>[0], dbs: 'db 0' | 'all'): Promise<Snapshot> {
  return withServer(name, { config: configFor(name, {}), rdb }, async (server) => {
    const others = server.connect();
    for (let db = 1; dbs === 'db 0' && db < 16; db++) {
      await others.select(db);
      await others.flushdb();
    }
    others.disconnect();
    return snapshot(server);
  });
}

describe('a cluster of three masters', () => {
  const file = work.file('oracle.rdb');

  beforeAll(() => filledFile(file, SERVER, { seed: SEED, scale: 1 }));

  for (const onConflict of ['panic', 'rewrite', 'skip'] as const) {
    test(`holds what a single server would (${onConflict}), every key on the node of its slot`, async () => {
      const expected = await loaded(file, SERVER, 'db 0');
      await withCluster(SERVER, { replicas: 0, config: configFor(SERVER, {}) }, async (cluster) => {
        const report = await restoreInto(cluster, file, {
          workDir: work.folder(),
          onConflict,
          chunkBytes: 64 * 1024,
          filter: { dbs: [0] },
        });
        markLoaded(cluster);
        expect(report.error?.describe()).toBeUndefined();
        expect(report.outcome).toBe('complete');
        expect(report.server).toMatch(/cluster of 3 masters/);
        expect(compare(expected, await clusterSnapshot(cluster, expected)), `seed ${SEED}`).toEqual([]);
      });
    });
  }

  test('has database 0 only, and says what to do with the others', async () => {
    await withCluster(SERVER, { replicas: 0 }, async (cluster) => {
      const refused = await restoreInto(cluster, file, { workDir: work.folder() });
      expect(refused.error?.describe()).toMatch(/^TARGET_DB at .*--db-map 1:0 for one, --merge-dbs for all/s);
      for (const master of await cluster.masters()) expect(await master.call('DBSIZE')).toBe(0);

      const merged = await restoreInto(cluster, file, {
        workDir: work.folder(),
        mergeDbs: true,
        onConflict: 'rewrite',
      });
      expect(merged.error?.describe()).toBeUndefined();
      expect(accounted(merged.keys)).toBe(merged.files[0]?.keys);
    });
  });

  test('is reached at other addresses than its nodes announce', async () => {
    await withCluster(SERVER, { replicas: 0, announce: 'port' }, async (cluster) => {
      const report = await restoreInto(cluster, file, {
        workDir: work.folder(),
        filter: { dbs: [0] },
        addressMap: new Map(cluster.addressMap.map(({ announced, real }) => [announced, real])),
      });
      expect(report.error?.describe()).toBeUndefined();
      expect(report.outcome).toBe('complete');
    });
  });
});

test.skipIf(lacks('valkey-9.1') !== '')(
  `a cluster with databases takes all of them${lacks('valkey-9.1')}`,
  async () => {
    const file = await filledFile(work.file('valkey.rdb'), 'valkey-9.1', { seed: SEED, scale: 1 });
    const expected = await loaded(file, 'valkey-9.1', 'all');
    const config = { ...configFor('valkey-9.1', {}), 'cluster-databases': '16' };
    await withCluster('valkey-9.1', { replicas: 0, config }, async (cluster) => {
      const report = await restoreInto(cluster, file, { workDir: work.folder(), chunkBytes: 64 * 1024 });
      markLoaded(cluster);
      expect(report.error?.describe()).toBeUndefined();
      expect(compare(expected, await clusterSnapshot(cluster, expected)), `seed ${SEED}`).toEqual([]);
    });
  },
);

describe('while the cluster changes', () => {
  const file = work.file('many.rdb');
  const KEYS = 15_000;
  /** How many slots a node gets that joins: enough for a hundred keys, and moved in a second. */
  const MOVED_SLOTS = 100;
  let expected: Snapshot;
  /** Long enough for a promotion to happen in the middle. */
  const slowly = { chunkBytes: 64 * 1024, rate: { keysPerSecond: 5000 } };

  beforeAll(async () => {
    await withServer(SERVER, {}, (server) => commandsFile(file, server, manyKeys(new Random(SEED), KEYS)));
    expected = await loaded(file, SERVER, 'db 0');
  });

  test('slots that move take nothing along that is not found again', async () => {
    await withCluster(SERVER, { replicas: 0 }, async (cluster) => {
      const [, second, third] = await cluster.masters();
      const stop = new AbortController();
      const moving = (async () => {
        // One node only gives: where each gives and takes at once, nodes can end up naming each other for ever.
        for (let slot = 0; !stop.signal.aborted; slot++) {
          await cluster.moveSlot(slot, second as Server, { keyDelayMs: 1 });
          await cluster.moveSlot(2700 + slot, third as Server);
        }
      })();
      const report = await restoreInto(cluster, file, { workDir: work.folder(), ...slowly });
      stop.abort();
      await moving;
      expect(report.error?.describe()).toBeUndefined();
      expect(report.keys).toMatchObject({ written: KEYS, skipped: 0, failed: [] });
      // MIGRATE hands on the time that is left, so expiries move by some ms.
      const moved = { ...(await clusterSnapshot(cluster, expected)), exactExpiry: false };
      expect(compare(expected, moved, { ignoreAccess: true })).toEqual([]);
    });
  });

  for (let run = 0; run < runs(2, 20); run++) {
    const seed = seedOr(SEED + run);
    test(`a master that dies loses nothing (seed ${seed})`, async () => {
      const random = new Random(seed);
      await withCluster(SERVER, {}, async (cluster) => {
        const victim = random.int(0, 2);
        const dies = setTimeout(random.int(300, 2500)).then(() => cluster.killMaster(victim));
        const onConflict = random.pick(['panic', 'rewrite', 'skip'] as const);
        const report = await restoreInto(cluster, file, { workDir: work.folder(), onConflict, ...slowly });
        await cluster.awaitPromotion(await dies);
        expect(report.error?.describe(), onConflict).toBeUndefined();
        expect(accounted(report.keys)).toBe(KEYS);
        expect(compare(expected, await clusterSnapshot(cluster, expected), { ignoreAccess: true })).toEqual([]);
      });
    });
  }

  for (let run = 0; run < runs(2, 10); run++) {
    const seed = seedOr(SEED + run);
    const how = run % 2 === 0 ? 'stop' : 'reset';
    test(`a node that joins and one that is drained and removed (${how}) lose nothing (seed ${seed})`, async () => {
      const random = new Random(seed);
      await withCluster(SERVER, { replicas: 0 }, async (cluster) => {
        const stay = await cluster.masters();
        const draw = () => Array.from({ length: MOVED_SLOTS }, () => random.int(0, 16_383));
        const leaver = await cluster.addNode();
        for (const slot of draw()) await cluster.moveSlot(slot, leaver);
        const left = await slotsOf(leaver);

        const onConflict = random.pick(['panic', 'rewrite', 'skip'] as const);
        const url = random.chance(0.5) ? leaver.url : cluster.url;
        // Some go in parts, which have connections of their own.
        const options = { workDir: work.folder(), onConflict, url, chunkBytes: 16 * 1024, bigKeyBytes: 125 };
        const progress = new Progress();
        let over = false;
        // The rate makes it sleep after each few keys: the last of them come when the node has gone.
        const sleep: Clock['sleep'] = async (_, signal) => {
          do await systemClock.sleep(over ? 1 : 80, signal);
          while (!over && progress.keys > 0.8 * KEYS);
        };
        const slowed = { progress, clock: { ...systemClock, sleep }, rate: { keysPerSecond: 1 } };
        const restoring = restoreInto(cluster, file, { ...options, ...slowed }).finally(() => {
          over = true;
        });
        await setTimeout(random.int(200, 1000));
        const joiner = await cluster.addNode();
        for (const slot of draw()) await cluster.moveSlot(slot, joiner, { keyDelayMs: random.int(0, 1) });
        for (const slot of left) await cluster.moveSlot(slot, random.pick([...stay, joiner]));
        await cluster.removeNode(leaver, how);
        expect(over, 'the restore was over before').toBe(false);
        over = true;
        const report = await restoring;
        expect(report.error?.describe(), onConflict).toBeUndefined();
        expect(report.keys).toMatchObject({ skipped: 0, expired: 0, failed: [] });
        expect(accounted(report.keys)).toBe(KEYS);
        const moved = { ...(await clusterSnapshot(cluster, expected)), exactExpiry: false };
        expect(compare(expected, moved, { ignoreAccess: true }), onConflict).toEqual([]);
      });
    });
  }
});

async function slotsOf(node: Server): Promise<number[]> {
  const { slots } = await selfOf(node);
  return slots.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

function* manyKeys(random: Random, count: number): Generator<Command> {
  for (let i = 0; i < count; i++) {
    const key = `key:${i}`;
    const text = random.bytes(random.int(1, 60));
    if (i % 5 === 0) yield ['RPUSH', key, text, i, text];
    else if (i % 5 === 1) yield ['HSET', key, 'number', i, 'text', text];
    else yield ['SET', key, text];
    if (i % 7 === 0) yield ['PEXPIREAT', key, 4_102_444_800_000 + i];
  }
}
