// Examines a target before a restore, and whether files fit into it: the pre-flight that goes on after a problem.
import type { Readable } from 'node:stream';
import type { AddressMap } from '../redis/cluster-slots.ts';
import { type RedisUrl, showEndpoint } from '../redis/endpoint.ts';
import type { TargetMode } from '../redis/open-fleet.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import { checkCommands } from './doctor-commands.ts';
import { checkFiles } from './doctor-files.ts';
import { type Finding, Findings } from './doctor-findings.ts';
import { reachTarget } from './doctor-reach.ts';
import { checkServers } from './doctor-servers.ts';

/** A doctor is asked by somebody who waits. */
const DEFAULT_PATIENCE_MS = 5000;

export interface DoctorOptions {
  readonly target: RedisUrl;
  readonly mode?: TargetMode | undefined;
  /** Where a cluster's nodes are reached that announce addresses this client can't use: `host:port` to `host:port`. */
  readonly addressMap?: AddressMap | undefined;
  /** RDB files, as {@link openRdb} takes them: planned, and held against the target as one job. No plan is written. */
  readonly files?: readonly string[] | undefined;
  /** Where unpacked copies of packed files go for that time. Default: beside each file. */
  readonly workDir?: string | undefined;
  /** How long a target that is loading or in trouble is waited for, and how long one answer may take; ms. Default 5,000. */
  readonly patienceMs?: number | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DoctorReport {
  /** The target's URL without secrets. */
  readonly target: string;
  readonly findings: readonly Finding[];
}

/** The options with every default in its place. */
export interface DoctorTask extends DoctorOptions {
  readonly files: readonly string[];
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Asks everything that a restore would ask or meet, and writes nothing; a proxy is asked by a script, whose text stays in the
 * servers' script caches. What speaks against a restore is a finding; a file
 * that cannot be read or is damaged is one too, of the check `file`.
 *
 * @throws {LocalError} trouble on this machine, as with an unpacked copy; the signal's reason
 * @example
 * const { findings } = await doctor({ target: parseRedisUrl('redis://127.0.0.1:6379') });
 * for (const { verdict, check, what } of findings) console.log(verdict, check, what);
 */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  const { patienceMs = DEFAULT_PATIENCE_MS } = options;
  const task: DoctorTask = {
    ...options,
    files: options.files ?? [],
    patienceMs,
    replyTimeoutMs: patienceMs,
    progress: options.progress ?? new Progress(),
    clock: options.clock ?? systemClock,
    signal: options.signal ?? new AbortController().signal,
  };
  const findings = new Findings();
  task.progress.begin('checking');
  const reached = await reachTarget(task, findings);
  try {
    if (reached !== undefined) {
      await checkServers(reached, findings);
      await checkCommands(task, reached, findings);
    }
    if (task.files.length > 0) await checkFiles(task, reached, findings);
  } finally {
    reached?.fleet.end();
  }
  return { target: showEndpoint(task.target), findings: findings.list };
}
