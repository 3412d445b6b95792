// The restore as a sequence: open and plan the files, check the target, write chunk after chunk, account for everything.
import type { CheckpointStore } from '../checkpoint/store.ts';
import { InterruptedError, KeyferryError, TargetError, UsageError } from '../errors.ts';
import { rulesFilter } from '../filter/filter.ts';
import { showEndpoint } from '../redis/endpoint.ts';
import type { Fleet } from '../redis/fleet.ts';
import { type OpenedFleet, openFleet } from '../redis/open-fleet.ts';
import { parseInfo, type ServerInfo, showVersion } from '../redis/server-info.ts';
import { Witness } from '../redis/witness.ts';
import { openRdb, type RdbInput, workPath } from '../sources/rdb/input.ts';
import { type Chunk, DEFAULT_CHUNK_BYTES } from '../sources/rdb/plan.ts';
import { type ConflictPolicy, type ExpiryRule, KEEP_EXPIRY } from '../targets/redis/policy.ts';
import { type Limits, type PreflightReport, preflight } from '../targets/redis/preflight.ts';
import { RedisTarget } from '../targets/redis/redis-target.ts';
import { addTally, newTally, type Tally, tallied } from '../targets/redis/tally.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import { ChunkRestore } from './chunk-restore.ts';
import { mapDatabases } from './databases.ts';
import { jobId, openJobLedger } from './job-ledger.ts';
import { newFunctionTally, type RestoreReport } from './report.ts';
import type { RestoreOptions } from './restore.ts';
import { restoreFunctions } from './restore-functions.ts';
import { foreseeLosses } from './restore-losses.ts';
import { writeChunks } from './write-chunks.ts';

/** From here on a value is written in parts; bytes. A RESTORE of that size holds up a server for some tenths of a second. */
export const DEFAULT_BIG_KEY_BYTES = 64 * 1024 * 1024;
export const DEFAULT_CONCURRENCY = 4;
export const DEFAULT_CONNECTIONS = 4;
export const DEFAULT_PATIENCE_MS = 60_000;
export const DEFAULT_REPLY_TIMEOUT_MS = 60_000;

/** Sockets to each of several masters. */
export const CONNECTIONS_IN_CLUSTER = 2;

/** Unanswered bytes a socket: enough to keep a server busy over a round trip, little enough to bound memory. */
const IN_FLIGHT_BYTES = 512 * 1024;
/** How long chunks that are under way may take when the job is told to stop; then they are broken off. */
const DRAIN_MS = 10_000;
/** A target that keeps being restarted while it is written to ends the job after so many rounds. */
const MOST_ROUNDS = 5;
/** Chunks of a file that are searched for a first key that the filter takes. */
const SAMPLED_CHUNKS = 4;

/** Before the target has been asked. */
const NO_LIMITS: Limits = { server: parseInfo(''), bulkLimit: Number.POSITIVE_INFINITY, restores: true };

/** What the chunks are written into. */
interface WriteInto extends PreflightReport {
  readonly fleet: Fleet;
  readonly witness: Witness;
}

export class RestoreJob {
  readonly report: RestoreReport;
  readonly #options: RestoreOptions;
  readonly #policy: ConflictPolicy;
  readonly #expiry: ExpiryRule;
  readonly #clock: Clock;
  readonly #progress: Progress;
  readonly #startedAt: number;
  /** Ends all waits: the caller's signal, or the first failure. */
  readonly #stop = new AbortController();
  readonly #inputs: RdbInput[] = [];
  /** What became of each chunk, by unit. */
  readonly #tallies = new Map<string, Tally>();
  #mapDb: (db: number) => number = (db) => db;
  #ledger: CheckpointStore | undefined;
  #fleet: Fleet | undefined;
  #finished = false;
  #writing = false;
  #draining = false;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#policy = options.onConflict ?? 'panic';
    this.#expiry = options.expiry ?? KEEP_EXPIRY;
    this.#clock = options.clock ?? systemClock;
    this.#progress = options.progress ?? new Progress();
    this.#startedAt = this.#clock.now();
    const { signal } = options;
    if (signal?.aborted) this.#interrupt(signal);
    else signal?.addEventListener('abort', () => this.#interrupt(signal), { once: true });
    this.report = {
      outcome: 'complete',
      error: undefined,
      files: [],
      target: showEndpoint(options.target),
      server: undefined,
      policy: this.#policy,
      dryRun: options.dryRun ?? false,
      resumed: false,
      keys: newTally(),
      functions: newFunctionTally(),
      tails: [],
      warnings: [],
      seconds: 0,
    };
  }

  async run(): Promise<void> {
    await this.#openInputs();
    this.#mapDb = mapDatabases({
      planned: this.#inputs.flatMap(({ plan }) => plan.dbs.map(({ db }) => db)),
      only: this.#options.filter?.dbs,
      map: this.#options.dbMap,
      merge: this.#options.mergeDbs,
      urlDb: this.#options.target.db,
    });
    if (!this.report.dryRun) {
      this.#ledger = await openJobLedger(this.#options, this.#inputs);
      this.report.resumed = this.#ledger.resumed;
    }
    this.#progress.begin('checking');
    const opened = await openFleet({
      target: this.#options.target,
      addressMap: this.#options.addressMap,
      mode: this.#options.mode,
      clock: this.#clock,
      patienceMs: this.#patienceMs,
      replyTimeoutMs: this.#options.replyTimeoutMs ?? DEFAULT_REPLY_TIMEOUT_MS,
      signal: this.#stop.signal,
    });
    this.#fleet = opened.fleet;
    const checked = await this.#preflight(opened);
    if (!this.report.dryRun) await this.#write(opened.fleet, checked);
    this.#judge();
    if (!this.report.dryRun && this.report.keys.failed.length === 0) {
      this.#finished = true;
      await this.#ledger?.finish();
    }
  }

  /** Enters what ended the job into the report. What is no error of the family is a defect, and goes on up. */
  stopped(error: unknown): void {
    this.#sumUp();
    if (this.#options.signal?.aborted) {
      this.report.outcome = 'interrupted';
      this.report.error = interrupted();
      return;
    }
    if (!(error instanceof KeyferryError)) throw error;
    this.report.outcome = 'stopped';
    this.report.error = error;
  }

  async close(): Promise<void> {
    this.#fleet?.end();
    if (!this.#finished) await this.#ledger?.close();
    for (const input of this.#inputs) await input.close(this.#finished || this.report.dryRun);
    this.report.seconds = (this.#clock.now() - this.#startedAt) / 1000;
    this.#progress.phase = 'done';
  }

  /** Chunks that are under way are finished, if they don't take too long; everything else ends at once. */
  #interrupt(signal: AbortSignal): void {
    this.#draining = true;
    if (!this.#writing) this.#stop.abort(signal.reason);
    else setTimeout(() => this.#stop.abort(signal.reason), DRAIN_MS).unref();
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  async #openInputs(): Promise<void> {
    const { files, workDir, chunkBytes, fresh, stdin, ignoreTail = false } = this.#options;
    this.#refuseTwins();
    for (const name of files) {
      const input = await openRdb(name, {
        workDir,
        chunkBytes,
        fresh,
        noWrite: this.report.dryRun,
        stdin,
        progress: this.#progress,
        signal: this.#stop.signal,
      });
      this.#inputs.push(input);
      const { dialect, version, bytes, keys, checksum, tail } = input.plan;
      this.report.files.push({ name, bytes, keys, rdb: `${dialect} ${version}`, reusedPlan: input.reused });
      if (checksum !== 'ok') {
        this.report.warnings.push(`${input.name} carries no checksum: damage inside a value shows only on the target.`);
      }
      if (tail !== undefined) {
        this.report.tails.push({ file: input.name, bytes: tail.bytes, kind: tail.kind, ignored: ignoreTail });
      }
    }
  }

  #refuseTwins(): void {
    const { files, workDir } = this.#options;
    if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to restore.');
    const paths = files.map((file) => workPath(file, workDir));
    const twin = paths.find((path, i) => paths.indexOf(path) !== i);
    if (twin === undefined) return;
    throw new UsageError('FILES_TWICE', 'two of the files would share one plan.', {
      where: twin,
      remedy: 'Name each file once; with --work-dir, files of one name in several folders need runs of their own.',
    });
  }

  async #preflight(opened: OpenedFleet): Promise<PreflightReport> {
    const { filter, force = false, strict = false } = this.#options;
    const plans = this.#inputs.map(({ plan }) => plan);
    const taken = plans
      .flatMap((plan) => plan.dbs.map(({ db }) => db))
      .filter((db) => filter?.dbs?.includes(db) ?? true);
    const checked = await preflight({
      ...opened,
      clock: this.#clock,
      demands: this.#inputs.map(({ name, plan }) => ({ ...plan, name })),
      bytesToWrite: this.#bytesToWrite(),
      policy: this.#policy,
      dbs: [...new Set(taken.map(this.#mapDb))],
      sample: await this.#sampleKey(),
      filtered: rulesFilter(filter ?? {}) !== undefined,
      kinds: filter?.kinds === undefined ? undefined : new Set(filter.kinds),
      resumed: this.report.resumed,
      force,
      strict,
      foresee: (limits) =>
        foreseeLosses(this.#inputs, {
          ...limits,
          bigKeyBytes: this.#bigKeyBytes(limits.bulkLimit),
          restoreOf: (input) => this.#chunkRestore(input, limits),
          progress: this.#progress,
          signal: this.#stop.signal,
        }),
      patienceMs: this.#patienceMs,
      signal: this.#stop.signal,
    });
    this.report.server = describeFleet(opened, checked.server);
    this.report.warnings.push(...checked.warnings);
    return checked;
  }

  #bytesToWrite(): number {
    let bytes = 0;
    for (const { unit, chunk } of this.#units()) {
      if (this.#ledger?.units.get(unit)?.state !== 'done') bytes += chunk.end - chunk.start;
    }
    return bytes;
  }

  /** The first key that will be written, for the preflight to ask about. */
  async #sampleKey(): Promise<{ db: number; key: Buffer } | undefined> {
    for (const input of this.#inputs) {
      const restore = this.#chunkRestore(input, NO_LIMITS);
      for (const chunk of input.chunks.slice(0, SAMPLED_CHUNKS)) {
        const sample = await restore.firstKey(chunk);
        if (sample !== undefined) return { db: this.#mapDb(sample.db), key: sample.key };
      }
    }
    return undefined;
  }

  #chunkRestore(input: RdbInput, { server, bulkLimit, restores }: Limits): ChunkRestore {
    return new ChunkRestore(input, {
      policy: this.#policy,
      expiry: this.#expiry,
      filter: rulesFilter(this.#options.filter ?? {}),
      server,
      clock: this.#clock,
      largeBytes: Math.min(this.#options.chunkBytes ?? DEFAULT_CHUNK_BYTES, DEFAULT_CHUNK_BYTES),
      restores,
      bigKeyBytes: this.#bigKeyBytes(bulkLimit),
      bulkLimit,
      proxied: this.#options.mode === 'proxy',
      signal: this.#stop.signal,
      onBytes: (bytes) => {
        this.#progress.bytes += bytes;
      },
    });
  }

  async #write(fleet: Fleet, checked: PreflightReport): Promise<void> {
    const ledger = this.#ledger as CheckpointStore;
    const { functions } = checked;
    const witness = new Witness({ fleet, clock: this.#clock, patienceMs: this.#patienceMs, signal: this.#stop.signal });
    await witness.look();
    for (let round = 1; ; round++) {
      this.report.functions = newFunctionTally();
      await restoreFunctions(this.#inputs, {
        fleet,
        policy: this.#policy,
        supported: functions,
        report: this.report,
      });
      await this.#writeChunks(ledger, { ...checked, fleet, witness });
      await witness.look();
      const units = [...ledger.units.values()];
      if (units.every((unit) => unit.state !== 'done' || witness.holds(unit.result.server))) break;
      // A process that confirmed writes is gone, and with it perhaps what it had not saved, or handed on.
      if (round === MOST_ROUNDS) {
        throw new TargetError('TARGET_RESTARTS', 'the target keeps being restarted while it is written to.', {
          where: fleet.name,
          remedy: 'Look at its log. The same command again goes on from here.',
        });
      }
      this.report.warnings.push(
        'A server of the target was restarted or replaced meanwhile: what it had confirmed, and no replica, was written again.',
      );
    }
    this.#sumUp();
    this.#countKeys();
  }

  async #writeChunks(ledger: CheckpointStore, into: WriteInto): Promise<void> {
    const { witness } = into;
    const { concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const restores = this.#inputs.map((input) => this.#chunkRestore(input, into));
    const target = this.#openTarget(into);
    this.#writing = true;
    try {
      const whole = await writeChunks({
        units: [...this.#units()].map(({ unit, file, chunk }) => ({
          name: unit,
          chunk,
          restore: restores[file] as ChunkRestore,
        })),
        ledger,
        target,
        holds: (servers) => witness.holds(servers),
        concurrency,
        progress: this.#progress,
        onTally: (unit, tally) => this.#tallies.set(unit, tally),
        draining: () => this.#draining,
        stop: this.#stop,
      });
      if (!whole) throw interrupted();
    } finally {
      this.#writing = false;
      target.end();
    }
  }

  /** From here on values go in parts: by choice, or since RESTORE is not to reach what the server takes at once. */
  #bigKeyBytes(bulkLimit: number): number {
    const { bigKeyBytes = DEFAULT_BIG_KEY_BYTES, mode } = this.#options;
    // Behind a proxy there are no transactions: a value that is built in parts would be seen so.
    return mode === 'proxy' ? Number.POSITIVE_INFINITY : Math.min(bigKeyBytes, bulkLimit / 2);
  }

  #openTarget({ fleet, witness, server, groups, restores, bulkLimit }: WriteInto): RedisTarget {
    const {
      rate = {},
      connections = fleet.masters.length > 1 ? CONNECTIONS_IN_CLUSTER : DEFAULT_CONNECTIONS,
      replyTimeoutMs = DEFAULT_REPLY_TIMEOUT_MS,
    } = this.#options;
    return new RedisTarget({
      fleet,
      witness,
      server,
      policy: this.#policy,
      groups,
      restores,
      bigKeyBytes: this.#bigKeyBytes(bulkLimit),
      jobId: jobId(this.#options),
      clock: this.#clock,
      rate,
      connections,
      inFlightBytes: IN_FLIGHT_BYTES,
      patienceMs: this.#patienceMs,
      replyTimeoutMs,
      signal: this.#stop.signal,
      mapDb: this.#mapDb,
      onWritten: (keys) => {
        this.#progress.keys += keys;
      },
    });
  }

  #sumUp(): void {
    const sum = newTally();
    for (const tally of this.#tallies.values()) addTally(sum, tally);
    this.report.keys = sum;
  }

  /** The last guard: a key that was planned and is not accounted for would be a key lost in silence. */
  #countKeys(): void {
    const planned = this.#inputs.reduce((sum, { plan }) => sum + plan.keys, 0);
    const accounted = tallied(this.report.keys);
    if (accounted !== planned) throw new Error(`${planned} keys were planned, ${accounted} are accounted for`);
  }

  /** Whole or in part: what was not written and nobody chose to leave out makes it a part. */
  #judge(): void {
    const { keys, functions, tails } = this.report;
    const missing = keys.failed.length > 0 || functions.failed.length > 0 || tails.some(({ ignored }) => !ignored);
    this.report.outcome = missing ? 'partial' : 'complete';
  }

  *#units(): Generator<{ unit: string; file: number; chunk: Chunk }> {
    for (const [file, { chunks }] of this.#inputs.entries()) {
      for (const chunk of chunks) yield { unit: `${file}/${chunk.n}`, file, chunk };
    }
  }
}

const interrupted = () =>
  new InterruptedError('INTERRUPTED', 'the job was told to stop. What was confirmed is noted.', {
    remedy: 'The same command again goes on from here.',
  });

function describeFleet({ fleet }: OpenedFleet, server: ServerInfo): string {
  const masters = fleet.masters.length;
  return fleet.kind === 'cluster' ? `${showVersion(server)}, cluster of ${masters} masters` : showVersion(server);
}
