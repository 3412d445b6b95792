// One shard of a backup, streamed into the bucket by one call, or scanned by several: its object is there whole, or not at
// all.
import { SourceError } from '../../../errors.ts';
import { nodeEndpoint } from '../../../redis/cluster-slots.ts';
import { showEndpoint } from '../../../redis/endpoint.ts';
import { parsePsyncNames } from '../../../sources/replica/psync-names.ts';
import type { Shard } from '../../../sources/replica/shards.ts';
import { copyShard, shardEntry } from '../../dump/copy-shard.ts';
import { DEFAULT_STALL_MS } from '../../dump/defaults.ts';
import { MANIFEST_FILE } from '../../dump/manifest.ts';
import { ObjectPlace } from '../../dump/object-place.ts';
import { fileOf, type Packing } from '../../dump/place.ts';
import { ProvenFile } from '../../dump/proven-file.ts';
import { isRefusal, type JoinOptions, joinShard } from '../../dump/replica-source.ts';
import type { ShardSource } from '../../dump/shard-source.ts';
import { notedFailure } from '../failure.ts';
import { type Deadline, keepLease } from '../job.ts';
import { targetUrl } from '../run-options.ts';
import {
  type BackupContext,
  type BackupRun,
  jobOf,
  readPlan,
  readRefusal,
  readShard,
  setFolder,
  waits,
  writeRefusal,
  writeShard,
} from './run.ts';
import { nameScan, scanShard } from './scan-shard.ts';
import { readEnded } from './scan-state.ts';
import type { ShardStep } from './shard-step.ts';

const PACKINGS = { none: 'none', gz: 'gzip', zst: 'zstd' } as const satisfies Record<string, Packing>;

/** From here on the speed so far tells how long the rest takes; ms. */
const MEASURED_MS = 30_000;

const NOTHING: ShardStep = { keys: 0, bytes: 0, again: false };

/**
 * Done again it begins again, unless it had come to its end; a scan where the call before it stopped.
 *
 * @param from what the call before this one answered, of a scan
 * @throws {SourceError} `SHARD_TOO_SLOW`, and what the source and the bucket throw
 */
export async function dumpShard(
  context: BackupContext,
  run: BackupRun,
  index: number,
  from?: string,
): Promise<ShardStep> {
  const { cloud, source } = context;
  const plan = await readPlan(cloud, run);
  await keepLease(cloud, plan.lease);
  // Another shard has failed: there will be no backup.
  if ((await notedFailure(cloud, jobOf(run))) !== undefined) return NOTHING;
  // Another one was refused: the run begins again, as a scan.
  if (!plan.scan && (await readRefusal(cloud, run)) !== undefined) return NOTHING;
  if ((await readShard(cloud, run, plan, index)) !== undefined) return NOTHING;
  const ended = await readEnded(cloud, run, index);
  if (ended !== undefined) return nameScan(context, run, index, ended);
  const url = targetUrl(source, await context.login());
  const { host, port, role, slots } = plan.shards[index] as (typeof plan.shards)[number];
  const shard: Shard = { endpoint: nodeEndpoint(host, port, { seed: url }, url), role, slots: slots ?? undefined };
  const named = fileOf(shard, { output: '', packing: PACKINGS[source.pack] });
  const scan = (warnings: readonly string[]) =>
    scanShard(context, run, { index, shard, url, ...named, warnings, from });
  if (source.via === 'scan' || plan.scan || from !== undefined) return scan([]);
  try {
    const ways = source.via === 'auto' ? (['psync', 'sync'] as const) : [source.via];
    return await joinAndCopy(context, run, index, { shard, ways, ...named });
  } catch (error) {
    if (source.via !== 'auto' || !isRefusal(error)) throw error;
    const why = `by SCAN, and of no one moment: at ${error.where} ${error.message}`;
    // A scan is of the whole source, in one file: that is this shard only where it is the only one.
    if (plan.shards.length === 1) return scan([why]);
    await writeRefusal(cloud, run, why);
    return NOTHING;
  }
}

interface Joining {
  readonly shard: Shard;
  readonly ways: JoinOptions['ways'];
  readonly name: string;
  readonly packing: Packing;
}

/** As a replica has it, in this one call. */
async function joinAndCopy(
  context: BackupContext,
  run: BackupRun,
  index: number,
  { shard, ways, name, packing }: Joining,
): Promise<ShardStep> {
  const { cloud, deadline, source } = context;
  const psyncNames = source.psyncName === undefined ? new Map() : parsePsyncNames(source.psyncName);
  const folder = `s3://${cloud.bucket}/${setFolder(run)}`;
  const place = new ObjectPlace(cloud.s3, { folder, manifest: MANIFEST_FILE, own: true });
  const file = new ProvenFile(await place.begin(name, packing));
  const warnings: string[] = [];
  const pace = new ShardPace(context, showEndpoint(shard.endpoint));
  let opened: ShardSource | undefined;
  try {
    const copied = await copyShard({
      ...{ shard, file, clock: cloud.clock, signal: deadline.signal },
      open: async (hooks) => {
        const options = { ways, psyncNames, stallMs: DEFAULT_STALL_MS, ...waits(context) };
        opened = await joinShard(shard, options, hooks);
        return opened;
      },
      onWarning: (text) => void warnings.push(text),
      onPiece: (bytes, _, { bytes: total }) => pace.add(bytes, total),
    });
    const entry = await shardEntry(copied);
    await writeShard(cloud, run, index, { owner: run.owner, via: copied.source.via, warnings, entry });
    return { keys: entry.keys, bytes: entry.bytes, again: false };
  } catch (error) {
    await file.abandon();
    throw pace.explain(error);
  } finally {
    opened?.end();
  }
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
