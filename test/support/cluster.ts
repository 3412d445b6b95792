// Real clusters for tests: six processes on loopback ports, slots that move, masters that die; all end with the test.
import type { Redis } from 'ioredis';
import { type ClusterOptions, deadPort, hostname, meet, startNode } from './cluster-node.ts';
import { type MoveOptions, moveSlot } from './cluster-slots.ts';
import { isMaster, type NodeLine, owns, SLOTS, selfOf, unsettled, until } from './cluster-view.ts';
import type { Server, ServerName } from './servers.ts';

export type { ClusterOptions } from './cluster-node.ts';

/** A node of which a client reads one address and can reach it at another. */
export interface AddressPair {
  readonly announced: string;
  readonly real: string;
}

const FORMING_MS = 20_000;
const PROMOTION_MS = 30_000;

/**
 * Starts the processes, joins them, and waits until all agree and each replica is in sync: 2.1 s, of which
 * 2.0 s are the time in which a node that has just begun takes no writes.
 */
export async function startCluster(name: ServerName, options: ClusterOptions = {}): Promise<Cluster> {
  const { masters = 3, replicas = 1 } = options;
  if (options.announce === 'port' && replicas > 0) throw new Error('replicas cannot follow a port that is not there');
  const count = masters * (1 + replicas);
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => startNode(name, index, options)),
  );
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const cluster = new Cluster(name, nodes, options);
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    await cluster.form(masters);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Runs `use` with a cluster that is stopped afterwards, whatever happened. */
export async function withCluster<T>(
  name: ServerName,
  options: ClusterOptions,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  await using cluster = await startCluster(name, options);
  return await use(cluster);
}

export class Cluster implements AsyncDisposable {
  /** All nodes ever started, the first masters first. Killed ones stay in the list, removed ones do not. */
  readonly nodes: Server[];
  readonly #name: ServerName;
  readonly #options: ClusterOptions;
  readonly #ids = new Map<Server, string>();
  readonly #dead = new Set<Server>();
  /** Nodes that were removed and serve on alone. */
  readonly #expelled: Server[] = [];
  readonly #paused = new Set<Server>();
  /** Replicas of a master, as they were when it was killed or paused. */
  readonly #heirs = new Map<Server, Server[]>();

  constructor(name: ServerName, nodes: Server[], options: ClusterOptions) {
    this.#name = name;
    this.nodes = nodes;
    this.#options = options;
  }

  /** Joins nodes that know nothing of each other: slots in the ranges of redis-cli --cluster create, replicas in turn. Called once. */
  async form(masters: number): Promise<void> {
    const bounds = Array.from({ length: masters + 1 }, (_, index) => Math.round((index * SLOTS) / masters));
    for (const [index, node] of this.nodes.entries()) {
      // else all begin with the same epoch, and settle in some rounds who goes first
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      if (index < masters) await node.call('CLUSTER', 'ADDSLOTS', ...range(bounds[index]!, bounds[index + 1]!));
      for (const earlier of this.nodes.slice(0, index)) await meet(node, earlier);
    }
    for (const [index, node] of this.nodes.entries()) {
      this.#ids.set(node, (await selfOf(node)).id);
      if (index >= masters) await this.#replicate(node, this.nodes[index % masters]!);
    }
    await this.settled();
  }

  /** Of a node that lives. */
  get url(): string {
    return this.live[0]!.url;
  }

  /** Nodes that neither were killed nor are paused. */
  get live(): Server[] {
    return this.nodes.filter((node) => !this.#dead.has(node) && !this.#paused.has(node));
  }

  /** The living masters, in the order of `nodes`. */
  async masters(): Promise<Server[]> {
    return (await this.#selves()).filter(([, self]) => isMaster(self)).map(([node]) => node);
  }

  /** The living replicas of a master, be it alive or not. */
  async replicasOf(master: Server): Promise<Server[]> {
    const id = this.#ids.get(master);
    return (await this.#selves()).filter(([, self]) => self.masterId === id).map(([node]) => node);
  }

  /** The node that says of itself that the slot is its own. @throws when none does, as after a kill */
  async slotOwner(slot: number): Promise<Server> {
    const [owner] = (await this.#selves()).find(([, self]) => isMaster(self) && owns(self, slot)) ?? [];
    if (owner === undefined) throw new Error(`nobody owns slot ${slot}`);
    return owner;
  }

  /**
   * Moves a slot with its keys to another master, with what clients meet on the way: ASK, TRYAGAIN, then MOVED. The
   * keys' idle times begin anew. Don't kill either side meanwhile: what was moved by then would belong to nobody.
   */
  async moveSlot(slot: number, to: Server, options: MoveOptions = {}): Promise<void> {
    const from = await this.slotOwner(slot);
    if (from === to) return;
    const password = this.#options.config?.requirepass;
    await moveSlot({ slot, from, to, masters: await this.masters(), password, ...options });
  }

  /** Ends a node as a power cut would; a number is that of a master among the living ones. Gives the node. */
  async killMaster(master: Server | number): Promise<Server> {
    const node = await this.#fall(master);
    this.#dead.add(node);
    await node.kill();
    return node;
  }

  /** Stops a master in its tracks (SIGSTOP), so that its connections stay and it comes back by `resume`. */
  async pauseMaster(master: Server | number): Promise<Server> {
    const node = await this.#fall(master);
    this.#paused.add(node);
    node.process.kill('SIGSTOP');
    return node;
  }

  /** Lets a paused node go on. Where a replica has taken its place meanwhile, it becomes a replica: see `settled`. */
  resume(node: Server): void {
    this.#paused.delete(node);
    node.process.kill('SIGCONT');
  }

  /** Waits until a replica of the fallen master is master in its place and all agree; gives the new master. */
  async awaitPromotion(fallen: Server): Promise<Server> {
    const heirs = this.#heirs.get(fallen) ?? [];
    let heir: Server | undefined;
    await until('promotion', PROMOTION_MS, async () => {
      for (const each of heirs) if (isMaster(await selfOf(each))) heir = each;
      return heir === undefined ? `nobody has taken the place of port ${fallen.port}` : unsettled(this.live);
    });
    return heir!;
  }

  /** Starts one more node: a master without slots, or a replica. */
  async addNode({ replicaOf }: { replicaOf?: Server } = {}): Promise<Server> {
    const node = await startNode(this.#name, this.nodes.length, this.#options);
    const others = this.live;
    this.nodes.push(node);
    this.#ids.set(node, (await selfOf(node)).id);
    for (const other of others) await meet(node, other);
    if (replicaOf !== undefined) await this.#replicate(node, replicaOf);
    await this.settled();
    return node;
  }

  /**
   * Has all others forget a node, and ends it; or, as redis-cli --cluster del-node does, leaves it there as a cluster of
   * its own without slots (`reset`). Move its slots away before.
   */
  async removeNode(node: Server, how: 'stop' | 'reset' = 'stop'): Promise<void> {
    const id = this.#ids.get(node)!;
    this.nodes.splice(this.nodes.indexOf(node), 1);
    if (how === 'stop') await node.stop();
    else this.#expelled.push(node);
    for (const other of this.live) await other.call('CLUSTER', 'FORGET', id);
    if (how === 'reset') await node.call('CLUSTER', 'RESET', 'SOFT');
    await this.settled();
  }

  /** A connection to each living node. */
  connectAll(): Redis[] {
    return this.live.map((node) => node.connect());
  }

  /** What a client has to be told where the announced addresses can't be reached; empty without `announce`. */
  get addressMap(): AddressPair[] {
    const { announce } = this.#options;
    if (announce === undefined) return [];
    return this.nodes.map((node, index) => ({
      announced: announce === 'hostname' ? `${hostname(index)}:${node.port}` : `${node.host}:${deadPort(index)}`,
      real: `${node.host}:${node.port}`,
    }));
  }

  /** Waits until all living nodes agree on everything and each replica is in sync. */
  settled(): Promise<void> {
    return until('a settled cluster', FORMING_MS, () => unsettled(this.live));
  }

  /** Ends all processes and removes their folders. */
  async stop(): Promise<void> {
    await Promise.all([...this.nodes, ...this.#expelled].map((node) => node.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #selves(): Promise<[Server, NodeLine][]> {
    return Promise.all(this.live.map(async (node): Promise<[Server, NodeLine]> => [node, await selfOf(node)]));
  }

  async #fall(master: Server | number): Promise<Server> {
    const node = typeof master === 'number' ? (await this.masters())[master] : master;
    if (node === undefined) throw new Error(`there is no master ${String(master)}`);
    this.#heirs.set(node, await this.replicasOf(node));
    return node;
  }

  async #replicate(node: Server, master: Server): Promise<void> {
    const id = this.#ids.get(master)!;
    await until('a replica', FORMING_MS, async () => {
      try {
        await node.call('CLUSTER', 'REPLICATE', id);
        return undefined;
      } catch (error) {
        // as long as it has not heard of its master
        return String(error);
      }
    });
  }
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}
