// A live server, cluster or proxy as a source that is scanned: all nodes, all databases, each key with what belongs to it.
import { SourceError } from '../../errors.ts';
import type { FilterRules } from '../../filter/filter.ts';
import { compileGlob } from '../../filter/glob.ts';
import { redisTypes, type ValueKind, valkeyTypes } from '../../rdb/types.ts';
import { Backoff } from '../../redis/backoff.ts';
import { passes } from '../../redis/batch.ts';
import { type AddressMap, nodeEndpoint } from '../../redis/cluster-slots.ts';
import { type Command, PipeBroken } from '../../redis/command-pipe.ts';
import type { ControlReply } from '../../redis/control.ts';
import type { Endpoint, RedisUrl } from '../../redis/endpoint.ts';
import { describeFleet, type Fleet, type Master } from '../../redis/fleet.ts';
import { openFleet } from '../../redis/open-fleet.ts';
import { type Rate, RateLimit } from '../../redis/rate-limit.ts';
import { atLeast, parseInfo, type ServerInfo, typeSupport } from '../../redis/server-info.ts';
import { keySlot, SLOTS } from '../../redis/slots.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import { isTemporaryKey } from '../../targets/redis/temporary-key.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { DatabaseScan, type ReadPage, SCANNED } from './database-scan.ts';
import { keyList } from './key-list.ts';
import { type DatabaseKeys, parseKeyspace, parseMasterIds, parseNodeCount, parseReplicas } from './keyspace.ts';
import { merge } from './merge.ts';
import { countProcesses, NodeRounds } from './node-rounds.ts';
import { type NodeFacts, type NodeScanOptions, openPipes, scanNode } from './node-scan.ts';
import { PageSize } from './page-size.ts';
import type { ScanEntry, ScanPage } from './scan-entry.ts';
import { type ScanCloud, scanCommand } from './spelling.ts';
import { readByType } from './value-by-type.ts';

export interface ScanSourceOptions {
  readonly source: RedisUrl;
  readonly addressMap?: AddressMap | undefined;
  /** A proxy before a cluster that names the node in SCAN. */
  readonly cloud?: ScanCloud | undefined;
  /** Reads from a replica of each master, where there is one. Default `master`. */
  readonly prefer?: 'master' | 'replica' | undefined;
  /** A file with a key on each line, of the URL's database: those are read, and nothing is scanned. */
  readonly keyFile?: string | undefined;
  /** Which keys; without `dbs`, of the URL's database where it names one. Of other databases, and other names, nothing is read but the name. */
  readonly filter?: FilterRules | undefined;
  /** Takes idle times or frequencies along, whichever the server keeps. Default false. */
  readonly access?: boolean | undefined;
  /** Sockets to each node. Default 2. */
  readonly connections?: number | undefined;
  /** Names a page at most: SCAN's COUNT. Default 4096; fewer where the server takes long, or values are large. */
  readonly count?: number | undefined;
  /** Keys and bytes a second, of all nodes together. */
  readonly rate?: Rate | undefined;
  /**
   * A value that takes so much of the server's memory is not read by one DUMP but in parts. Default 256 MiB. Where the
   * server holds less altogether, nobody needs to ask how large values are.
   */
  readonly dumpBytes?: number | undefined;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
}

const DEFAULT_CONNECTIONS = 2;
/** The stream of the keys that a file names. */
const KEY_LIST = 'key-list';
export const DEFAULT_DUMP_BYTES = 256 * 1024 * 1024;
const TOUCHING =
  'The source has no CLIENT NO-TOUCH (7.2), or not for this user: to it, every key that is read was just used, which its eviction (LRU, LFU) goes by.';
/** A cluster whose slots keep moving ends the scan after so many rounds. */
const MOST_ROUNDS = 10;
/** Enough to find one that is wanted, where all are. */
const SAMPLED_KEYS = 100;

/** A key of a node's that comes to be another's is found only if that one is scanned, again where it was before. */
interface Scanned {
  readonly runId: string;
  /** Its slots when its scan began. */
  readonly slots: Uint8Array | undefined;
}

export class ScanSource {
  /** What the first master says of itself; hidden fields are empty. */
  readonly server: ServerInfo;
  /** Keys of the wanted databases, as the nodes told when the scan was opened. */
  readonly databases: readonly DatabaseKeys[];
  /** What people should know; more may come while the scan runs. */
  readonly warnings: string[] = [];
  /** How often a node's scan began anew. */
  restarts = 0;
  readonly #options: ScanSourceOptions;
  readonly #fleet: Fleet;
  readonly #rate: RateLimit;
  readonly #wants: (key: Buffer) => boolean;

  /** The databases that are wanted; `undefined` for all. */
  readonly #dbs: readonly number[] | undefined;

  private constructor(options: ScanSourceOptions, fleet: Fleet, server: ServerInfo, databases: DatabaseKeys[]) {
    this.#options = options;
    this.#dbs = wantedDbs(options);
    this.#fleet = fleet;
    this.server = server;
    this.databases = databases;
    this.#rate = new RateLimit(options.rate ?? {}, options.clock);
    const globs = options.filter?.match?.map(compileGlob);
    this.#wants = (key) => !isTemporaryKey(key) && (globs === undefined || globs.some((matches) => matches(key)));
  }

  /** Finds the nodes and asks them what they hold. @throws as openFleet does */
  static async open(options: ScanSourceOptions): Promise<ScanSource> {
    const { fleet, servers, told } = await openFleet({
      ...options,
      target: options.source,
      role: 'source',
      single: options.cloud !== undefined,
    });
    const databases = new Map<number, DatabaseKeys>();
    for (const { endpoint } of fleet.masters) {
      const reply = await fleet.control(endpoint).answer(0, 'INFO', 'keyspace');
      if (reply instanceof ErrorReply) continue;
      for (const { db, keys, expires } of parseKeyspace(String(reply))) {
        if (!(wantedDbs(options)?.includes(db) ?? true)) continue;
        const sum = databases.get(db);
        databases.set(db, { db, keys: (sum?.keys ?? 0) + keys, expires: (sum?.expires ?? 0) + expires });
      }
    }
    const source = new ScanSource(options, fleet, servers[0] as ServerInfo, [...databases.values()]);
    if (!told)
      source.#warn(
        'The user may not call INFO on the source: its version is guessed, and only the databases are read that --only-db names, else 0.',
      );
    return source;
  }

  get fleet(): Fleet {
    return this.#fleet;
  }

  get name(): string {
    return this.#fleet.name;
  }

  /** False where nothing tells whether the cursors of an earlier run are those of the same process. */
  get resumable(): boolean {
    return this.server.runId !== '' && this.#options.cloud === undefined;
  }

  /** True when not all keys are wanted. */
  get narrowed(): boolean {
    const { match, kinds } = this.#options.filter ?? {};
    return match !== undefined || kinds !== undefined || this.#options.keyFile !== undefined;
  }

  /** In words: engine, version and, of a cluster, its size. */
  describe(): string {
    return describeFleet(this.#fleet, this.server);
  }

  /** Some key that will be read; `undefined` where none is found at once. */
  async sample(): Promise<{ db: number; key: Buffer } | undefined> {
    for (const { db } of this.databases) {
      for (const { endpoint } of this.#fleet.masters) {
        const [name, ...args] = this.#scan('0', SAMPLED_KEYS) as [string, ...(string | Buffer)[]];
        const reply = await this.#fleet.control(endpoint).answer(db, name, ...args);
        const keys = Array.isArray(reply) && Array.isArray(reply[1]) ? (reply[1] as Buffer[]) : [];
        const key = keys.find((each) => this.#wants(each));
        if (key !== undefined) return { db, key };
      }
    }
    return undefined;
  }

  /**
   * Every key that is there throughout, at least once; perhaps more than once, also with another value.
   *
   * @param places where earlier runs came to: the `to` of each stream's last page that need not be read again
   * @throws {SourceError} `SOURCE_UNSTABLE`; {KeyferryError} what ends the scan of a node
   */
  async *pages(places: ReadonlyMap<string, string> = new Map()): AsyncGenerator<ScanPage, void, undefined> {
    if (this.#options.keyFile !== undefined) {
      yield* this.#listed(this.#options.keyFile, places);
      return;
    }
    if (this.#options.cloud !== undefined) {
      const nodes = await this.#cloudNodes(this.#options.cloud);
      const proxy = this.#fleet.masters[0] as Master;
      yield* merge(nodes.map((node) => scanNode({ ...this.#nodeOptions(proxy, places, node), id: node })));
      return;
    }
    /** By the master's id. */
    const scanned = new Map<string, Scanned>();
    const rounds = new NodeRounds(places);
    for (let round = 1; ; round++) {
      const left = this.#fleet.masters.filter((master) => !this.#isScanned(master, scanned.get(master.id)));
      if (left.length === 0) return;
      if (round > MOST_ROUNDS) throw this.#unstable();
      if (round > 1) this.restarts += left.length;
      yield* merge(left.map((master) => this.#node(master, places, rounds, scanned)));
      await this.#fleet.refresh();
    }
  }

  /**
   * The code of each function library.
   */
  async functions(): Promise<Buffer[]> {
    const libraries = new Map<string, Buffer>();
    for (const { endpoint } of this.#fleet.masters) {
      const reply = await this.#fleet.control(endpoint).answer(0, 'FUNCTION', 'LIST', 'WITHCODE');
      if (reply instanceof ErrorReply) {
        // Servers before 7.0 have none.
        if (reply.code === 'NOPERM')
          this.#warn('The user may not call FUNCTION LIST on the source: function libraries are left behind.');
        return [...libraries.values()];
      }
      for (const library of reply as ControlReply[][]) {
        const [name, code] = [fieldOf(library, 'library_name'), fieldOf(library, 'library_code')];
        if (name !== undefined && code !== undefined) libraries.set(name.toString('latin1'), code);
      }
    }
    return [...libraries.values()];
  }

  end(): void {
    this.#fleet.end();
  }

  async *#node(
    master: Master,
    places: ReadonlyMap<string, string>,
    rounds: NodeRounds,
    scanned: Map<string, Scanned>,
  ): AsyncGenerator<ScanPage, void, undefined> {
    const options = this.#nodeOptions(master, places);
    const slots = this.#slotsOf(master.id);
    const round = slots && rounds.begin(master.id, slots);
    const begun = (round?.n ?? 1) - 1 + countProcesses(places, round?.name ?? master.id);
    if (begun > MOST_ROUNDS) throw this.#unstable();
    if (round?.begins !== undefined) yield round.begins;
    const runId = yield* scanNode({ ...options, id: round?.name ?? master.id });
    if (runId !== undefined) scanned.set(master.id, { runId, slots });
  }

  #unstable(): SourceError {
    return new SourceError('SOURCE_UNSTABLE', 'the nodes of the source keep changing while they are scanned.', {
      where: this.name,
      remedy: 'Let resharding and fail-overs come to their end. The same command again goes on from here.',
    });
  }

  /** The keys that a file names, each page from all nodes that have some of it. */
  async *#listed(path: string, places: ReadonlyMap<string, string>): AsyncGenerator<ScanPage, void, undefined> {
    const { clock, patienceMs, signal, source } = this.#options;
    const db = source.db ?? 0;
    const begun = places.get(KEY_LIST) ?? '0';
    if (begun === SCANNED) return;
    let from = begun;
    const backoff = new Backoff(clock, patienceMs);
    for await (const { keys, to } of keyList(path, Number(begun))) {
      for (;;) {
        try {
          const read = await this.#readListed(keys, db, places);
          for (const page of read) yield { ...page, from, to: from, stream: KEY_LIST, db };
          break;
        } catch (error) {
          const wait = error instanceof PipeBroken ? backoff.fail() : undefined;
          if (wait === undefined) throw error;
          await clock.sleep(wait, signal);
          await this.#fleet.refresh();
        }
      }
      backoff.succeed();
      from = String(to);
    }
    yield { stream: KEY_LIST, db, from, to: SCANNED, entries: [], unread: [], filtered: 0 };
  }

  async #readListed(keys: readonly Buffer[], db: number, places: ReadonlyMap<string, string>): Promise<ReadPage[]> {
    const byMaster = Map.groupBy(keys, (key) => this.#fleet.masterOf(this.#fleet.bySlot ? keySlot(key) : 0));
    const pages: ReadPage[] = [];
    for (const [place, own] of byMaster) {
      const options = this.#nodeOptions(this.#fleet.masters[place] as Master, places);
      const node = await options.look();
      if (node === undefined) throw new PipeBroken('a node has gone');
      const pipes = await openPipes(node, db, options);
      try {
        const scan = new DatabaseScan({ ...options, terms: node.terms, db, pipes });
        for await (const page of scan.read(own, { from: '0', to: '0' })) pages.push(page);
      } finally {
        for (const pipe of pipes) pipe.end();
      }
    }
    return pages;
  }

  /** The nodes behind a proxy, as its SCAN names them. */
  async #cloudNodes(cloud: ScanCloud): Promise<string[]> {
    const { endpoint } = this.#fleet.masters[0] as Master;
    const control = this.#fleet.control(endpoint);
    if (cloud === 'tencent_cluster') return parseMasterIds(String(await control.call(0, 'CLUSTER', 'NODES')));
    const count = parseNodeCount(String(await control.call(0, 'INFO', 'Cluster')));
    return Array.from({ length: count }, (_, node) => String(node));
  }

  /** @param node behind the proxy, where there is one */
  #nodeOptions({ id }: Master, places: ReadonlyMap<string, string>, node?: string): NodeScanOptions {
    const { connections = DEFAULT_CONNECTIONS, count, filter } = this.#options;
    const support = typeSupport(this.server);
    return {
      ...this.#options,
      id,
      look: () => this.#look(id, node),
      connections,
      size: new PageSize(count),
      rate: this.#rate,
      wants: this.#wants,
      kinds: filter?.kinds === undefined ? undefined : new Set<ValueKind>(filter.kinds),
      readValue: (pipe, key, kinds) => readByType(pipe, key, { kinds, support }),
      places,
      onTouching: () => this.#warn(TOUCHING),
      onRestart: () => {
        this.restarts++;
      },
    };
  }

  /** @throws {PipeBroken} when it can't be asked just now */
  async #look(id: string, cloudNode: string | undefined): Promise<NodeFacts | undefined> {
    let master = this.#fleet.masters.find((each) => each.id === id);
    if (master === undefined) return undefined;
    let info = await this.#info(master.endpoint);
    if (info === undefined) {
      await this.#fleet.refresh();
      master = this.#fleet.masters.find((each) => each.id === id);
      if (master === undefined) return undefined;
      info = await this.#info(master.endpoint);
      if (info === undefined) throw new PipeBroken('it cannot be reached');
    }
    const replica = await this.#replicaOf(master.endpoint, info);
    const endpoint = replica?.endpoint ?? master.endpoint;
    const text = replica?.info ?? info;
    const server = parseInfo(text);
    const told = text !== '';
    const dbs = told ? parseKeyspace(text).map(({ db }) => db) : (this.#dbs ?? [0]);
    return {
      endpoint,
      // Behind a proxy another server may answer each time.
      runId: cloudNode === undefined ? server.runId : '',
      dbs: dbs.filter((db) => this.#dbs?.includes(db) ?? true),
      terms: {
        name: this.#fleet.control(endpoint).name,
        types: server.engine === 'valkey' && atLeast(server, 9) ? valkeyTypes : redisTypes,
        absolute: server.engine === 'valkey' || atLeast(server, 7),
        access: this.#accessOf(server),
        dumpBytes: this.#dumpBytesOf(server),
        scan: (cursor, count) => this.#scan(cursor, count, cloudNode),
      },
      readOnly: replica !== undefined && this.#fleet.kind === 'cluster',
    };
  }

  #scan(cursor: string, count: number, node?: string): Command {
    const { filter, cloud } = this.#options;
    const [only, ...others] = filter?.match ?? [];
    // One pattern the server can match; several are matched here.
    const narrowing = only !== undefined && others.length === 0 ? ['MATCH', Buffer.from(only)] : [];
    return scanCommand({ narrowing, cloud, node }, cursor, count);
  }

  #accessOf({ evictionPolicy }: ServerInfo): 'idle' | 'freq' | undefined {
    if (!this.#options.access) return undefined;
    if (evictionPolicy.endsWith('lfu')) return 'freq';
    return evictionPolicy.endsWith('lru') ? 'idle' : undefined;
  }

  /** A server that holds less altogether has no value that large. */
  #dumpBytesOf({ usedMemory }: ServerInfo): number | undefined {
    const { dumpBytes = DEFAULT_DUMP_BYTES } = this.#options;
    return usedMemory > 0 && usedMemory < dumpBytes ? undefined : dumpBytes;
  }

  async #replicaOf(master: Endpoint, info: string): Promise<{ endpoint: Endpoint; info: string } | undefined> {
    if (this.#options.prefer !== 'replica') return undefined;
    for (const { host, port } of parseReplicas(info)) {
      const endpoint = nodeEndpoint(host, port, { seed: master, map: this.#options.addressMap }, master);
      const told = await this.#info(endpoint);
      if (told !== undefined && !parseInfo(told).loading) return { endpoint, info: told };
    }
    this.#warn('A master of the source has no replica that can be read: it is read itself.');
    return undefined;
  }

  /** INFO; empty where the user may not call it, `undefined` when the server can't be asked just now. */
  async #info(endpoint: Endpoint): Promise<string | undefined> {
    const reply = await this.#fleet.control(endpoint).once(0, false, 'INFO', []);
    if (reply instanceof Error) return undefined;
    if (!(reply instanceof ErrorReply)) return parseInfo(String(reply)).loading ? undefined : String(reply);
    return passes(reply) ? undefined : '';
  }

  #isScanned({ id }: Master, scanned: Scanned | undefined): boolean {
    if (scanned === undefined) return false;
    const slots = this.#slotsOf(id);
    if (slots === undefined || scanned.slots === undefined) return true;
    // A slot that came to it meanwhile may have been behind the scan of both nodes.
    return slots.every((here, slot) => here <= (scanned.slots as Uint8Array)[slot]!);
  }

  /** 1 for each slot that is the node's; `undefined` where nothing depends on slots. */
  #slotsOf(id: string): Uint8Array | undefined {
    if (!this.#fleet.bySlot) return undefined;
    const place = this.#fleet.masters.findIndex((master) => master.id === id);
    return Uint8Array.from({ length: SLOTS }, (_, slot) => (this.#fleet.masterOf(slot) === place ? 1 : 0));
  }

  #warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }
}

/** Given ones, else the URL's, else all. */
function wantedDbs({ filter, source, keyFile }: ScanSourceOptions): readonly number[] | undefined {
  if (keyFile !== undefined) return [source.db ?? 0];
  return filter?.dbs ?? (source.db === undefined ? undefined : [source.db]);
}

/** The keys of all pages, one after another. */
export async function* scanEntries(source: ScanSource): AsyncGenerator<ScanEntry, void, undefined> {
  for await (const { entries } of source.pages()) yield* entries;
}

function fieldOf(pairs: ControlReply[], name: string): Buffer | undefined {
  const at = pairs.findIndex((item, i) => i % 2 === 0 && String(item) === name);
  const value = at < 0 ? undefined : pairs[at + 1];
  return Buffer.isBuffer(value) ? value : undefined;
}
