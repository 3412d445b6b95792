// The oracle for a cluster: all masters' data as one snapshot, comparable with that of a single server.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Cluster } from './cluster.ts';
import { isMaster, type NodeLine, owns, selfOf } from './cluster-view.ts';
import { type Command, pipelined, show } from './commands.ts';
import { type KeyFacts, type Snapshot, snapshot } from './oracle.ts';
import type { Server } from './servers.ts';

/**
 * `snapshot()` over all living masters, merged.
 *
 * DEBUG DIGEST mixes the number of each database into what the databases before it gave, so it can be merged where all
 * keys are in database 0 only. Else `digest` is that of `expected`, the snapshot to compare with; the digests of the
 * keys, which are all there, then speak alone.
 *
 * @throws when a key lies on a node that does not own its slot, or the masters' function libraries differ
 */
export async function clusterSnapshot(cluster: Cluster, expected?: Snapshot): Promise<Snapshot> {
  const masters = await cluster.masters();
  const snapshots: Snapshot[] = [];
  for (const master of masters) {
    await checkSlots(master);
    snapshots.push(await snapshot(master));
  }
  const [first, ...others] = snapshots as [Snapshot, ...Snapshot[]];
  const libraries = JSON.stringify(first.libraries, sortedKeys);
  for (const other of others) {
    if (JSON.stringify(other.libraries, sortedKeys) !== libraries) {
      throw new Error(`function libraries differ between ${first.server} and ${other.server}`);
    }
  }
  const databases = new Map<number, Map<string, KeyFacts>>();
  for (const { databases: own } of snapshots) {
    for (const [number, keys] of own) {
      databases.set(number, new Map([...(databases.get(number) ?? []), ...keys]));
    }
  }
  const single = [...databases.keys()].every((number) => number === 0);
  return {
    ...first,
    server: `a cluster of ${masters.map(({ name, port }) => `${name} on port ${port}`).join(', ')}`,
    digest: single ? mergedDigest(snapshots) : (expected?.digest ?? 'unknown: keys in several databases'),
    databases,
  };
}

/** When the data arrived: what idle times count from, on each node. */
export function markLoaded(cluster: Cluster): void {
  for (const node of cluster.nodes) node.loadedAt = Date.now();
}

/** Which keys (latin1) a master holds although another, or nobody, owns their slots. */
async function checkSlots(master: Server): Promise<void> {
  const self = await selfOf(master);
  if (!isMaster(self)) throw new Error(`port ${master.port} is no master any more`);
  const keyspace = String(await master.call('INFO', 'keyspace'));
  const strays: string[] = [];
  for (const [, number] of keyspace.matchAll(/^db(\d+):/gm)) {
    const client = master.connect({ db: Number(number) });
    try {
      strays.push(...(await straysOf(client, self)));
    } finally {
      client.disconnect();
    }
  }
  if (strays.length === 0) return;
  throw new Error(`${strays.length} keys on port ${master.port} in slots that it does not own: ${strays.slice(0, 5)}`);
}

/** The server says itself which slot a key has. */
async function straysOf(client: Redis, self: NodeLine): Promise<string[]> {
  const keys = await client.keysBuffer('*');
  const slots = await pipelined(
    client,
    keys.map((key): Command => ['CLUSTER', 'KEYSLOT', key]),
  );
  return keys.filter((_, index) => !owns(self, Number(slots[index]))).map(show);
}

/** What db.c's mixDigest makes of nothing and the number of database 0: each digest of a server with keys begins so. */
const DATABASE_0 = sha1(sha1(Buffer.alloc(4)));

/** The XOR of what the keys of all servers give, upon that beginning. @see computeDatasetDigest in Redis's debug.c */
function mergedDigest(snapshots: readonly Snapshot[]): string {
  const merged = Buffer.alloc(20);
  const filled = snapshots.filter(({ databases }) => databases.size > 0);
  for (const { digest } of filled) xor(xor(merged, Buffer.from(digest, 'hex')), DATABASE_0);
  return (filled.length > 0 ? xor(merged, DATABASE_0) : merged).toString('hex');
}

function xor(into: Buffer, other: Buffer): Buffer {
  for (let index = 0; index < into.length; index++) into[index]! ^= other[index]!;
  return into;
}

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest();
}

/** For JSON.stringify: records with their names in order. */
function sortedKeys(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
