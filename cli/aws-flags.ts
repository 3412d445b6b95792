// The command line of `keyferry aws …` as the parser leaves it, and what of it goes with the file.
import type { JobState } from '../lib/checkpoint/dynamodb/jobs.ts';

export type AwsCommand = 'restore' | 'decode' | 'load' | 'jobs' | 'job' | 'retry' | 'doctor';

export interface AwsFlags {
  stack?: string;
  region?: string;
  profile?: string;
  json?: boolean;
  quiet?: boolean;
  /** False for `--no-wait`. */
  wait?: boolean;
  target?: string;
  name?: string;
  limit?: number;
  state?: JobState;
  onConflict?: string;
  ttlShift?: string;
  /** False for `--no-expire`. */
  expire?: boolean;
  onlyDb?: readonly number[];
  dbMap?: ReadonlyMap<number, number>;
  mergeDbs?: boolean;
  rate?: string;
  bigKeyBytes?: string;
  strict?: boolean;
  shape?: string;
  pack?: string;
  match?: readonly string[];
  type?: readonly string[];
  keysOnly?: boolean;
  /** False for `--no-value`. */
  value?: boolean;
  salvage?: boolean;
  allowIncomplete?: boolean;
}

/** What goes beside the file, in the words of keyferry.toml; what was not given is left out. */
export function optionsBeside(flags: AwsFlags): Record<string, unknown> {
  const { onConflict, ttlShift, expire, onlyDb, dbMap, mergeDbs, rate, bigKeyBytes, strict } = flags;
  const { shape, pack, match, type, keysOnly, value, salvage, allowIncomplete } = flags;
  const all = {
    'on-conflict': onConflict,
    'ttl-shift': ttlShift,
    'no-expire': expire === false ? true : undefined,
    'only-db': onlyDb,
    'db-map': dbMap && Object.fromEntries(dbMap),
    'merge-dbs': mergeDbs,
    rate,
    'big-key-bytes': bigKeyBytes,
    strict,
    shape,
    pack,
    match,
    type,
    'keys-only': keysOnly,
    'no-value': value === false ? true : undefined,
    salvage,
    'allow-incomplete': allowIncomplete,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
