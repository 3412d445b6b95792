// A rump as a sequence: open source and target, check both, scan and write, pass after pass, account for everything.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openFileLedger } from '../checkpoint/file-ledger.ts';
import type { CheckpointStore, JobDescription } from '../checkpoint/store.ts';
import { KeyferryError, TargetError } from '../errors.ts';
import { type Dialect, dialectOf } from '../rdb/dialect.ts';
import { redisTypes, valkeyTypes } from '../rdb/types.ts';
import { showEndpoint } from '../redis/endpoint.ts';
import { describeFleet } from '../redis/fleet.ts';
import { type OpenedFleet, openFleet } from '../redis/open-fleet.ts';
import { atLeast, rdbVersionOf, type ServerInfo, typeSupport } from '../redis/server-info.ts';
import { Witness } from '../redis/witness.ts';
import { ScanSource } from '../sources/scan/scan-source.ts';
import { EntryEncoder } from '../targets/redis/entry-encoder.ts';
import { type ConflictPolicy, KEEP_EXPIRY } from '../targets/redis/policy.ts';
import { type PreflightOptions, type PreflightReport, preflight } from '../targets/redis/preflight.ts';
import { RedisTarget } from '../targets/redis/redis-target.ts';
import { addTally, newTally } from '../targets/redis/tally.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import { mapDatabases } from './databases.ts';
import { ModuleGuard } from './module-guard.ts';
import { OwnKeys } from './own-keys.ts';
import { newFunctionTally } from './report.ts';
import { writeLibrary } from './restore-functions.ts';
import {
  bigKeyLimit,
  connectionsTo,
  DEFAULT_PATIENCE_MS,
  DEFAULT_REPLY_TIMEOUT_MS,
  IN_FLIGHT_BYTES,
} from './restore-session.ts';
import { MOST_ROUNDS, restartsTooOften, WRITTEN_AGAIN } from './rounds.ts';
import type { RumpOptions, RumpReport } from './rump.ts';
import { readLedger } from './rump-ledger.ts';
import { RumpWriter, type WriteWay } from './rump-writer.ts';
import { DRAIN_MS, enterEnd, type Job } from './run-job.ts';
import { withRemedy } from './with-remedy.ts';

const DEFAULT_CONCURRENCY = 4;
const NOPERM_REMEDY =
  'Grant it with ACL SETUSER: keyferry help rump lists what the user of the source needs, the README what that of the target does. The same command again goes on from here.';

export class RumpJob implements Job<RumpReport> {
  readonly report: RumpReport;
  readonly #options: RumpOptions;
  readonly #clock: Clock;
  readonly #progress: Progress;
  readonly #startedAt: number;
  /** Ends the reading, and all waits before anything is written: the caller's signal, or the first failure. */
  readonly #stop = new AbortController();
  /** Breaks the writing off, which may take a while longer. */
  readonly #breakOff = new AbortController();
  #writing = false;
  readonly #policy: ConflictPolicy;
  readonly #id: string;
  #source: ScanSource | undefined;
  #opened: OpenedFleet | undefined;
  #ledger: CheckpointStore | undefined;
  #own: OwnKeys | undefined;
  #modules: ModuleGuard | undefined;
  #finished = false;

  constructor(options: RumpOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#progress = options.progress ?? new Progress();
    this.#startedAt = this.#clock.now();
    this.#policy = options.onConflict ?? 'panic';
    const { signal } = options;
    if (signal?.aborted) this.#interrupt(signal);
    else signal?.addEventListener('abort', () => this.#interrupt(signal), { once: true });
    const [source, target] = [this.#show(options.source), this.#show(options.target)];
    this.#id = createHash('sha256')
      .update(JSON.stringify([source, target]))
      .digest('hex')
      .slice(0, 16);
    this.report = {
      outcome: 'complete',
      error: undefined,
      source: showEndpoint(options.source),
      sourceServer: undefined,
      target: showEndpoint(options.target),
      server: undefined,
      policy: this.#policy,
      resumed: false,
      keys: newTally(),
      unchanged: 0,
      passes: 0,
      restarts: 0,
      functions: newFunctionTally(),
      warnings: [],
      seconds: 0,
    };
  }

  async run(): Promise<void> {
    this.#progress.begin('checking');
    const source = await this.#openSource();
    const opened = await this.#openTarget();
    const { fresh = false, workDir = '.', memoryBytes, passes = 1 } = this.#options;
    const path = join(workDir, `keyferry-rump.${this.#id}`);
    this.#ledger = await openFileLedger({
      path: `${path}.ledger.jsonl`,
      lockName: this.#id,
      job: this.#describe(),
      fresh,
    });
    this.report.resumed = this.#ledger.resumed;
    this.#own = await OwnKeys.open({
      path: `${path}.keys`,
      fresh: !this.#ledger.resumed,
      folder: workDir,
      memoryBytes,
      expected: source.databases.reduce((sum, { keys }) => sum + keys, 0),
      // Where all is replaced and nothing compared, nobody asks whose a key is.
      needed: this.#policy !== 'rewrite' || passes > 1,
    });
    const libraries = await source.functions();
    const checked = await this.#check(source, opened, libraries);
    const { fleet } = opened;
    const { functions: supported } = checked;
    for (const code of libraries) {
      await writeLibrary(code, { fleet, policy: this.#policy, supported, report: this.report });
    }
    await this.#copy(source, checked);
    const { keys, functions } = this.report;
    if (keys.failed.length > 0 || functions.failed.length > 0) this.report.outcome = 'partial';
    if (keys.failed.length > 0) return;
    this.#finished = true;
    await this.#ledger.finish();
    await this.#own.remove();
  }

  stopped(error: unknown): void {
    // Either side may have refused: a restore's words name the target's commands alone.
    const refused = error instanceof TargetError && error.code === 'TARGET_NOPERM';
    enterEnd(this.report, refused ? withRemedy(error, NOPERM_REMEDY) : error, this.#options.signal);
  }

  async close(): Promise<void> {
    this.#tellSource();
    this.#source?.end();
    this.#opened?.fleet.end();
    if (!this.#finished) {
      await this.#own?.close();
      await this.#ledger?.close();
    }
    this.report.seconds = (this.#clock.now() - this.#startedAt) / 1000;
    this.#progress.phase = 'done';
  }

  #interrupt({ reason }: AbortSignal): void {
    this.#stop.abort(reason);
    if (!this.#writing) this.#breakOff.abort(reason);
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  get #replyTimeoutMs(): number {
    return this.#options.replyTimeoutMs ?? DEFAULT_REPLY_TIMEOUT_MS;
  }

  #waits() {
    return {
      clock: this.#clock,
      patienceMs: this.#patienceMs,
      replyTimeoutMs: this.#replyTimeoutMs,
      signal: this.#stop.signal,
    };
  }

  async #openSource(): Promise<ScanSource> {
    const { sourceAddressMap: addressMap, sourceConnections: connections } = this.#options;
    const source = await ScanSource.open({ ...this.#options, ...this.#waits(), addressMap, connections });
    this.#source = source;
    this.report.sourceServer = source.describe();
    return source;
  }

  async #openTarget(): Promise<OpenedFleet> {
    const { target, mode, addressMap } = this.#options;
    this.#opened = await openFleet({ target, mode, addressMap, ...this.#waits() });
    return this.#opened;
  }

  async #check(source: ScanSource, opened: OpenedFleet, functions: readonly Buffer[]): Promise<PreflightReport> {
    const { filter, force = false } = this.#options;
    const dbs = source.databases.map(({ db }) => db);
    const sample = await source.sample();
    const options: PreflightOptions = {
      ...opened,
      ...this.#waits(),
      demands: [
        {
          name: source.name,
          dialect: dialectOfServer(source.server).name,
          types: [],
          modules: [],
          functions,
          unrestorable: [],
          largest: 0,
        },
      ],
      bytesToWrite: 0,
      policy: this.#policy,
      dbs: [...new Set(dbs.map(this.#mapDb(dbs)))],
      sample: sample === undefined ? undefined : { ...sample, db: this.#mapDb(dbs)(sample.db) },
      filtered: filter !== undefined,
      resumed: this.report.resumed,
      strict: false,
      force,
    };
    const checked = await preflight(options);
    this.#modules = new ModuleGuard(options, checked.server, this.report.warnings);
    this.report.server = describeFleet(opened.fleet, checked.server);
    this.report.warnings.push(...checked.warnings);
    return checked;
  }

  async #copy(source: ScanSource, checked: PreflightReport): Promise<void> {
    const ledger = this.#ledger as CheckpointStore;
    const { passes = 1 } = this.#options;
    const { fleet } = this.#opened as OpenedFleet;
    const witness = new Witness({ fleet, ...this.#waits(), signal: this.#breakOff.signal });
    await witness.look();
    const begun = readLedger(ledger, (servers) => witness.holds(servers));
    addTally(this.report.keys, { ...begun.tally, failed: [] });
    for (let pass = begun.pass; pass <= passes; pass++) {
      this.report.passes = pass;
      let places = pass === begun.pass ? begun.places : new Map<string, string>();
      for (let round = 1; ; round++) {
        const again = round > 1;
        await this.#pass(source, checked, witness, { pass, places, again });
        await witness.look();
        const now = readLedger(ledger, (servers) => witness.holds(servers));
        if (now.lost === 0) break;
        if (round === MOST_ROUNDS) throw restartsTooOften(fleet.name, '. The same command again goes on from here.');
        this.report.warnings.push(WRITTEN_AGAIN);
        places = now.places;
      }
    }
  }

  async #pass(
    source: ScanSource,
    checked: PreflightReport,
    witness: Witness,
    { pass, places, again }: { pass: number; places: ReadonlyMap<string, string>; again: boolean },
  ): Promise<void> {
    const { concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const own = this.#own as OwnKeys;
    const dialect = dialectOfServer(source.server);
    const targets: RedisTarget[] = [];
    const way = (policy: ConflictPolicy): WriteWay => {
      const target = this.#target(source, checked, witness, policy);
      targets.push(target);
      return {
        target,
        encoder: this.#encoder(dialect, checked.server, policy),
        attempt: this.report.resumed || again ? 'unsure' : 'first',
      };
    };
    const theirs = way(this.#policy);
    let ours: WriteWay | undefined;
    const writer = new RumpWriter({
      ledger: this.#ledger as CheckpointStore,
      pass,
      dialect: { dialect: dialect.name, version: dialect.version },
      ways: {
        theirs,
        ours: () => {
          ours ??= this.#policy === 'rewrite' ? theirs : way('rewrite');
          return ours;
        },
      },
      owns: (entry) => {
        const owner = own.decide(entry, again);
        if (owner === 'left') this.report.unchanged++;
        return owner;
      },
      beforeWrite: () => own.flush(),
      onTally: (tally) => addTally(this.report.keys, tally),
      concurrency,
      stop: this.#stop,
    });
    this.#writing = true;
    this.#progress.begin('writing', { keys: source.databases.reduce((sum, { keys }) => sum + keys, 0) });
    try {
      for await (const page of source.pages(places)) {
        await writer.add(await (this.#modules as ModuleGuard).guard(page));
        for (const { value } of page.entries) this.#progress.bytes += value.length;
        if (own.full) await own.makeRoom();
      }
      await writer.settled();
    } catch (error) {
      this.#stop.abort(error);
      if (error instanceof KeyferryError) for (const target of targets) target.fail(error);
      else await this.#drain(writer);
      throw writer.failure ?? error;
    } finally {
      this.#writing = false;
      for (const target of targets) target.end();
      if (this.#stop.signal.aborted) this.#breakOff.abort(this.#stop.signal.reason);
      await writer.idle();
    }
  }

  /** What is under way may come to its end, and is noted then. */
  async #drain(writer: RumpWriter): Promise<void> {
    const over = new AbortController();
    await Promise.race([writer.idle(), this.#clock.sleep(DRAIN_MS, over.signal).catch(() => undefined)]);
    over.abort();
  }

  #target(source: ScanSource, checked: PreflightReport, witness: Witness, policy: ConflictPolicy): RedisTarget {
    const { fleet } = this.#opened as OpenedFleet;
    const { server, groups, restores, bulkLimit } = checked;
    return new RedisTarget({
      ...this.#waits(),
      signal: this.#breakOff.signal,
      fleet,
      witness,
      server,
      policy,
      groups,
      restores,
      bigKeyBytes: bigKeyLimit(this.#options, bulkLimit),
      jobId: this.#id,
      rate: {},
      connections: connectionsTo(fleet, this.#options),
      inFlightBytes: IN_FLIGHT_BYTES,
      mapDb: this.#mapDb(source.databases.map(({ db }) => db)),
      onWritten: (keys) => {
        this.#progress.keys += keys;
      },
    });
  }

  #encoder(dialect: Dialect, server: ServerInfo, policy: ConflictPolicy): EntryEncoder {
    return new EntryEncoder({
      policy,
      expiry: this.#options.expiry ?? KEEP_EXPIRY,
      clock: this.#clock,
      dialect,
      targetTypes: server.engine === 'valkey' ? valkeyTypes : redisTypes,
      support: typeSupport(server),
      scripted: this.#options.mode === 'proxy',
    });
  }

  #mapDb(held: readonly number[]): (db: number) => number {
    const { filter, dbMap, mergeDbs, target } = this.#options;
    const only = filter?.dbs;
    return mapDatabases({
      planned: [...held, ...(only ?? []), ...(dbMap?.keys() ?? [])],
      only,
      map: dbMap,
      merge: mergeDbs,
      urlDb: target.db,
    });
  }

  /** Everything that, were it another, would make a run another job. */
  #describe(): JobDescription {
    const { source, target, filter, dbMap, expiry = KEEP_EXPIRY, mergeDbs, passes = 1, keyFile } = this.#options;
    return {
      source: this.#show(source),
      target: this.#show(target),
      'on-conflict': this.#policy,
      passes: String(passes),
      'key-file': keyFile ?? 'none',
      expiry: expiry.drop ? 'dropped' : `shifted by ${expiry.shiftMs} ms`,
      'only-db': filter?.dbs?.join(',') ?? 'all',
      type: filter?.kinds?.join(',') ?? 'all',
      match: filter?.match === undefined ? 'all' : JSON.stringify(filter.match),
      'db-map': dbMap === undefined ? 'none' : [...dbMap].map(([from, to]) => `${from}:${to}`).join(','),
      'merge-dbs': mergeDbs ? 'yes' : 'no',
      'url-db': target.db === undefined ? 'none' : String(target.db),
    };
  }

  /** Who logs in does not matter. */
  #show(endpoint: RumpOptions['source']): string {
    return showEndpoint({ ...endpoint, username: undefined });
  }

  #tellSource(): void {
    if (this.#source === undefined) return;
    this.report.restarts = this.#source.restarts;
    this.report.warnings.push(...this.#source.warnings.filter((text) => !this.report.warnings.includes(text)));
  }
}

/** How the DUMP payloads of a server are read. */
function dialectOfServer(server: ServerInfo): Dialect {
  return dialectOf(server.engine === 'valkey' && atLeast(server, 9) ? 'valkey' : 'redis', rdbVersionOf(server));
}
