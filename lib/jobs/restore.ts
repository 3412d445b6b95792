// Restores RDB files into a live server: the job as its users call it.
import type { Readable } from 'node:stream';
import type { FilterRules } from '../filter/filter.ts';
import type { AddressMap } from '../redis/cluster-slots.ts';
import type { RedisUrl } from '../redis/endpoint.ts';
import type { TargetMode } from '../redis/open-fleet.ts';
import type { Rate } from '../redis/rate-limit.ts';
import type { ConflictPolicy, ExpiryRule } from '../targets/redis/policy.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import type { RestoreReport } from './report.ts';
import { RestoreJob } from './restore-job.ts';
import { runJob } from './run-job.ts';

export interface RestoreOptions {
  /** Paths; `-` is standard input; a backup’s manifest stands for its files. All of them are one job. */
  readonly files: readonly string[];
  readonly target: RedisUrl;
  /** Default `panic`. */
  readonly onConflict?: ConflictPolicy | undefined;
  readonly expiry?: ExpiryRule | undefined;
  readonly filter?: FilterRules | undefined;
  /** `proxy` where the target is a proxy such as Twemproxy or Codis; else it is asked what it is. */
  readonly mode?: TargetMode | undefined;
  /** Where a cluster's nodes are reached that announce addresses this client can't use: `host:port` to `host:port`. */
  readonly addressMap?: AddressMap | undefined;
  /** From a file's databases to the target's. */
  readonly dbMap?: ReadonlyMap<number, number> | undefined;
  /** All databases go into one: the URL's, else 0. Keys of one name in two of them are conflicts. */
  readonly mergeDbs?: boolean | undefined;
  /** Chunks at work at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** Sockets to each server. Default 4, in a cluster 2. */
  readonly connections?: number | undefined;
  readonly rate?: Rate | undefined;
  /** Plans and checks, and writes nothing. */
  readonly dryRun?: boolean | undefined;
  /** Forgets plan and ledger of earlier runs. */
  readonly fresh?: boolean | undefined;
  /** Does not count commands behind an RDB preamble as missing. */
  readonly ignoreTail?: boolean | undefined;
  /** Refuses, before the first write, a target that can't hold all of the data. */
  readonly strict?: boolean | undefined;
  /** Goes on where only an estimate speaks against it. */
  readonly force?: boolean | undefined;
  /** Where plans, ledgers and unpacked copies go. Default: beside each file. */
  readonly workDir?: string | undefined;
  /** Size in bytes from which a chunk is closed. Default 8 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Size of a key's record in bytes from which on it is written in parts. Default 64 MiB. */
  readonly bigKeyBytes?: number | undefined;
  /** How long an unreachable, loading or busy target is waited for, in ms. Default 60,000. */
  readonly patienceMs?: number | undefined;
  /** How long one answer may take, in ms. Default 60,000. */
  readonly replyTimeoutMs?: number | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  /** Stops the job in order: what is under way is finished, and the same call later goes on. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the job to its end, or to what stops it. Errors of the family end up in the report; anything else is a defect and
 * is thrown.
 *
 * @example
 * const report = await restore({ files: ['dump.rdb'], target: parseRedisUrl('redis://127.0.0.1:6379') });
 * if (report.outcome !== 'complete') console.error(report.error?.describe());
 */
export function restore(options: RestoreOptions): Promise<RestoreReport> {
  return runJob(new RestoreJob(options));
}
