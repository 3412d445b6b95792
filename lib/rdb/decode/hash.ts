// Hashes in each of their encodings, with and without expiring fields (rdb-format.md 1.4).
import type { ValueType } from '../types.ts';
import type { HashField, HashPath } from '../value.ts';
import { distinct } from './distinct.ts';
import { Elements, type Positioned } from './elements.ts';
import { ofField } from './identity.ts';
import { Listpack } from './listpack.ts';
import { type TemplateLookup, templateHashFields } from './template-hash.ts';
import { unknownEncoding } from './unknown-encoding.ts';
import type { ValueCursor } from './value-cursor.ts';
import { Ziplist } from './ziplist.ts';
import { Zipmap } from './zipmap.ts';

/** What Redis writes for a field that does not expire, and what Valkey writes. */
const NEVER_REDIS = 0n;
const NEVER_VALKEY = -1n;

/** The latest time that has a place in the format: 63 bits of ms. */
export const LATEST_EXPIRY = 2n ** 63n - 1n;

/** @param cursor stands at the value */
export function hashFields(type: ValueType, cursor: ValueCursor, templates: TemplateLookup): Elements<HashField> {
  switch (type.name) {
    case 'HASH':
      return counted(cursor, 2, () => ({ field: cursor.string(), value: cursor.string(), expireAt: undefined }));
    case 'HASH_ZIPMAP': {
      const zipmap = new Zipmap(cursor.blob('RDB_ZIPMAP'));
      cursor.expectEnd('the hash');
      return new Elements(zipmap, zipmap.count, () => ({ ...zipmap.next(), expireAt: undefined }));
    }
    case 'HASH_ZIPLIST':
      return pairs(cursor, new Ziplist(cursor.blob('RDB_ZIPLIST')));
    case 'HASH_LISTPACK':
      return pairs(cursor, new Listpack(cursor.blob('RDB_LISTPACK')));
    case 'HASH_METADATA_PRE_GA':
      return counted(cursor, 3, () => {
        const at = cursor.position;
        const expireAt = expiry(cursor, at, cursor.length64(), NEVER_REDIS);
        return { field: cursor.string(), value: cursor.string(), expireAt };
      });
    case 'HASH_METADATA': {
      const earliest = cursor.i64le();
      return counted(cursor, 3, () => {
        const at = cursor.position;
        const after = cursor.length64();
        // 0 says never, so that the earliest expiry itself is written as 1.
        const expireAt = after === 0n ? undefined : expiry(cursor, at, earliest + after - 1n);
        return { field: cursor.string(), value: cursor.string(), expireAt };
      });
    }
    case 'HASH_LISTPACK_EX_PRE_GA':
      return triples(cursor);
    case 'HASH_LISTPACK_EX':
      cursor.i64le(); // the earliest expiry, which the triples repeat
      return triples(cursor);
    case 'HASH_2':
      return counted(cursor, 10, () => ({
        field: cursor.string(),
        value: cursor.string(),
        expireAt: expiry(cursor, cursor.position, cursor.i64le(), NEVER_VALKEY),
      }));
    case 'HASH_TMPL_LP':
    case 'HASH_TMPL_LP_REF':
    case 'HASH_TMPL_ARRAY':
    case 'HASH_TMPL_ARRAY_REF':
      return templateHashFields(type.name, cursor, templates);
  }
  throw unknownEncoding(type, cursor);
}

/** The paths of Valkey 9.2's path hash. @param cursor stands at the value */
export function hashPaths(cursor: ValueCursor): Elements<HashPath> {
  const readPath = (): HashPath => {
    const path = cursor.string();
    const at = cursor.position;
    const fields: HashField[] = [];
    for (let left = cursor.count(2); left > 0; left--) {
      fields.push({ field: cursor.string(), value: cursor.string(), expireAt: undefined });
    }
    return { path, fields: [...distinct(Elements.over(fields, cursor.base + at), ofField)] };
  };
  return new Elements(cursor, cursor.count(2), readPath, () => cursor.expectEnd('the hash'));
}

function counted(cursor: ValueCursor, leastBytes: number, readField: () => HashField): Elements<HashField> {
  return new Elements(cursor, cursor.count(leastBytes), readField, () => cursor.expectEnd('the hash'));
}

function pairs(cursor: ValueCursor, entries: Listpack | Ziplist): Elements<HashField> {
  cursor.expectEnd('the hash');
  if (entries.count % 2 !== 0) throw entries.error(`a hash has pairs, not ${entries.count} entries`);
  const readPair = (): HashField => ({ field: entries.next(), value: entries.next(), expireAt: undefined });
  return new Elements(entries, entries.count / 2, readPair);
}

/** Field, value and expiry in turn, 0 for never. */
function triples(cursor: ValueCursor): Elements<HashField> {
  const listpack = new Listpack(cursor.blob('RDB_LISTPACK'));
  cursor.expectEnd('the hash');
  if (listpack.count % 3 !== 0) throw listpack.error(`a hash has triples here, not ${listpack.count} entries`);
  return new Elements(listpack, listpack.count / 3, () => {
    const field = listpack.next();
    const value = listpack.next();
    const at = listpack.position;
    return { field, value, expireAt: expiry(listpack, at, listpack.nextInteger(), NEVER_REDIS) };
  });
}

/**
 * An expiry as it was read at `at`; `undefined` for the number that says never.
 *
 * @throws {RdbError} for a time that no server can hold
 */
function expiry(source: Positioned, at: number, expireAt: bigint, never?: bigint): bigint | undefined {
  if (expireAt === never) return undefined;
  if (expireAt < 0n || expireAt > LATEST_EXPIRY) throw source.error(`a field can't expire at ${expireAt}`, at);
  return expireAt;
}
