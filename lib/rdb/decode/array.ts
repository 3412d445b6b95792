// Arrays of Redis ≥ 8.8: elements by index, most indexes empty (rdb-format.md 1.4, type 28).
import type { ArrayItem } from '../value.ts';
import { Elements } from './elements.ts';
import type { ValueCursor } from './value-cursor.ts';

const Tag = { STRING: 0, INTEGER: 1, FLOAT: 2, SMALL_STRING: 3 } as const;

/**
 * @param cursor stands at the value
 * @returns where the next ARINSERT would go, and the elements
 */
export function arrayValue(cursor: ValueCursor): { insertIndex: bigint | undefined; items: Elements<ArrayItem> } {
  const count = cursor.count(3);
  const flagAt = cursor.position;
  const flag = cursor.length();
  if (flag > 1) throw cursor.error(`an insert index is there (1) or not (0), not ${flag}`, flagAt, 'RDB_ARRAY');
  const insertIndex = flag === 1 ? cursor.length64() : undefined;
  const readItem = (): ArrayItem => ({ index: cursor.length64(), value: itemValue(cursor) });
  return { insertIndex, items: new Elements(cursor, count, readItem, () => cursor.expectEnd('the array')) };
}

function itemValue(cursor: ValueCursor): ArrayItem['value'] {
  const at = cursor.position;
  const tag = cursor.length();
  switch (tag) {
    case Tag.STRING:
    case Tag.SMALL_STRING:
      return { kind: 'string', value: cursor.string() };
    case Tag.INTEGER:
      return { kind: 'integer', value: cursor.i64le() };
    case Tag.FLOAT:
      return { kind: 'float', value: cursor.f64le() };
  }
  throw cursor.error(`an array's item has the unknown tag ${tag}`, at, 'RDB_ARRAY');
}
