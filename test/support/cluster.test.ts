// The test clusters themselves, and their oracle: what a test may rely on when it starts one.
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Cluster, withCluster } from './cluster.ts';
import { clusterSnapshot } from './cluster-oracle.ts';
import { until } from './cluster-view.ts';
import { type Argument, type Command, pipelined } from './commands.ts';
import { compare, snapshot } from './oracle.ts';
import { runs } from './random.ts';
import { availableServers, lacks, type Server, startServer } from './servers.ts';

/** 300 keys of some types over all slots, and 20 in the slot of `moved`. */
const DATA: Command[] = [
  ...Array.from({ length: 100 }, (_, i): Command[] => [
    ['SET', `string ${i}`, `value ${i}`],
    ['RPUSH', `list ${i}`, 'a', 'b', i],
    ['HSET', `hash ${i}`, 'f', i, 'g', 'x'.repeat(i)],
  ]).flat(),
  ...Array.from({ length: 20 }, (_, i): Command => ['SET', `{moved}:${i}`, i]),
];

/** The first slot of each of three masters. */
const RANGES = [0, 5461, 10_923];

/** Sends each command to the node that owns its key's slot. */
async function fill(cluster: Cluster, commands: readonly Command[], db = 0): Promise<void> {
  const slots = (await pipelined(
    cluster.nodes[0]!.client,
    commands.map(([, key]): Command => ['CLUSTER', 'KEYSLOT', key as Argument]),
  )) as number[];
  const byNode = Map.groupBy(commands, (_, index) => RANGES.findLastIndex((first) => first <= slots[index]!));
  for (const [index, own] of byNode) await pipelined(cluster.nodes[index]!.connect({ db }), own);
}

const slotOf = async (cluster: Cluster, key: string): Promise<number> =>
  Number(await cluster.nodes[0]!.call('CLUSTER', 'KEYSLOT', key));

/** The oldest and the newest; in test:deep all. */
const available = availableServers();
const versions = runs(2, available.length) > 2 ? available : [...new Set([available[0]!, available.at(-1)!])];

const another = (nodes: readonly Server[], node: Server): Server => nodes.find((each) => each !== node)!;

for (const name of versions) {
  test(`${name}: forms, moves slots both ways, reads as one server, promotes a replica`, async () => {
    await using single = await startServer(name);
    await pipelined(single.client, DATA);
    const expected = await snapshot(single);
    await withCluster(name, {}, async (cluster) => {
      const masters = await cluster.masters();
      expect(masters).toEqual(cluster.nodes.slice(0, 3));
      for (const master of masters) expect(await cluster.replicasOf(master)).toHaveLength(1);
      await fill(cluster, DATA);
      const same = async (): Promise<void> => {
        // MIGRATE does not carry idle times
        expect(compare(expected, await clusterSnapshot(cluster), { ignoreAccess: true })).toEqual([]);
      };
      await same();

      const slot = await slotOf(cluster, '{moved}');
      const home = await cluster.slotOwner(slot);
      const away = another(masters, home);
      await cluster.moveSlot(slot, away);
      expect(await cluster.slotOwner(slot)).toBe(away);
      await cluster.settled();
      await same();

      const moving = cluster.moveSlot(slot, home, { keyDelayMs: 30 });
      // on its way some keys are here and some are there
      const seen = async (): Promise<number> => Number(await home.call('CLUSTER', 'COUNTKEYSINSLOT', slot));
      await expect.poll(seen, { interval: 10 }).toSatisfy((count) => count > 3 && count < 17);
      await expect(away.call('GET', '{moved}:none')).rejects.toThrow(`ASK ${slot} 127.0.0.1:${home.port}`);
      await moving;
      await cluster.settled();
      await same();

      const [heir] = await cluster.replicasOf(home);
      const fallen = await cluster.killMaster(home);
      expect(await cluster.awaitPromotion(fallen)).toBe(heir);
      expect(await cluster.masters()).toContain(heir);
      await same();
    });
  });
}

const lacking = lacks('redis-7.0');

// They mostly wait: a node takes no writes in its first 2 s.
describe.skipIf(lacking !== '').concurrent(`with Redis 7.0${lacking}`, () => {
  test('a paused master comes back as a replica', async () => {
    await withCluster('redis-7.0', { nodeTimeoutMs: 800 }, async (cluster) => {
      const paused = await cluster.pauseMaster(0);
      const heir = await cluster.awaitPromotion(paused);
      cluster.resume(paused);
      await until('a replica again', 10_000, async () =>
        (await cluster.replicasOf(heir)).includes(paused) ? undefined : 'it still takes itself for a master',
      );
      await cluster.settled();
    });
  });

  test('a node comes, takes a slot, gives it back and goes', async () => {
    await withCluster('redis-7.0', { replicas: 0 }, async (cluster) => {
      await fill(cluster, DATA);
      const slot = await slotOf(cluster, '{moved}');
      const home = await cluster.slotOwner(slot);
      const guest = await cluster.addNode();
      await cluster.moveSlot(slot, guest);
      expect(await guest.call('DBSIZE')).toBe(20);
      const replica = await cluster.addNode({ replicaOf: guest });
      expect(await cluster.replicasOf(guest)).toEqual([replica]);
      await cluster.moveSlot(slot, home);
      await cluster.removeNode(replica);
      await cluster.removeNode(guest);
      expect(cluster.nodes).toHaveLength(3);
    });
  });

  test('a key on a node that does not own its slot is an error of the snapshot', async () => {
    await withCluster('redis-7.0', { replicas: 0 }, async (cluster) => {
      const slot = await slotOf(cluster, 'stray');
      const home = await cluster.slotOwner(slot);
      const wrong = another(cluster.nodes, home);
      const id = String(await home.call('CLUSTER', 'MYID'));
      await wrong.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', id);
      const importing = wrong.connect();
      await importing.asking();
      await importing.set('stray', 'x');
      await expect(clusterSnapshot(cluster)).rejects.toThrow(`1 keys on port ${wrong.port} in slots`);
    });
  });

  test('a password holds for replicas and for moving keys', async () => {
    await withCluster('redis-7.0', { config: { requirepass: 'secret' } }, async (cluster) => {
      await fill(cluster, DATA);
      const slot = await slotOf(cluster, '{moved}');
      const to = another(await cluster.masters(), await cluster.slotOwner(slot));
      await cluster.moveSlot(slot, to);
      expect(await to.call('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(20);
    });
  });
});

const announced = [
  ['redis-6.0', 'port'],
  ['redis-7.0', 'port'],
  ['redis-7.0', 'hostname'],
  ['valkey-9.1', 'hostname'],
] as const;
const reachable = announced.filter(([name]) => available.includes(name));

test.concurrent.each(reachable)('%s announced by %s sends clients where nobody is', async (name, announce) => {
  await withCluster(name, { announce, replicas: announce === 'hostname' ? 1 : 0 }, async (cluster) => {
    const owner = await cluster.slotOwner(await slotOf(cluster, 'key'));
    const asked = another(await cluster.masters(), owner);
    const moved = await asked.call('GET', 'key').catch((error: Error) => error.message);
    const [, , address] = String(moved).split(' ');
    expect(cluster.addressMap).toContainEqual({ announced: address, real: `127.0.0.1:${owner.port}` });
    const [host, port] = address!.split(':');
    const failure = await new Promise((settle) => connect({ host: host!, port: Number(port) }).once('error', settle));
    expect(String(failure)).toMatch(/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/);
  });
});

test.skipIf(lacks('valkey-9.1') !== '')(`databases in cluster mode move too${lacks('valkey-9.1')}`, async () => {
  await using single = await startServer('valkey-9.1');
  await pipelined(single.client, DATA);
  await pipelined(single.connect({ db: 7 }), DATA);
  const expected = await snapshot(single);
  await withCluster('valkey-9.1', { replicas: 0, config: { 'cluster-databases': '16' } }, async (cluster) => {
    await fill(cluster, DATA);
    await fill(cluster, DATA, 7);
    const slot = await slotOf(cluster, '{moved}');
    await cluster.moveSlot(slot, another(await cluster.masters(), await cluster.slotOwner(slot)));
    await cluster.settled();
    expect(compare(expected, await clusterSnapshot(cluster, expected), { ignoreAccess: true })).toEqual([]);
  });
});
