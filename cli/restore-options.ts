// From the command line of `keyferry restore` to the options of the job.
import { UsageError } from '../lib/errors.ts';
import type { FilterRules } from '../lib/filter/filter.ts';
import type { RestoreOptions } from '../lib/jobs/restore.ts';
import type { ValueKind } from '../lib/rdb/types.ts';
import { hidePassword, parseRedisUrl, type RedisUrl } from '../lib/redis/endpoint.ts';
import type { TargetMode } from '../lib/redis/open-fleet.ts';
import type { Rate } from '../lib/redis/rate-limit.ts';
import { STDIN } from '../lib/sources/rdb/input.ts';
import type { ConflictPolicy } from '../lib/targets/redis/policy.ts';
import type { Io } from './io.ts';
import { type TlsFlags, tlsSettings } from './tls-files.ts';

/** Which server is meant, and how it is reached. */
export interface TargetFlags extends TlsFlags {
  to?: string;
  sentinelUser?: string;
  mode?: TargetMode;
  addressMap?: ReadonlyMap<string, string>;
}

/** The options as the parser leaves them: values parsed, absent ones left out. */
export interface RestoreFlags extends TargetFlags {
  onConflict?: ConflictPolicy;
  /** ms */
  ttlShift?: number;
  /** False for `--no-expire`. */
  expire?: boolean;
  dbMap?: ReadonlyMap<number, number>;
  mergeDbs?: boolean;
  onlyDb?: readonly number[];
  match?: readonly string[];
  type?: readonly ValueKind[];
  rate?: Rate;
  concurrency?: number;
  connections?: number;
  dryRun?: boolean;
  fresh?: boolean;
  ignoreTail?: boolean;
  strict?: boolean;
  force?: boolean;
  workDir?: string;
  chunkBytes?: number;
  bigKeyBytes?: number;
  /** ms */
  retryFor?: number;
  /** ms */
  replyTimeout?: number;
  /** Set by `load`: the file and its plan are its own, and go. */
  passing?: boolean;
  json?: boolean;
  report?: string;
  quiet?: boolean;
}

/** @throws {UsageError} `FILES_MISSING`, `FILE_URL`, `TO_MISSING`, `OPTIONS_CONFLICT`, `STDIN_TERMINAL`, `TLS_FILE`, and those of the URL */
export function restoreOptions(
  files: readonly string[],
  flags: RestoreFlags,
  io: Pick<Io, 'env' | 'stdin'>,
): RestoreOptions {
  checkFiles(files, 'restore', io);
  if (flags.to === undefined) {
    throw new UsageError('TO_MISSING', 'where should the keys go? --to URL names the target.', {
      remedy: `For example: keyferry restore ${files[0]} --to redis://127.0.0.1:6379`,
    });
  }
  const drop = flags.expire === false;
  if (drop && flags.ttlShift !== undefined) {
    throw new UsageError('OPTIONS_CONFLICT', '--no-expire leaves no expiry for --ttl-shift to move.', {
      remedy: 'Give one of the two.',
    });
  }
  return {
    files,
    target: targetOf(flags.to, flags, io),
    onConflict: flags.onConflict,
    expiry: { shiftMs: flags.ttlShift ?? 0, drop },
    filter: filterOf(flags),
    mode: flags.mode,
    addressMap: flags.addressMap,
    dbMap: flags.dbMap,
    mergeDbs: flags.mergeDbs,
    concurrency: flags.concurrency,
    connections: flags.connections,
    rate: flags.rate,
    dryRun: flags.dryRun,
    fresh: flags.fresh,
    ignoreTail: flags.ignoreTail,
    strict: flags.strict,
    force: flags.force,
    workDir: flags.workDir,
    chunkBytes: flags.chunkBytes,
    bigKeyBytes: flags.bigKeyBytes,
    patienceMs: flags.retryFor,
    replyTimeoutMs: flags.replyTimeout,
    stdin: io.stdin,
  };
}

/** The target that a URL names, with what stands beside it. */
export function targetOf(url: string, flags: TargetFlags, { env }: Pick<Io, 'env'>): RedisUrl {
  return parseRedisUrl(url, {
    password: env.KEYFERRY_PASSWORD || undefined,
    tls: tlsSettings(flags),
    sentinelUsername: flags.sentinelUser,
    sentinelPassword: env.KEYFERRY_SENTINEL_PASSWORD || undefined,
  });
}

/** What every command asks of its files. */
export function checkFiles(files: readonly string[], command: string, { stdin }: Pick<Io, 'stdin'>): void {
  if (files.length === 0) {
    throw new UsageError('FILES_MISSING', `there is no file to ${command}.`, {
      remedy: `For example: keyferry ${command} dump.rdb${command === 'restore' ? ' --to redis://127.0.0.1:6379' : ''}`,
    });
  }
  const url = files.find((file) => /^[a-z][a-z0-9+.-]*:\/\//i.test(file));
  if (url !== undefined) {
    throw new UsageError('FILE_URL', 'this is a URL where the name of a file should stand.', {
      where: hidePassword(url),
      remedy: /^(?:rediss?|valkeys?|unix|redis\+unix|rediss?-sentinel):/i.test(url)
        ? 'The target is named by --to URL.'
        : `Fetch it first, or pipe it: aws s3 cp s3://BUCKET/KEY - | keyferry ${command} -`,
    });
  }
  if (files.includes(STDIN) && stdin.isTTY) {
    throw new UsageError('STDIN_TERMINAL', '- stands for standard input, which is a terminal here.', {
      remedy: `Pipe an RDB into it: cat dump.rdb.gz | keyferry ${command} -`,
    });
  }
}

/** Which keys of the files. */
export function filterOf({
  onlyDb,
  type,
  match,
}: Pick<RestoreFlags, 'onlyDb' | 'type' | 'match'>): FilterRules | undefined {
  if (onlyDb === undefined && type === undefined && match === undefined) return undefined;
  return { dbs: onlyDb, kinds: type, match };
}
