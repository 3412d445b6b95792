// A restore's target and all that decides how its keys are written: the same for a job in one process and for a single
// chunk in a process of its own.
import { rulesFilter } from '../filter/filter.ts';
import { describeFleet, type Fleet } from '../redis/fleet.ts';
import { type OpenedFleet, openFleet } from '../redis/open-fleet.ts';
import { parseInfo } from '../redis/server-info.ts';
import { Witness } from '../redis/witness.ts';
import type { RdbInput } from '../sources/rdb/input.ts';
import { DEFAULT_CHUNK_BYTES } from '../sources/rdb/plan.ts';
import { type ConflictPolicy, KEEP_EXPIRY } from '../targets/redis/policy.ts';
import { type Limits, type PreflightReport, preflight } from '../targets/redis/preflight.ts';
import { RedisTarget } from '../targets/redis/redis-target.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import { ChunkRestore } from './chunk-restore.ts';
import { mapDatabases } from './databases.ts';
import type { RestoreOptions } from './restore.ts';
import { foreseeLosses } from './restore-losses.ts';

/** From here on a value is written in parts; bytes. A RESTORE of that size holds up a server for some tenths of a second. */
export const DEFAULT_BIG_KEY_BYTES = 64 * 1024 * 1024;
export const DEFAULT_CONNECTIONS = 4;
export const DEFAULT_PATIENCE_MS = 60_000;
export const DEFAULT_REPLY_TIMEOUT_MS = 60_000;

/** Sockets to each of several masters. */
export const CONNECTIONS_IN_CLUSTER = 2;

/** Unanswered bytes a socket: enough to keep a server busy over a round trip, little enough to bound memory. */
export const IN_FLIGHT_BYTES = 512 * 1024;
/** Chunks of a file that are searched for a first key that the filter takes. */
const SAMPLED_CHUNKS = 4;

/** Before the target has been asked. */
const NO_LIMITS: Limits = { server: parseInfo(''), bulkLimit: Number.POSITIVE_INFINITY, restores: true };

/** What a restore does with keys, whatever it reads them from. */
export type RestoreTerms = Pick<
  RestoreOptions,
  | ('target' | 'onConflict' | 'expiry' | 'filter' | 'mode' | 'addressMap' | 'dbMap' | 'mergeDbs' | 'connections')
  | ('rate' | 'strict' | 'force' | 'chunkBytes' | 'bigKeyBytes' | 'patienceMs' | 'replyTimeoutMs')
>;

export interface SessionOptions {
  readonly terms: RestoreTerms;
  readonly inputs: readonly RdbInput[];
  /** The same when the job goes on after a kill. */
  readonly jobId: string;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Ends all waits. */
  readonly signal: AbortSignal;
}

/** What is known of the target before its first key. */
export type Checked = Omit<PreflightReport, 'warnings'>;

export class RestoreSession {
  readonly policy: ConflictPolicy;
  readonly #options: SessionOptions;
  readonly #terms: RestoreTerms;
  readonly #mapDb: (db: number) => number;
  #opened: OpenedFleet | undefined;

  /** @throws {UsageError} `DB_NOT_IN_FILE`, `DB_AMBIGUOUS` */
  constructor(options: SessionOptions) {
    const { terms, inputs } = options;
    this.#options = options;
    this.#terms = terms;
    this.policy = terms.onConflict ?? 'panic';
    this.#mapDb = mapDatabases({
      planned: inputs.flatMap(({ plan }) => plan.dbs.map(({ db }) => db)),
      only: terms.filter?.dbs,
      map: terms.dbMap,
      merge: terms.mergeDbs,
      urlDb: terms.target.db,
    });
  }

  get patienceMs(): number {
    return this.#terms.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  /** The target's servers, once {@link connect} has found them. */
  get fleet(): Fleet {
    return (this.#opened as OpenedFleet).fleet;
  }

  /** Finds out what the target is. @throws as openFleet */
  async connect(): Promise<void> {
    const { target, addressMap, mode, replyTimeoutMs = DEFAULT_REPLY_TIMEOUT_MS } = this.#terms;
    const { clock, signal } = this.#options;
    this.#opened = await openFleet({
      ...{ target, addressMap, mode, clock, signal },
      ...{ patienceMs: this.patienceMs, replyTimeoutMs },
    });
  }

  /**
   * Asks the target everything that could stop the job later.
   *
   * @param resumed keys on it may be the job's own
   * @throws {TargetError}
   */
  async preflight(resumed: boolean, bytesToWrite: number): Promise<PreflightReport> {
    const { inputs, clock, progress, signal } = this.#options;
    const { filter, force = false, strict = false } = this.#terms;
    const taken = inputs
      .flatMap(({ plan }) => plan.dbs.map(({ db }) => db))
      .filter((db) => filter?.dbs?.includes(db) ?? true);
    return preflight({
      ...(this.#opened as OpenedFleet),
      clock,
      demands: inputs.map(({ name, plan }) => ({ ...plan, name })),
      bytesToWrite,
      policy: this.policy,
      dbs: [...new Set(taken.map(this.#mapDb))],
      sample: await this.#sampleKey(),
      filtered: rulesFilter(filter ?? {}) !== undefined,
      kinds: filter?.kinds === undefined ? undefined : new Set(filter.kinds),
      resumed,
      force,
      strict,
      foresee: (limits) =>
        foreseeLosses(inputs, {
          ...limits,
          bigKeyBytes: bigKeyLimit(this.#terms, limits.bulkLimit),
          restoreOf: (input) => this.chunkRestore(input, limits),
          progress,
          signal,
        }),
      patienceMs: this.patienceMs,
      signal,
    });
  }

  /** The target in words: engine, version and, of a cluster, its size. */
  describe({ server }: Checked): string {
    return describeFleet(this.fleet, server);
  }

  /** What writes an input's chunks. `outOfTime` ends it between two keys: see {@link ChunkRestore.run}. */
  chunkRestore(
    input: RdbInput,
    { server, bulkLimit, restores }: Limits,
    outOfTime?: (() => boolean) | undefined,
  ): ChunkRestore {
    const { expiry = KEEP_EXPIRY, filter = {}, chunkBytes = DEFAULT_CHUNK_BYTES, mode } = this.#terms;
    const { clock, progress, signal } = this.#options;
    return new ChunkRestore(input, {
      policy: this.policy,
      expiry,
      filter: rulesFilter(filter),
      server,
      clock,
      largeBytes: Math.min(chunkBytes, DEFAULT_CHUNK_BYTES),
      restores,
      bigKeyBytes: bigKeyLimit(this.#terms, bulkLimit),
      bulkLimit,
      proxied: mode === 'proxy',
      outOfTime,
      signal,
      onBytes: (bytes) => {
        progress.bytes += bytes;
      },
    });
  }

  /** Looks at the target's servers, to tell later whether they can have lost what they confirmed. */
  async openWitness(): Promise<Witness> {
    const { clock, signal } = this.#options;
    const witness = new Witness({ fleet: this.fleet, clock, patienceMs: this.patienceMs, signal });
    await witness.look();
    return witness;
  }

  openTarget({ server, groups, restores, bulkLimit }: Checked, witness: Witness): RedisTarget {
    const { fleet } = this;
    const { jobId, clock, progress, signal } = this.#options;
    const { rate = {}, replyTimeoutMs = DEFAULT_REPLY_TIMEOUT_MS } = this.#terms;
    return new RedisTarget({
      fleet,
      witness,
      server,
      policy: this.policy,
      groups,
      restores,
      bigKeyBytes: bigKeyLimit(this.#terms, bulkLimit),
      jobId,
      clock,
      rate,
      connections: connectionsTo(fleet, this.#terms),
      inFlightBytes: IN_FLIGHT_BYTES,
      patienceMs: this.patienceMs,
      replyTimeoutMs,
      signal,
      mapDb: this.#mapDb,
      onWritten: (keys) => {
        progress.keys += keys;
      },
    });
  }

  /** Lets go of the target. */
  end(): void {
    this.#opened?.fleet.end();
  }

  /** The first key that will be written, for the preflight to ask about. */
  async #sampleKey(): Promise<{ db: number; key: Buffer } | undefined> {
    for (const input of this.#options.inputs) {
      const restore = this.chunkRestore(input, NO_LIMITS);
      for (const chunk of input.chunks.slice(0, SAMPLED_CHUNKS)) {
        const sample = await restore.firstKey(chunk);
        if (sample !== undefined) return { db: this.#mapDb(sample.db), key: sample.key };
      }
    }
    return undefined;
  }
}

/** From here on values go in parts: by choice, or since RESTORE is not to reach what the server takes at once. */
export function bigKeyLimit(
  { bigKeyBytes = DEFAULT_BIG_KEY_BYTES, mode }: Pick<RestoreTerms, 'bigKeyBytes' | 'mode'>,
  bulkLimit: number,
): number {
  // Behind a proxy there are no transactions: a value that is built in parts would be seen so.
  return mode === 'proxy' ? Number.POSITIVE_INFINITY : Math.min(bigKeyBytes, bulkLimit / 2);
}

/** Sockets to each server. */
export function connectionsTo({ masters }: Fleet, { connections }: Pick<RestoreTerms, 'connections'>): number {
  return connections ?? (masters.length > 1 ? CONNECTIONS_IN_CLUSTER : DEFAULT_CONNECTIONS);
}
