// Makes a backup of a live server or cluster: every shard's RDB, proven as it arrives, and last of all the manifest.
import type { S3Client } from '@aws-sdk/client-s3';
import type { AddressMap } from '../../redis/cluster-slots.ts';
import { type RedisUrl, showEndpoint } from '../../redis/endpoint.ts';
import type { Rate } from '../../redis/rate-limit.ts';
import type { PsyncNames } from '../../sources/replica/psync-names.ts';
import type { ReplicationCommand } from '../../sources/replica/replication.ts';
import type { Shard } from '../../sources/replica/shards.ts';
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import { Progress } from '../../telemetry/progress.ts';
import { DEFAULT_PATIENCE_MS, DEFAULT_REPLY_TIMEOUT_MS } from '../restore-session.ts';
import { type Copied, copyShard, isoTime, manifestOf, shardEntry, wayOf } from './copy-shard.ts';
import { DEFAULT_SHARDS_AT_ONCE, DEFAULT_STALL_MS } from './defaults.ts';
import { type BackupManifest, type BackupShard, manifestText } from './manifest.ts';
import { MergedShards } from './merged-shards.ts';
import { type BackupPlace, choosePlace, fileOf, folderOf, isObjectUrl, type Packing } from './place.ts';
import { ProvenFile } from './proven-file.ts';
import { asDumpError } from './remedies.ts';
import { isRefusal, ReplicaSource } from './replica-source.ts';
import { ScanDumpSource } from './scan-dump-source.ts';
import type { DumpSource, DumpWay, ShardHooks, ShardSource } from './shard-source.ts';

export interface DumpOptions {
  readonly source: RedisUrl;
  /**
   * A file where it ends in `.rdb`, `.rdb.gz` or `.rdb.zst`; else a folder, in which the backup gets a folder of its own.
   * Or the same in S3: `s3://BUCKET/…`.
   */
  readonly output: string;
  /** What that folder is called. Default: the source's host and port, and the time. */
  readonly name?: string | undefined;
  /** Default `auto`: by PSYNC, where that is refused by SYNC, where both are by SCAN. */
  readonly via?: DumpWay | 'auto' | undefined;
  /** Of files in a folder; a file is packed as its name says. Default `none`. */
  readonly packing?: Packing | undefined;
  /** Default `master`. */
  readonly prefer?: 'master' | 'replica' | undefined;
  /** Names that PSYNC has on servers where it was renamed. */
  readonly psyncNames?: PsyncNames | undefined;
  /** The address that this replica says it has. Default: none, so that no sentinel can take it for a server. */
  readonly announce?: { readonly host: string; readonly port: number } | undefined;
  readonly addressMap?: AddressMap | undefined;
  /** One file for all shards of a cluster. Default false: a file for each. By SCAN there is only ever one. */
  readonly merge?: boolean | undefined;
  /** By SCAN: takes idle times or frequencies along. Default false: asking for them takes time. */
  readonly access?: boolean | undefined;
  /** By SCAN: keys and bytes a second at most. */
  readonly rate?: Rate | undefined;
  /** Default 2. */
  readonly concurrency?: number | undefined;
  /** How long a source that is loading, or without its own master, is waited for, in ms. Default 60,000. */
  readonly patienceMs?: number | undefined;
  /** How long a source may send nothing, in ms. Default 60,000. */
  readonly stallMs?: number | undefined;
  readonly replyTimeoutMs?: number | undefined;
  /** For `s3://`: brings region and credentials. */
  readonly s3?: S3Client | undefined;
  /** Of keyferry, for the manifest. */
  readonly version: string;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DumpReport {
  readonly manifest: BackupManifest;
  readonly manifestPath: string;
}

/**
 * Makes the backup, or leaves nothing that looks like one.
 *
 * @throws {TargetError} and {SourceError} what the source refuses; {ConnectionError} when it is not there; {RdbError} when
 * what it sends is damaged; {LocalError} and {OutputError} when it cannot be written; {UsageError}; the signal's reason
 * @example
 * const { manifest } = await dump({ source: parseRedisUrl('redis://127.0.0.1:6379'), output: 'backups', version });
 * console.log(manifest.keys, manifest.shards.map(({ file, sha256 }) => `${file} ${sha256}`));
 */
export async function dump(options: DumpOptions): Promise<DumpReport> {
  try {
    return await dumpBy(options);
  } catch (error) {
    throw asDumpError(error);
  }
}

async function dumpBy(options: DumpOptions): Promise<DumpReport> {
  const { via = 'auto' } = options;
  if (via === 'scan') return dumpFrom(await scanned(options), options, []);
  const ways = via === 'auto' ? (['psync', 'sync'] as const) : [via];
  try {
    return await dumpFrom(await joined(options, ways), options, []);
  } catch (error) {
    if (via !== 'auto' || !isRefusal(error)) throw error;
    const why = `by SCAN, and of no one moment: at ${error.where} ${error.message}`;
    return await dumpFrom(await scanned(options), options, [why]);
  }
}

async function joined(options: DumpOptions, ways: readonly ReplicationCommand[]): Promise<DumpSource> {
  const { psyncNames = new Map(), stallMs = DEFAULT_STALL_MS, merge = false } = options;
  const found = await ReplicaSource.find({ ...options, ...waits(options), ways, psyncNames, stallMs });
  return merge && found.shards.length > 1 ? new MergedShards(found) : found;
}

function scanned(options: DumpOptions): Promise<DumpSource> {
  const { source, prefer, addressMap, access, rate, signal = new AbortController().signal } = options;
  return ScanDumpSource.find({ source, prefer, addressMap, access, rate, ...waits(options), signal });
}

const waits = ({ clock, patienceMs, replyTimeoutMs }: DumpOptions) => ({
  clock: clock ?? systemClock,
  patienceMs: patienceMs ?? DEFAULT_PATIENCE_MS,
  replyTimeoutMs: replyTimeoutMs ?? DEFAULT_REPLY_TIMEOUT_MS,
});

async function dumpFrom(source: DumpSource, options: DumpOptions, warnings: readonly string[]): Promise<DumpReport> {
  const startedAt = isoTime(options.clock ?? systemClock);
  try {
    const place = await choosePlace({
      output: options.output,
      name: options.name ?? defaultName(options.source, startedAt),
      packing: options.packing ?? 'none',
      files: source.shards.length,
      s3: options.s3,
    });
    return await new Dump(options, source, place, startedAt, warnings).run();
  } finally {
    source.end();
  }
}

class Dump {
  readonly #options: DumpOptions;
  readonly #source: DumpSource;
  readonly #place: BackupPlace;
  readonly #startedAt: string;
  readonly #clock: Clock;
  readonly #progress: Progress;
  readonly #warnings: string[];
  /** The first failure ends the other shards. */
  readonly #stop = new AbortController();
  readonly #files: ProvenFile[] = [];
  readonly #open: ShardSource[] = [];

  constructor(
    options: DumpOptions,
    source: DumpSource,
    place: BackupPlace,
    startedAt: string,
    warnings: readonly string[],
  ) {
    this.#options = options;
    this.#source = source;
    this.#place = place;
    this.#startedAt = startedAt;
    this.#clock = options.clock ?? systemClock;
    this.#progress = options.progress ?? new Progress();
    this.#warnings = [...warnings, ...source.warnings];
  }

  async run(): Promise<DumpReport> {
    const { signal } = this.#options;
    const stop = () => this.#stop.abort(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      this.#progress.begin('waiting');
      const copied = await this.#copyAll();
      await this.#source.check();
      this.#progress.begin('finishing');
      return await this.#finish(copied);
    } catch (error) {
      for (const file of this.#files) await file.abandon();
      await this.#place.remove();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const source of this.#open) source.end();
    }
  }

  /** Some shards at once; in the order of the shards. */
  async #copyAll(): Promise<Copied[]> {
    const { shards } = this.#source;
    const copied: Copied[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < shards.length) {
        const index = next++;
        copied[index] = await this.#copy(shards[index] as Shard);
      }
    };
    const workers = Array.from({ length: this.#options.concurrency ?? DEFAULT_SHARDS_AT_ONCE }, worker);
    for (const each of workers) each.catch((error: unknown) => this.#stop.abort(error));
    await Promise.allSettled(workers);
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
    return copied;
  }

  async #copy(shard: Shard): Promise<Copied> {
    const { output, packing = 'none' } = this.#options;
    const { name, packing: packed } = fileOf(shard, { output, packing });
    const file = new ProvenFile(await this.#place.begin(name, packed));
    this.#files.push(file);
    const open = async (hooks: ShardHooks) => {
      const source = await this.#source.open(shard, hooks);
      this.#open.push(source);
      return source;
    };
    return copyShard({
      ...{ shard, file, open, clock: this.#clock, signal: this.#stop.signal },
      onWarning: (text) => {
        if (!this.#warnings.includes(text)) this.#warnings.push(text);
      },
      onPiece: (bytes, keys, { bytes: total }) => {
        if (this.#progress.phase === 'waiting') this.#progress.begin('reading');
        this.#progress.bytes += bytes;
        this.#progress.keys += keys;
        if (this.#source.shards.length === 1) this.#progress.bytesTotal = total;
      },
    });
  }

  async #finish(copied: readonly Copied[]): Promise<DumpReport> {
    const { source, version } = this.#options;
    await this.#place.clear();
    const entries: BackupShard[] = [];
    for (const each of copied) entries.push(await shardEntry(each));
    const manifest = manifestOf(entries, {
      keyferry: version,
      source: showEndpoint(source),
      ...(isObjectUrl(this.#place.manifest) && { location: `${folderOf(this.#place.manifest)}/` }),
      kind: this.#source.kind,
      via: wayOf(copied.map((each) => each.source.via)),
      startedAt: this.#startedAt,
      endedAt: isoTime(this.#clock),
      warnings: this.#warnings,
    });
    this.#options.signal?.throwIfAborted();
    await this.#place.seal(manifestText(manifest));
    this.#progress.begin('done');
    return { manifest, manifestPath: this.#place.manifest };
  }
}

/** `10.0.0.7-6379-20261123T204200Z`: safe in a file name, and in the order of time. */
function defaultName(source: RedisUrl, startedAt: string): string {
  const { sentinel, path, host, port } = source;
  const what = sentinel?.master ?? path?.split('/').at(-1) ?? `${host}-${port}`;
  const stamp = startedAt.replace(/\.\d+/, '').replace(/[-:]/g, '');
  return `${what.replace(/[^A-Za-z0-9._-]+/g, '-')}-${stamp}`;
}
