// One shard of a backup, streamed into the bucket by one call: its object is there whole, or not at all.
import { SourceError } from '../../../errors.ts';
import { nodeEndpoint } from '../../../redis/cluster-slots.ts';
import type { RedisUrl } from '../../../redis/endpoint.ts';
import type { Shard } from '../../../sources/replica/shards.ts';
import { copyShard, shardEntry } from '../../dump/copy-shard.ts';
import { DEFAULT_STALL_MS } from '../../dump/defaults.ts';
import { MANIFEST_FILE } from '../../dump/manifest.ts';
import { ObjectPlace } from '../../dump/object-place.ts';
import { fileOf, type Packing } from '../../dump/place.ts';
import { ProvenFile } from '../../dump/proven-file.ts';
import { isRefusal, joinShard } from '../../dump/replica-source.ts';
import { ScanDumpSource } from '../../dump/scan-dump-source.ts';
import type { ShardHooks, ShardSource } from '../../dump/shard-source.ts';
import { notedFailure } from '../failure.ts';
import { type Deadline, keepLease } from '../job.ts';
import { targetUrl } from '../run-options.ts';
import { type BackupContext, type BackupRun, jobOf, readPlan, readShard, setFolder, waits, writeShard } from './run.ts';

const PACKINGS = { none: 'none', gz: 'gzip', zst: 'zstd' } as const satisfies Record<string, Packing>;

/** From here on the speed so far tells how long the rest takes; ms. */
const MEASURED_MS = 30_000;

/** What a call has done. */
export interface ShardStep {
  readonly keys: number;
  readonly bytes: number;
}

const NOTHING: ShardStep = { keys: 0, bytes: 0 };

/**
 * Done again it begins again, unless it had come to its end.
 *
 * @throws {SourceError} `SHARD_TOO_SLOW`, and what the source and the bucket throw
 */
export async function dumpShard(context: BackupContext, run: BackupRun, index: number): Promise<ShardStep> {
  const { cloud, source, deadline } = context;
  const plan = await readPlan(cloud, run);
  await keepLease(cloud, plan.lease);
  // Another shard has failed: there will be no backup.
  if ((await notedFailure(cloud, jobOf(run))) !== undefined) return NOTHING;
  if ((await readShard(cloud, run, index)) !== undefined) return NOTHING;
  const url = targetUrl(source, await context.login());
  const { host, port, role, slots } = plan.shards[index] as (typeof plan.shards)[number];
  const shard: Shard = { endpoint: nodeEndpoint(host, port, { seed: url }, url), role, slots: slots ?? undefined };
  const folder = `s3://${cloud.bucket}/${setFolder(run)}`;
  const place = new ObjectPlace(cloud.s3, { folder, manifest: MANIFEST_FILE, own: true });
  const { name, packing } = fileOf(shard, { output: '', packing: PACKINGS[source.pack] });
  const file = new ProvenFile(await place.begin(name, packing));
  const warnings: string[] = [];
  const pace = new ShardPace(context, `${host}:${port}`);
  let opened: ShardSource | undefined;
  try {
    const copied = await copyShard({
      ...{ shard, file, clock: cloud.clock, signal: deadline.signal },
      open: async (hooks) => {
        opened = await open(context, url, shard, plan.shards.length, hooks);
        return opened;
      },
      onWarning: (text) => void warnings.push(text),
      onPiece: (bytes, _, { bytes: total }) => pace.add(bytes, total),
    });
    const entry = await shardEntry(copied);
    await writeShard(cloud, run, index, { owner: run.owner, via: copied.source.via, warnings, entry });
    return { keys: entry.keys, bytes: entry.bytes };
  } catch (error) {
    await file.abandon();
    throw pace.explain(error);
  } finally {
    opened?.end();
  }
}

/** By the way of the settings; `auto` falls to a scan where the whole source is one shard. */
async function open(
  context: BackupContext,
  url: RedisUrl,
  shard: Shard,
  shards: number,
  hooks: ShardHooks,
): Promise<ShardSource> {
  const { via } = context.source;
  if (via === 'scan') return scan(context, url, shard, hooks);
  const ways = via === 'auto' ? (['psync', 'sync'] as const) : [via];
  try {
    const stallMs = DEFAULT_STALL_MS;
    return await joinShard(shard, { ways, psyncNames: new Map(), stallMs, ...waits(context) }, hooks);
  } catch (error) {
    if (via !== 'auto' || !isRefusal(error)) throw error;
    if (shards > 1) {
      const remedy = `Permit PSYNC to the user, or set via = "scan" for this source in keyferry.toml: all nodes then go into one file.`;
      throw new SourceError(error.code, error.message, { where: error.where, remedy, cause: error });
    }
    hooks.onWarning(`by SCAN, and of no one moment: at ${error.where} ${error.message}`);
    return scan(context, url, shard, hooks);
  }
}

async function scan(context: BackupContext, url: RedisUrl, shard: Shard, hooks: ShardHooks): Promise<ShardSource> {
  const { prefer } = context.source;
  const source = await ScanDumpSource.find({ source: url, prefer, ...waits(context), signal: hooks.signal });
  source.warnings.forEach(hooks.onWarning);
  return { ...(await source.open(shard, hooks)), end: () => source.end() };
}

/** Whether a shard fits into the time of one call, as soon as its speed shows it. */
class ShardPace {
  readonly #context: BackupContext;
  readonly #where: string;
  #start: number | undefined;
  #bytes = 0;

  constructor(context: BackupContext, where: string) {
    this.#context = context;
    this.#where = where;
  }

  /** @throws {SourceError} `SHARD_TOO_SLOW` */
  add(bytes: number, total: number | undefined): void {
    const { clock } = this.#context.cloud;
    this.#start ??= clock.now();
    this.#bytes += bytes;
    const took = clock.now() - this.#start;
    if (took < MEASURED_MS || total === undefined) return;
    const needs = (took / this.#bytes) * (total - this.#bytes);
    if (needs < this.#left()) return;
    throw this.#tooSlow(`the rest of its ${total} bytes takes about ${Math.ceil(needs / 60_000)} minutes more`);
  }

  /** What was thrown in a call whose time is up: that it is up. Any other error as it is. */
  explain(error: unknown): unknown {
    const deadline: Deadline = this.#context.deadline;
    if (!deadline.signal.aborted) return error;
    return this.#tooSlow(`${this.#bytes} bytes had come when its time was up`);
  }

  #left(): number {
    return this.#context.deadline.hardEnd - this.#context.cloud.clock.now();
  }

  #tooSlow(why: string): SourceError {
    return new SourceError('SHARD_TOO_SLOW', `a function cannot dump this shard in its 15 minutes: ${why}.`, {
      where: this.#where,
      remedy:
        'Cut the data into more shards, read a replica that has less to do (prefer = "replica"), or run keyferry dump -o s3://… on a machine near the source.',
    });
  }
}
