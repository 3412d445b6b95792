// The version of an RDB that is being written: the one that was asked for, or the lowest that holds what came.
import { UsageError } from '../../errors.ts';
import { NEWEST_REDIS_RDB, NEWEST_SHARED_RDB, NEWEST_VALKEY_RDB, OLDEST_VALKEY_RDB } from '../../rdb/dialect.ts';
import { KEY_META_SINCE } from '../../rdb/payload.ts';
import { type TypeSupport, takes } from '../../rdb/reencode.ts';
import type { ValueType } from '../../rdb/types.ts';

/** The oldest that is written: of Redis 5.0 and 6, the first with idle times and frequencies. */
const OLDEST_RDB = 9;
/** The first with function libraries (Redis 7.0). */
const FUNCTIONS_SINCE = 10;

/** What opens a file: `REDIS0011`, `VALKEY080`. */
export function magicOf({ rdb }: TypeSupport): Buffer {
  const [name, digits] = rdb >= OLDEST_VALKEY_RDB ? ['VALKEY', 3] : ['REDIS', 4];
  return Buffer.from(name + String(rdb).padStart(digits, '0'), 'latin1');
}

/** Rises with what comes, unless it was asked for. */
export class RdbVersion {
  readonly #asked: TypeSupport | undefined;
  /** The one family that has all that came; `undefined` while both have it. */
  #family: TypeSupport['family'] | undefined;
  #lowest = OLDEST_RDB;

  /** @throws {UsageError} `OUTPUT_VERSION` for a version that is not written */
  constructor(asked: TypeSupport | undefined) {
    if (asked !== undefined && !isWritten(asked)) {
      throw new UsageError('OUTPUT_VERSION', `RDB version ${asked.rdb} of ${nameOf(asked.family)} is not written.`, {
        remedy: `Redis has ${OLDEST_RDB} to ${NEWEST_REDIS_RDB}, Valkey ${OLDEST_RDB} to ${NEWEST_SHARED_RDB} and ${OLDEST_VALKEY_RDB} to ${NEWEST_VALKEY_RDB}.`,
      });
    }
    this.#asked = asked;
  }

  get current(): TypeSupport {
    return this.#asked ?? { family: this.#family ?? 'redis', rdb: this.#lowest };
  }

  /** @throws {UsageError} `OUTPUT_VERSION` */
  admitType(type: ValueType): void {
    const [inRedis, inValkey] = [takes(type, NEWEST_REDIS), takes(type, NEWEST_VALKEY)];
    const what = `values of type ${type.code} (${type.name})`;
    if (!inRedis && !inValkey) throw unwritable(`${what} refer to other records of their file`);
    this.#admit(inRedis && inValkey ? undefined : inRedis ? 'redis' : 'valkey', type.since, what);
  }

  /** @throws {UsageError} `OUTPUT_VERSION` */
  admitMeta(): void {
    this.#admit('redis', KEY_META_SINCE, 'the metadata of keys');
  }

  /** @throws {UsageError} `OUTPUT_VERSION` */
  admitFunctions(): void {
    this.#admit(undefined, FUNCTIONS_SINCE, 'function libraries');
  }

  /** @param family that alone has it */
  #admit(family: TypeSupport['family'] | undefined, since: number, what: string): void {
    const present = this.#asked?.family ?? this.#family;
    if (family !== undefined && present !== undefined && family !== present) {
      throw unwritable(`${what} are known to ${nameOf(family)} alone, and this file is for ${nameOf(present)}`);
    }
    if (this.#asked !== undefined && since > this.#asked.rdb) {
      throw unwritable(`${what} are in RDB version ${since} and above, and this file has version ${this.#asked.rdb}`);
    }
    this.#family ??= family;
    this.#lowest = Math.max(this.#lowest, since);
  }
}

const NEWEST_REDIS: TypeSupport = { family: 'redis', rdb: NEWEST_REDIS_RDB };
const NEWEST_VALKEY: TypeSupport = { family: 'valkey', rdb: NEWEST_VALKEY_RDB };

function isWritten({ family, rdb }: TypeSupport): boolean {
  const within = (oldest: number, newest: number) => rdb >= oldest && rdb <= newest;
  if (!Number.isInteger(rdb)) return false;
  if (family === 'redis') return within(OLDEST_RDB, NEWEST_REDIS_RDB);
  return within(OLDEST_RDB, NEWEST_SHARED_RDB) || within(OLDEST_VALKEY_RDB, NEWEST_VALKEY_RDB);
}

function nameOf(family: TypeSupport['family']): string {
  return family === 'redis' ? 'Redis' : 'Valkey';
}

function unwritable(why: string): UsageError {
  return new UsageError('OUTPUT_VERSION', `${why}.`);
}
