// What a target's commands can do, as far as writing a value by them depends on it.
import { atLeast, type ServerInfo } from '../../redis/server-info.ts';

export interface CommandSupport {
  /** UNLINK, which frees memory in the background (4.0). */
  readonly unlink: boolean;
  /** XGROUP CREATECONSUMER (6.2). */
  readonly createConsumer: boolean;
  /** A stream's entries-added and max-deleted-id, a group's entries-read (7.0). */
  readonly streamCounters: boolean;
  /** The latest time that HPEXPIREAT takes, ms since the epoch; `undefined` where fields do not expire. */
  readonly latestFieldExpiry: bigint | undefined;
}

/** HFE_MAX_ABS_TIME_MSEC in t_hash.c of Redis 7.4: 46 bits. */
const REDIS_FIELD_EXPIRY = 2n ** 46n - 1n;
const VALKEY_FIELD_EXPIRY = 2n ** 63n - 1n;

/** By version. Valkey began as Redis 7.2 and has had expiring fields since 9.0, Redis since 7.4. */
export function commandSupport(info: ServerInfo): CommandSupport {
  const valkey = info.engine === 'valkey';
  const fieldsExpire = valkey ? atLeast(info, 9) : atLeast(info, 7, 4);
  return {
    unlink: valkey || atLeast(info, 4),
    createConsumer: valkey || atLeast(info, 6, 2),
    streamCounters: valkey || atLeast(info, 7),
    latestFieldExpiry: fieldsExpire ? (valkey ? VALKEY_FIELD_EXPIRY : REDIS_FIELD_EXPIRY) : undefined,
  };
}
