// The restore as a sequence: open and plan the files, check the target, write chunk after chunk, account for everything.
import type { CheckpointStore } from '../checkpoint/store.ts';
import { UsageError } from '../errors.ts';
import { showEndpoint } from '../redis/endpoint.ts';
import type { Witness } from '../redis/witness.ts';
import { openRdb, type RdbInput, workPath } from '../sources/rdb/input.ts';
import type { Chunk } from '../sources/rdb/plan.ts';
import type { PreflightReport } from '../targets/redis/preflight.ts';
import { addTally, newTally, type Tally, tallied } from '../targets/redis/tally.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import type { ChunkRestore } from './chunk-restore.ts';
import { jobId, openJobLedger } from './job-ledger.ts';
import { namedInputs } from './named-inputs.ts';
import { newFunctionTally, type RestoreReport } from './report.ts';
import type { RestoreOptions } from './restore.ts';
import { restoreFunctions } from './restore-functions.ts';
import { RestoreSession } from './restore-session.ts';
import { MOST_ROUNDS, restartsTooOften, WRITTEN_AGAIN } from './rounds.ts';
import { DRAIN_MS, enterEnd, interrupted, type Job } from './run-job.ts';
import { writeChunks } from './write-chunks.ts';

export {
  CONNECTIONS_IN_CLUSTER,
  DEFAULT_BIG_KEY_BYTES,
  DEFAULT_CONNECTIONS,
  DEFAULT_PATIENCE_MS,
  DEFAULT_REPLY_TIMEOUT_MS,
} from './restore-session.ts';
export const DEFAULT_CONCURRENCY = 4;

export class RestoreJob implements Job<RestoreReport> {
  readonly report: RestoreReport;
  readonly #options: RestoreOptions;
  readonly #clock: Clock;
  readonly #progress: Progress;
  readonly #startedAt: number;
  /** Ends all waits: the caller's signal, or the first failure. */
  readonly #stop = new AbortController();
  readonly #inputs: RdbInput[] = [];
  /** What became of each chunk, by unit. */
  readonly #tallies = new Map<string, Tally>();
  #ledger: CheckpointStore | undefined;
  #session: RestoreSession | undefined;
  #finished = false;
  #writing = false;
  #draining = false;

  constructor(options: RestoreOptions) {
    this.#options = options;
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
      policy: options.onConflict ?? 'panic',
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
    const session = new RestoreSession({
      terms: this.#options,
      inputs: this.#inputs,
      jobId: jobId(this.#options),
      clock: this.#clock,
      progress: this.#progress,
      signal: this.#stop.signal,
    });
    this.#session = session;
    if (!this.report.dryRun) {
      this.#ledger = await openJobLedger(this.#options, this.#inputs);
      this.report.resumed = this.#ledger.resumed;
    }
    this.#progress.begin('checking');
    await session.connect();
    const checked = await session.preflight(this.report.resumed, this.#bytesToWrite());
    this.report.server = session.describe(checked);
    this.report.warnings.push(...checked.warnings);
    if (!this.report.dryRun) await this.#write(session, checked);
    this.#judge();
    if (!this.report.dryRun && this.report.keys.failed.length === 0) {
      this.#finished = true;
      await this.#ledger?.finish();
    }
  }

  stopped(error: unknown): void {
    this.#sumUp();
    enterEnd(this.report, error, this.#options.signal);
  }

  async close(): Promise<void> {
    this.#session?.end();
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

  async #openInputs(): Promise<void> {
    const { files, workDir, chunkBytes, fresh, stdin, ignoreTail = false } = this.#options;
    if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to restore.');
    const named = await namedInputs(files);
    this.#refuseTwins(named.map(({ name }) => name));
    for (const { name, sha256 } of named) {
      const input = await openRdb(name, {
        sha256,
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

  #refuseTwins(files: readonly string[]): void {
    const paths = files.map((file) => workPath(file, this.#options.workDir));
    const twin = paths.find((path, i) => paths.indexOf(path) !== i);
    if (twin === undefined) return;
    throw new UsageError('FILES_TWICE', 'two of the files would share one plan.', {
      where: twin,
      remedy: 'Name each file once; with --work-dir, files of one name in several folders need runs of their own.',
    });
  }

  #bytesToWrite(): number {
    let bytes = 0;
    for (const { unit, chunk } of this.#units()) {
      if (this.#ledger?.units.get(unit)?.state !== 'done') bytes += chunk.end - chunk.start;
    }
    return bytes;
  }

  async #write(session: RestoreSession, checked: PreflightReport): Promise<void> {
    const ledger = this.#ledger as CheckpointStore;
    const { fleet, policy } = session;
    const { functions } = checked;
    const witness = await session.openWitness();
    for (let round = 1; ; round++) {
      this.report.functions = newFunctionTally();
      await restoreFunctions(this.#inputs, { fleet, policy, supported: functions, report: this.report });
      await this.#writeChunks(ledger, session, checked, witness);
      await witness.look();
      const units = [...ledger.units.values()];
      if (units.every((unit) => unit.state !== 'done' || witness.holds(unit.result.server))) break;
      if (round === MOST_ROUNDS) throw restartsTooOften(fleet.name, '. The same command again goes on from here.');
      this.report.warnings.push(WRITTEN_AGAIN);
    }
    this.#sumUp();
    this.#countKeys();
  }

  async #writeChunks(
    ledger: CheckpointStore,
    session: RestoreSession,
    checked: PreflightReport,
    witness: Witness,
  ): Promise<void> {
    const { concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const restores = this.#inputs.map((input) => session.chunkRestore(input, checked));
    const target = session.openTarget(checked, witness);
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
