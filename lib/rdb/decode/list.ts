// Lists in each of their encodings (rdb-format.md 1.4).
import type { ValueType } from '../types.ts';
import { Elements } from './elements.ts';
import { Listpack } from './listpack.ts';
import { unknownEncoding } from './unknown-encoding.ts';
import type { ValueCursor } from './value-cursor.ts';
import { Ziplist } from './ziplist.ts';

/** How a quicklist node of type 18 holds its elements. */
const Container = { PLAIN: 1, PACKED: 2 } as const;

/** @param cursor stands at the value */
export function listItems(type: ValueType, cursor: ValueCursor): Iterable<Buffer> {
  switch (type.name) {
    case 'LIST':
      return new Elements(
        cursor,
        cursor.count(1),
        () => cursor.string(),
        () => cursor.expectEnd('the list'),
      );
    case 'LIST_ZIPLIST': {
      const ziplist = new Ziplist(cursor.blob('RDB_ZIPLIST'));
      cursor.expectEnd('the list');
      return ziplistItems(ziplist);
    }
    case 'LIST_QUICKLIST':
      return quicklistItems(cursor, () => ziplistItems(new Ziplist(cursor.blob('RDB_ZIPLIST'))));
    case 'LIST_QUICKLIST_2':
      return quicklistItems(cursor, () => nodeItems(cursor));
  }
  throw unknownEncoding(type, cursor);
}

function* quicklistItems(cursor: ValueCursor, readNode: () => Iterable<Buffer>): Generator<Buffer, void, undefined> {
  for (let nodes = cursor.count(1); nodes > 0; nodes--) yield* readNode();
  cursor.expectEnd('the list');
}

function nodeItems(cursor: ValueCursor): Iterable<Buffer> {
  const at = cursor.position;
  const container = cursor.length();
  if (container === Container.PLAIN) return [cursor.string()];
  if (container !== Container.PACKED) throw cursor.error(`a list has nodes of kind 1 or 2, not ${container}`, at);
  const listpack = new Listpack(cursor.blob('RDB_LISTPACK'));
  return new Elements(listpack, listpack.count, () => listpack.next());
}

function ziplistItems(ziplist: Ziplist): Elements<Buffer> {
  return new Elements(ziplist, ziplist.count, () => ziplist.next());
}
