// The servers that together hold a source's data: one, or one for each shard of a cluster, masters or replicas of them.
import { SourceError } from '../../errors.ts';
import type { TypeSupport } from '../../rdb/reencode.ts';
import type { AddressMap } from '../../redis/cluster-slots.ts';
import { nodeEndpoint } from '../../redis/cluster-slots.ts';
import type { ControlReply } from '../../redis/control.ts';
import { type Endpoint, type RedisUrl, showEndpoint } from '../../redis/endpoint.ts';
import type { Fleet, Master } from '../../redis/fleet.ts';
import { openFleet } from '../../redis/open-fleet.ts';
import { parseInfo, typeSupport } from '../../redis/server-info.ts';
import { SLOTS } from '../../redis/slots.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';

/** First and last slot. */
export type SlotRange = readonly [from: number, to: number];

export interface Shard {
  /** Where its data is read. */
  readonly endpoint: Endpoint;
  readonly role: 'master' | 'replica';
  /** Of a cluster: what it serves; else `undefined`. */
  readonly slots: readonly SlotRange[] | undefined;
}

export interface ShardOptions {
  readonly source: RedisUrl;
  /** `replica`: one that is online, of each master that has one. Default `master`: the server that the URL leads to. */
  readonly prefer?: 'master' | 'replica' | undefined;
  readonly addressMap?: AddressMap | undefined;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class Shards {
  readonly kind: Fleet['kind'];
  readonly list: readonly Shard[];
  /** What somebody should know who reads the data. */
  readonly warnings: readonly string[];
  readonly #fleet: Fleet;

  private constructor(fleet: Fleet, list: readonly Shard[], warnings: readonly string[]) {
    this.kind = fleet.kind;
    this.list = list;
    this.warnings = warnings;
    this.#fleet = fleet;
  }

  /**
   * Asks the source what it is. Of a cluster every slot has its shard.
   *
   * @throws {TargetError} what the server refuses; {ConnectionError} when it is not there, `CLUSTER_DOWN` when slots have
   * no master; {SourceError} `SOURCE_SLOTS_MOVED` when slots are on their way
   */
  static async find(options: ShardOptions): Promise<Shards> {
    const { fleet } = await openFleet({ ...options, target: options.source, role: 'source' });
    try {
      const warnings: string[] = [];
      const list: Shard[] = [];
      await refuseMigrations(fleet);
      for (const [index, master] of fleet.masters.entries()) {
        const slots = fleet.kind === 'cluster' ? slotsOf(fleet, index) : undefined;
        const replica = options.prefer === 'replica' ? await replicaOf(fleet, master, options, warnings) : undefined;
        list.push({ endpoint: replica ?? master.endpoint, role: replica === undefined ? 'master' : 'replica', slots });
      }
      list.sort((a, b) => (a.slots?.[0]?.[0] ?? 0) - (b.slots?.[0]?.[0] ?? 0));
      return new Shards(fleet, list, warnings);
    } catch (error) {
      fleet.end();
      throw error;
    }
  }

  /**
   * Looks whether every shard still serves what it did: keys of a slot that has moved in between are in two shards, or
   * in none.
   *
   * @throws {SourceError} `SOURCE_SLOTS_MOVED`
   */
  async checkUnmoved(): Promise<void> {
    if (this.kind !== 'cluster') return;
    await this.#fleet.refresh();
    const now = new Set(this.#fleet.masters.map((_, index) => showSlots(slotsOf(this.#fleet, index))));
    const gone = this.list.filter(({ slots }) => !now.has(showSlots(slots ?? [])));
    if (gone.length > 0) {
      const what = gone.map(({ endpoint, slots }) => `${showEndpoint(endpoint)} had ${showSlots(slots ?? [])}`);
      throw slotsMoved(this.#fleet.name, `slots have changed their master meanwhile: ${what.join('; ')}.`);
    }
    await refuseMigrations(this.#fleet);
  }

  /** What each writes its RDB for; nothing of a server that may not be asked (INFO). */
  async versions(): Promise<TypeSupport[]> {
    const found: TypeSupport[] = [];
    for (const { endpoint } of this.list) {
      const reply = await this.#fleet.control(endpoint).answer(0, 'INFO', 'server');
      const support = reply instanceof ErrorReply ? undefined : typeSupport(parseInfo(String(reply)));
      if (support !== undefined) found.push(support);
    }
    return found;
  }

  end(): void {
    this.#fleet.end();
  }
}

/** `0-5460,5462`. */
export function showSlots(slots: readonly SlotRange[]): string {
  return slots.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** @param found what shows it */
export function slotsMoved(where: string, found: string): SourceError {
  return new SourceError('SOURCE_SLOTS_MOVED', found, {
    where,
    remedy: 'Run the same command again when the slots stay where they are (redis-cli --cluster check).',
  });
}

function slotsOf(fleet: Fleet, index: number): SlotRange[] {
  const ranges: [number, number][] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    if (fleet.masterOf(slot) !== index) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges;
}

/** A node marks slots that are on their way in its own line of CLUSTER NODES: `[93->-id]`, `[93-<-id]`. */
async function refuseMigrations(fleet: Fleet): Promise<void> {
  if (fleet.kind !== 'cluster') return;
  for (const { endpoint } of fleet.masters) {
    const reply = await fleet.control(endpoint).answer(0, 'CLUSTER', 'NODES');
    if (reply instanceof ErrorReply) continue; // not permitted: the map before and after has to do
    const own = /^.*\bmyself\b.*$/m.exec(String(reply))?.[0] ?? '';
    const moving = [...own.matchAll(/\[(\d+)-[<>]-/g)].map(([, slot]) => slot);
    if (moving.length > 0) {
      throw slotsMoved(showEndpoint(endpoint), `slots are on their way to or from this node: ${moving.join(', ')}.`);
    }
  }
}

/** The replica of a master that has received the most, of those that are online. */
async function replicaOf(
  fleet: Fleet,
  { endpoint }: Master,
  { source, addressMap }: ShardOptions,
  warnings: string[],
): Promise<Endpoint | undefined> {
  const name = showEndpoint(endpoint);
  const reply = await fleet.control(endpoint).answer(0, 'INFO', 'replication');
  if (reply instanceof ErrorReply) {
    warnings.push(`${name} may not be asked for its replicas (INFO): it is read itself.`);
    return undefined;
  }
  const [best] = onlineReplicas(reply).sort((a, b) => b.offset - a.offset);
  // A replica that the URL names is what was asked for.
  if (best === undefined && !/^role:slave/m.test(String(reply))) {
    warnings.push(`${name} has no replica that is online: it is read itself.`);
  }
  return best && nodeEndpoint(best.host, best.port, { seed: source, map: addressMap }, endpoint);
}

function onlineReplicas(info: ControlReply): { host: string; port: number; offset: number }[] {
  return [...String(info).matchAll(/^slave\d+:(.*)$/gm)].flatMap(([, line = '']) => {
    const fields = new Map(
      line
        .trim()
        .split(',')
        .map((field) => field.split('=', 2) as [string, string]),
    );
    const port = Number(fields.get('port'));
    // A port of 0 is that of a client such as this one.
    if (fields.get('state') !== 'online' || !(port > 0)) return [];
    return [{ host: fields.get('ip') ?? '', port, offset: Number(fields.get('offset') ?? 0) }];
  });
}
