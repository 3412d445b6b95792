// Which keys a job takes. A seam: rules implement it here, Lua will later.
import type { Entry } from '../rdb/entry.ts';
import type { ValueKind } from '../rdb/types.ts';
import { compileGlob } from './glob.ts';

/** Decides on an entry. `key` gives the key's bytes, decoded only when asked for. */
export interface EntryFilter {
  accepts(entry: Entry, key: () => Buffer): boolean;
}

export interface FilterRules {
  /** Databases of the file; all when left out. */
  dbs?: readonly number[] | undefined;
  kinds?: readonly ValueKind[] | undefined;
  /** Globs as KEYS and SCAN take them; a key that matches one of them is taken. */
  match?: readonly string[] | undefined;
}

/** A filter from rules, all of which must hold; `undefined` when there are none. */
export function rulesFilter(rules: FilterRules): EntryFilter | undefined {
  const dbs = rules.dbs === undefined ? undefined : new Set(rules.dbs);
  const kinds = rules.kinds === undefined ? undefined : new Set(rules.kinds);
  const globs = rules.match?.map(compileGlob);
  if (dbs === undefined && kinds === undefined && globs === undefined) return undefined;
  return {
    accepts(entry, key) {
      if (dbs !== undefined && !dbs.has(entry.db)) return false;
      if (kinds !== undefined && (entry.type === undefined || !kinds.has(entry.type.kind))) return false;
      if (globs === undefined) return true;
      const bytes = key();
      return globs.some((matches) => matches(bytes));
    },
  };
}
