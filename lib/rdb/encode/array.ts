// Writes arrays of Redis ≥ 8.8 (rdb-format.md 1.4, type 28).
import { ValueWriter } from '../encode-primitives.ts';
import type { ArrayItem } from '../value.ts';
import { writeDouble, writeString, writeUnsigned } from './primitives.ts';

const Tag = { STRING: 0, INTEGER: 1, FLOAT: 2 } as const;

/** ARRAY (28). @param insertIndex where the next ARINSERT goes, where that is known */
export function arrayOf(items: readonly ArrayItem[], insertIndex: bigint | undefined): Buffer {
  const writer = new ValueWriter().length(items.length).length(insertIndex === undefined ? 0 : 1);
  if (insertIndex !== undefined) writeUnsigned(writer, insertIndex);
  for (const { index, value } of items) {
    writeUnsigned(writer, index);
    switch (value.kind) {
      case 'string':
        writer.length(Tag.STRING);
        writeString(writer, value.value);
        break;
      case 'integer':
        writer.length(Tag.INTEGER).i64le(value.value);
        break;
      case 'float':
        writer.length(Tag.FLOAT);
        writeDouble(writer, value.value);
        break;
    }
  }
  return writer.written;
}
