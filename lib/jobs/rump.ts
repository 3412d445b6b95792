// Copies a live server into another by SCAN: the job as its users call it.
import type { FilterRules } from '../filter/filter.ts';
import type { AddressMap } from '../redis/cluster-slots.ts';
import type { RedisUrl } from '../redis/endpoint.ts';
import type { TargetMode } from '../redis/open-fleet.ts';
import type { Rate } from '../redis/rate-limit.ts';
import type { ScanCloud } from '../sources/scan/spelling.ts';
import type { ConflictPolicy, ExpiryRule } from '../targets/redis/policy.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import type { RestoreReport } from './report.ts';
import { RumpJob } from './rump-job.ts';
import { runJob } from './run-job.ts';

export interface RumpOptions {
  readonly source: RedisUrl;
  readonly target: RedisUrl;
  /** What happens to keys that the target has before the job begins. Default `panic`. */
  readonly onConflict?: ConflictPolicy | undefined;
  readonly expiry?: ExpiryRule | undefined;
  readonly filter?: FilterRules | undefined;
  /** Scans so often; from the second time on only what has changed since is written. Default 1. */
  readonly passes?: number | undefined;
  /** Takes idle times or frequencies along, whichever the source keeps. Default false. */
  readonly access?: boolean | undefined;
  readonly prefer?: 'master' | 'replica' | undefined;
  readonly cloud?: ScanCloud | undefined;
  /** A file with a key on each line, which are read instead of a scan. */
  readonly keyFile?: string | undefined;
  /** `proxy` where the target is a proxy such as Twemproxy or Codis; else it is asked what it is. */
  readonly mode?: TargetMode | undefined;
  readonly sourceAddressMap?: AddressMap | undefined;
  readonly addressMap?: AddressMap | undefined;
  readonly dbMap?: ReadonlyMap<number, number> | undefined;
  readonly mergeDbs?: boolean | undefined;
  /** Units of about 1 MiB that are written at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** Sockets to each server of the target. Default 4, in a cluster 2. */
  readonly connections?: number | undefined;
  /** Sockets to each node of the source. Default 2. */
  readonly sourceConnections?: number | undefined;
  /** SCAN's COUNT at most. */
  readonly count?: number | undefined;
  /** Keys and bytes a second that are read. */
  readonly rate?: Rate | undefined;
  /** Forgets the ledger of earlier runs. */
  readonly fresh?: boolean | undefined;
  /** Goes on where only an estimate speaks against it. */
  readonly force?: boolean | undefined;
  /** Where ledger and key log go. Default: the working directory. */
  readonly workDir?: string | undefined;
  /** What the fingerprints of keys may take in memory; beyond, they go to files in the work directory. Default 64 MiB. */
  readonly memoryBytes?: number | undefined;
  /** A value that takes so much of the source's memory is not read by one DUMP. Default 256 MiB. */
  readonly dumpBytes?: number | undefined;
  readonly bigKeyBytes?: number | undefined;
  /** How long an unreachable, loading or busy server is waited for, in ms. Default 60,000. */
  readonly patienceMs?: number | undefined;
  readonly replyTimeoutMs?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  /** Stops the job in order; the same call later goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface RumpReport
  extends Pick<
    RestoreReport,
    'outcome' | 'error' | 'target' | 'server' | 'policy' | 'resumed' | 'keys' | 'functions' | 'warnings' | 'seconds'
  > {
  /** Without password. */
  source: string;
  sourceServer: string | undefined;
  /** Passes that were made, an unfinished one among them. */
  passes: number;
  /** Keys that were found as they had been written before: SCAN gives some twice, and later passes look at all. */
  unchanged: number;
  /** How often a node's scan began anew. */
  restarts: number;
}

/**
 * Runs the job to its end, or to what stops it. Errors of the family end up in the report; anything else is a defect and
 * is thrown.
 *
 * What is deleted on the source while the job runs may stay on the target; what is written there after it was read does
 * not come along, but for a later pass.
 */
export function rump(options: RumpOptions): Promise<RumpReport> {
  return runJob(new RumpJob(options));
}
