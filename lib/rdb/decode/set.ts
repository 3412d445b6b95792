// Sets in each of their encodings (rdb-format.md 1.4).
import type { ValueType } from '../types.ts';
import { Elements } from './elements.ts';
import { Intset } from './intset.ts';
import { Listpack } from './listpack.ts';
import { unknownEncoding } from './unknown-encoding.ts';
import type { ValueCursor } from './value-cursor.ts';

/** @param cursor stands at the value */
export function setMembers(type: ValueType, cursor: ValueCursor): Elements<Buffer> {
  switch (type.name) {
    case 'SET':
      return new Elements(
        cursor,
        cursor.count(1),
        () => cursor.string(),
        () => cursor.expectEnd('the set'),
      );
    case 'SET_INTSET': {
      const intset = new Intset(cursor.blob('RDB_INTSET'));
      cursor.expectEnd('the set');
      return new Elements(intset, intset.count, () => intset.next());
    }
    case 'SET_LISTPACK': {
      const listpack = new Listpack(cursor.blob('RDB_LISTPACK'));
      cursor.expectEnd('the set');
      return new Elements(listpack, listpack.count, () => listpack.next());
    }
  }
  throw unknownEncoding(type, cursor);
}
