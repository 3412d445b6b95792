// Scans a source into its object, over as many calls as that takes. Between two keys a call stops, and leaves all that the
// next one needs; done again, a call goes on from where the one before it stopped.
import { Sha256 } from '../../../bytes/sha256.ts';
import { SourceError } from '../../../errors.ts';
import { type RedisUrl, showEndpoint } from '../../../redis/endpoint.ts';
import type { Shard } from '../../../sources/replica/shards.ts';
import { ScanSource } from '../../../sources/scan/scan-source.ts';
import { OutputError } from '../../../storage/s3/output-error.ts';
import { createObject, type ObjectOutput, resumeObject } from '../../../storage/s3/s3-output.ts';
import { entryOf, isoTime } from '../../dump/copy-shard.ts';
import type { Packing } from '../../dump/place.ts';
import { ProvenFile } from '../../dump/proven-file.ts';
import { keysOf, type SavedScanDump, writeSomeScanDump } from '../../scan-dump.ts';
import { openWork } from '../work.ts';
import { LoggedKeys } from './logged-keys.ts';
import { type BackupContext, type BackupRun, setFolder, waits, workKey, writeShard } from './run.ts';
import { type EndedScan, FORM, newName, readState, type SavedScan, writeEnded, writeState } from './scan-state.ts';
import type { ShardStep } from './shard-step.ts';

/** Of fingerprints: some 20 million keys; the rest goes to the function's disk. */
const MEMORY_BYTES = 512 * 1024 * 1024;

export interface ScanTask {
  readonly index: number;
  readonly shard: Shard;
  readonly url: RedisUrl;
  /** Of the file in the set. */
  readonly name: string;
  readonly packing: Packing;
  readonly warnings: readonly string[];
  /** Where the call before this one has left its state. */
  readonly from: string | undefined;
}

/** @throws {SourceError} `SHARD_TOO_SLOW`, `SOURCE_UNSTABLE`, `SOURCE_UNREAD`, and what the source and the bucket throw */
export async function scanShard(context: BackupContext, run: BackupRun, task: ScanTask): Promise<ShardStep> {
  const { deadline } = context;
  const stop = new AbortController();
  try {
    const call = await ScanCall.open(context, run, task, AbortSignal.any([deadline.signal, stop.signal]));
    try {
      return await call.go();
    } catch (error) {
      stop.abort(error);
      await call.abandon();
      throw error;
    } finally {
      await call.close();
    }
  } catch (error) {
    throw deadline.signal.aborted ? tooSlow(task) : error;
  } finally {
    // Ends the page that nobody waits for.
    stop.abort(new Error('the call has ended'));
  }
}

class ScanCall {
  readonly #context: BackupContext;
  readonly #run: BackupRun;
  readonly #task: ScanTask;
  readonly #signal: AbortSignal;
  readonly #source: ScanSource;
  readonly #saved: SavedScan | undefined;
  readonly #seen: LoggedKeys;
  readonly #hashes: Opened['hashes'];
  readonly #object: ObjectOutput;
  readonly #file: ProvenFile;
  readonly #startedAt: string;
  #ended = false;

  private constructor([context, run, task, signal]: CallOf, { saved, source, seen, hashes }: Opened) {
    const { s3, bucket, clock } = context.cloud;
    const { name, packing } = task;
    this.#context = context;
    this.#run = run;
    this.#task = task;
    this.#signal = signal;
    this.#source = source;
    this.#saved = saved;
    this.#seen = seen;
    this.#hashes = hashes;
    this.#startedAt = saved?.startedAt ?? isoTime(clock);
    const object =
      saved === undefined
        ? createObject(s3, { bucket, key: `${setFolder(run)}${name}` }, { signal })
        : resumeObject(s3, saved.output, { signal });
    this.#object = object;
    // What is packed ends with each call, as a member or frame of its own; the object does not.
    const output = { write: (bytes: Buffer) => object.write(bytes), commit: async () => {}, leave: async () => {} };
    const placed = { name, packing, output, discard: async () => {} };
    this.#file = new ProvenFile(placed, { hashes: this.#hashes, from: saved?.file });
  }

  static async open(...of: CallOf): Promise<ScanCall> {
    const [context, run, { index, url, from }, signal] = of;
    const { cloud, limits = {} } = context;
    const saved = from === undefined ? undefined : await readState(cloud, run, from);
    const { prefer } = context.source;
    const count = limits.pageKeys;
    const source = await ScanSource.open({ source: url, prefer, count, ...waits(context), signal });
    try {
      const seen = await LoggedKeys.open(cloud, {
        key: workKey(run, newName(index, (saved?.calls ?? 0) + 1, 'keys')),
        ...{ seed: saved?.seed, logs: saved?.logs ?? [], expected: keysOf(source), signal },
        memoryBytes: limits.memoryBytes ?? MEMORY_BYTES,
      });
      const hashes = { plain: await Sha256.open(saved?.hashes.plain), stored: await Sha256.open(saved?.hashes.stored) };
      return new ScanCall(of, { saved, source, seen, hashes });
    } catch (error) {
      source.end();
      throw error;
    }
  }

  async go(): Promise<ShardStep> {
    const { deadline, limits: { callKeys = Number.POSITIVE_INFINITY } = {} } = this.#context;
    const source = this.#source;
    const written = await writeSomeScanDump(this.#file, {
      ...{ source, seen: this.#seen, from: this.#saved?.dump, signal: this.#signal },
      outOfTime: (keys) => source.resumable && (deadline.outOfTime() || keys >= callKeys),
    });
    return 'saved' in written ? this.#save(written.saved) : this.#end();
  }

  /** What was begun here is no use to anybody; what an earlier call has left stays, for the next try. */
  async abandon(): Promise<void> {
    await this.#file.abandon();
    if (this.#saved === undefined && !this.#ended) await this.#object.leave();
  }

  async close(): Promise<void> {
    this.#source.end();
    await this.#seen.close();
  }

  async #save(dump: SavedScanDump): Promise<ShardStep> {
    const { cloud } = this.#context;
    const saved: SavedScan = {
      ...{ owner: this.#run.owner, form: FORM, calls: (this.#saved?.calls ?? 0) + 1, startedAt: this.#startedAt },
      warnings: this.#warnings(),
      dump,
      file: await this.#file.pause(),
      hashes: { plain: this.#hashes.plain.save(), stored: this.#hashes.stored.save() },
      output: await this.#object.save(),
      ...{ seed: this.#seen.seed, logs: [...(this.#saved?.logs ?? []), await this.#seen.save()] },
    };
    const from = await writeState(cloud, this.#run, this.#task.index, saved);
    return { keys: dump.rdb.keys, bytes: saved.output.bytes, again: true, from };
  }

  async #end(): Promise<ShardStep> {
    const { cloud } = this.#context;
    const { shard } = this.#task;
    const rdb = await this.#file.finish();
    const stored = await this.#file.commit();
    const source = { replid: undefined, offset: undefined, pointInTime: false };
    const times = { startedAt: this.#startedAt, endedAt: isoTime(cloud.clock) };
    const entry = entryOf({ shard, file: this.#file, rdb, source, ...times }, stored);
    const ended: EndedScan = {
      ...{ owner: this.#run.owner, via: 'scan', warnings: this.#warnings(), entry },
      output: await this.#object.save(),
    };
    // Before the object has its name: a try whose answer is lost then need not scan again.
    await writeEnded(cloud, this.#run, this.#task.index, ended);
    this.#ended = true;
    return nameScan(this.#context, this.#run, this.#task.index, ended);
  }

  #warnings(): string[] {
    return [...new Set([...this.#task.warnings, ...(this.#saved?.warnings ?? []), ...this.#source.warnings])];
  }
}

/** What a call needs before it can begin. */
interface Opened {
  readonly saved: SavedScan | undefined;
  readonly source: ScanSource;
  readonly seen: LoggedKeys;
  readonly hashes: { readonly plain: Sha256; readonly stored: Sha256 };
}

type CallOf = [context: BackupContext, run: BackupRun, task: ScanTask, signal: AbortSignal];

/** Gives the object of a scan its name; one that has it already keeps it. */
export async function nameScan(
  { cloud, deadline }: BackupContext,
  run: BackupRun,
  index: number,
  { output, ...shard }: EndedScan,
): Promise<ShardStep> {
  const { keys, bytes } = shard.entry;
  try {
    await resumeObject(cloud.s3, output, { signal: deadline.signal }).commit();
  } catch (error) {
    const gone = error instanceof OutputError && error.code === 'OUTPUT_UPLOAD_GONE';
    if (!gone || (await sizeOf(output.key)) !== bytes) throw error;
  }
  await writeShard(cloud, run, index, shard);
  return { keys, bytes, again: false };

  async function sizeOf(key: string): Promise<number | undefined> {
    const object = await openWork(cloud, key);
    await object?.close();
    return object?.size;
  }
}

const tooSlow = ({ shard, from }: ScanTask): SourceError =>
  new SourceError(
    'SHARD_TOO_SLOW',
    `a call of a function was cut off after 15 minutes, and the scan had come no further ${from === undefined ? 'than its beginning' : 'than the call before'}.`,
    {
      where: showEndpoint(shard.endpoint),
      remedy:
        'Run keyferry dump --via scan -o s3://… on a machine near the source. A scan goes on over several calls only where the user may call INFO.',
    },
  );
