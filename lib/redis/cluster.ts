// A cluster as a fleet: asks its nodes for the map, follows it when slots move and masters change.
import { ConnectionError, KeyferryError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { type AddressMap, type ClusterMap, NOBODY, nodeEndpoint, parseClusterSlots } from './cluster-slots.ts';
import { Control, type ControlReply } from './control.ts';
import { Controls } from './controls.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Fleet, Master } from './fleet.ts';
import { Refresher } from './refresher.ts';
import { keySlot } from './slots.ts';

export interface ClusterOptions {
  /** Any node. */
  readonly seed: Endpoint;
  readonly addressMap?: AddressMap | undefined;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Maps are not asked for more often than this; ms. */
const REFRESH_MS = 100;
/** How long one node may take to tell the map, before another one is asked; ms. */
const ASK_MS = 2000;

export class Cluster implements Fleet {
  readonly kind = 'cluster';
  readonly bySlot = true;
  readonly name: string;
  readonly #options: ClusterOptions;
  readonly #controls: Controls;
  readonly #refresher: Refresher;
  #map: ClusterMap = { masters: [], owners: new Uint16Array(0), nodes: [] };
  /** Every node that was ever heard of: any of them may be the one that is left to ask. */
  readonly #known = new Map<string, Endpoint>();

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.name = showEndpoint(options.seed);
    this.#known.set(this.name, options.seed);
    this.#controls = new Controls(options);
    this.#refresher = new Refresher(() => this.#refresh(), REFRESH_MS, options.clock, options.signal);
  }

  /**
   * Asks the seed for the map.
   *
   * @param control of the seed
   * @throws {TargetError} what the seed refuses; {ConnectionError} `CLUSTER_DOWN` when slots have no master and get none
   * within the patience
   */
  static async open(options: ClusterOptions, control: Control): Promise<Cluster> {
    const cluster = new Cluster(options);
    cluster.#controls.add(control);
    const deadline = options.clock.now() + options.patienceMs;
    for (;;) {
      cluster.#take(await control.call(0, 'CLUSTER', 'SLOTS'), options.seed);
      if (!cluster.#map.owners.includes(NOBODY)) return cluster;
      if (options.clock.now() > deadline) throw cluster.#incomplete();
      await options.clock.sleep(REFRESH_MS, options.signal);
    }
  }

  get masters(): readonly Master[] {
    return this.#map.masters;
  }

  masterOf(slot: number): number {
    const owner = this.#map.owners[slot] as number;
    // Nobody's for now: any node answers CLUSTERDOWN or knows better.
    return owner === NOBODY ? 0 : owner;
  }

  locate(key: Buffer): Endpoint {
    return (this.masters[this.masterOf(keySlot(key))] as Master).endpoint;
  }

  redirect(reply: ErrorReply): Endpoint | undefined {
    const address = /^(?:MOVED|ASK) \d+ (\S*):(\d+)$/.exec(reply.text);
    if (address === null) return undefined;
    const { seed, addressMap } = this.#options;
    return nodeEndpoint(address[1] as string, Number(address[2]), { seed, map: addressMap }, seed);
  }

  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  control(endpoint: Endpoint): Control {
    return this.#controls.of(endpoint);
  }

  end(): void {
    this.#controls.end();
  }

  async #refresh(): Promise<void> {
    // Masters first, then whoever else was seen: a node that has left may still answer with an old map.
    const nodes = new Map(this.masters.map(({ endpoint }) => [showEndpoint(endpoint), endpoint]));
    for (const [name, endpoint] of this.#known) nodes.set(name, endpoint);
    for (const endpoint of nodes.values()) {
      if (this.#options.signal?.aborted) return;
      const reply = await this.#ask(endpoint);
      if (reply !== undefined) {
        try {
          if (this.#take(reply, endpoint)) return;
        } catch (error) {
          if (!(error instanceof KeyferryError)) throw error;
        }
      }
    }
  }

  /** One question to one node, without patience: there are others. */
  async #ask(endpoint: Endpoint): Promise<ControlReply | undefined> {
    const control = new Control({ ...this.#options, endpoint, patienceMs: 0, replyTimeoutMs: ASK_MS });
    try {
      const reply = await control.answer(0, 'CLUSTER', 'SLOTS');
      return reply instanceof ErrorReply ? undefined : reply;
    } catch (error) {
      if (error instanceof KeyferryError) return undefined;
      throw error;
    } finally {
      control.end();
    }
  }

  /** @returns false for a node that knows of no slots, since it stands alone or is starting: others know better */
  #take(reply: ControlReply, asked: Endpoint): boolean {
    const { seed, addressMap } = this.#options;
    const map = parseClusterSlots(reply, { seed, map: addressMap }, asked, this.masters);
    if (map.masters.length === 0 && this.masters.length > 0) return false;
    this.#map = map;
    for (const endpoint of map.nodes) this.#known.set(showEndpoint(endpoint), endpoint);
    return true;
  }

  #incomplete(): ConnectionError {
    const missing = this.#map.owners.reduce((sum, owner) => sum + (owner === NOBODY ? 1 : 0), 0);
    return new ConnectionError('CLUSTER_DOWN', `the cluster has ${missing} slots that no node serves.`, {
      where: this.name,
      remedy: 'Mend it first (redis-cli --cluster fix). Then run the same command again.',
    });
  }
}
