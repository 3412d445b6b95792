// Which database of the target each database of the files goes to.
import { UsageError } from '../errors.ts';

export interface DatabaseRules {
  /** The databases that the files hold. */
  readonly planned: readonly number[];
  /** Those that the job takes; all when left out. */
  readonly only?: readonly number[] | undefined;
  readonly map?: ReadonlyMap<number, number> | undefined;
  /** All go into one database: the URL's, else 0. */
  readonly merge?: boolean | undefined;
  /** The database that the target's URL names. */
  readonly urlDb?: number | undefined;
}

/**
 * The mapping: `--db-map` first, then the URL's database, else the same number.
 *
 * @throws {UsageError} `DB_NOT_IN_FILE` when a rule speaks of a database that no file has, `DB_AMBIGUOUS` when the URL's
 * database would swallow several
 */
export function mapDatabases({ planned, only, map, merge = false, urlDb }: DatabaseRules): (db: number) => number {
  const held = [...new Set(planned)].sort((a, b) => a - b);
  const missing = [...(only ?? []), ...(map?.keys() ?? [])].find((db) => !held.includes(db));
  if (missing !== undefined) {
    throw new UsageError(
      'DB_NOT_IN_FILE',
      `no file holds keys of database ${missing}; they hold ${held.join(', ') || 'none'}.`,
      {
        remedy: 'Run `keyferry plan FILE` to see what a file holds.',
      },
    );
  }
  const unmapped = held.filter((db) => (only?.includes(db) ?? true) && !map?.has(db));
  if (merge) return (db) => map?.get(db) ?? urlDb ?? 0;
  if (urlDb !== undefined && unmapped.length > 1) {
    throw new UsageError(
      'DB_AMBIGUOUS',
      `the URL names database ${urlDb}, but the keys come from databases ${unmapped.join(', ')}.`,
      {
        remedy: `Leave /${urlDb} out of the URL to keep their numbers, choose one with --only-db, put all into it with --merge-dbs, or say where each goes: --db-map ${unmapped.map((db) => `${db}:${urlDb}`).join(',')}`,
      },
    );
  }
  return (db) => map?.get(db) ?? urlDb ?? db;
}
