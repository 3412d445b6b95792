// Which family of servers wrote a file: some bytes mean one thing in a Redis file and another in a Valkey file.
import { RdbError } from '../errors.ts';
import { redisTypes, sharedTypes, type TypeTable, valkeyTypes } from './types.ts';

/** Bytes in the magic, which opens every RDB: `REDIS0011`, `VALKEY080`. */
export const MAGIC_BYTES = 9;

/** The newest RDB version of each family whose every type and opcode is known here (rdb-format.md 1.1). */
export const NEWEST_REDIS_RDB = 15;
/** The newest that Valkey shares with Redis: it refuses 12 to 79. */
export const NEWEST_SHARED_RDB = 11;
export const OLDEST_VALKEY_RDB = 80;
export const NEWEST_VALKEY_RDB = 81;

/** The first version that ends in a CRC64. */
export const CHECKSUM_SINCE = 5;

/** How a file's checksum fared. `absent`: before RDB 5. `disabled`: written as zero (`rdbchecksum no`). */
export type ChecksumVerdict = 'ok' | 'absent' | 'disabled';

export type DialectName = 'redis' | 'valkey' | 'dragonfly';

/** How to read one file. */
export interface Dialect {
  readonly name: DialectName;
  /** The RDB version in the magic. */
  readonly version: number;
  readonly types: TypeTable;
}

/** The dialect of that name and version; for saved state, where the magic is no longer at hand. */
export function dialectOf(name: DialectName, version: number): Dialect {
  const types = name === 'valkey' ? valkeyTypes : name === 'redis' ? redisTypes : sharedTypes;
  return { name, version, types };
}

/**
 * Reads the magic.
 *
 * @param head the first {@link MAGIC_BYTES} bytes of the file
 * @throws {RdbError} `RDB_MAGIC` when this is no RDB, `RDB_VERSION` when its version is not known here
 */
export function dialectFromMagic(head: Uint8Array): Dialect {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, MAGIC_BYTES)).toString('latin1');
  const match = /^(?:REDIS(\d{4})|VALKEY(\d{3}))$/.exec(text);
  if (match === null) {
    throw new RdbError('RDB_MAGIC', 'this is not an RDB file: it does not begin with REDIS or VALKEY and a version.', {
      offset: 0,
    });
  }
  const name = match[1] === undefined ? 'valkey' : 'redis';
  const version = Number(match[1] ?? match[2]);
  const [oldest, newest] = name === 'redis' ? [1, NEWEST_REDIS_RDB] : [OLDEST_VALKEY_RDB, NEWEST_VALKEY_RDB];
  if (version < oldest || version > newest) {
    throw new RdbError(
      'RDB_VERSION',
      `RDB version ${version} of ${name === 'redis' ? 'Redis' : 'Valkey'} is not known; ${oldest} to ${newest} are.`,
      { offset: 5 },
      { remedy: 'A newer release of keyferry may know it. Nothing was read beyond the version.' },
    );
  }
  return dialectOf(name, version);
}

/** What an AUX field tells of the dialect: Dragonfly marks its files only there. */
export function refineDialect(dialect: Dialect, auxName: string, auxValue: string): Dialect {
  if (dialect.name === 'redis' && auxName === 'redis-ver' && auxValue.startsWith('df-')) {
    return dialectOf('dragonfly', dialect.version);
  }
  return dialect;
}
