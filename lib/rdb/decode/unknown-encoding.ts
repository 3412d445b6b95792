// The error for a value type that decoding has no rule for.
import type { Cursor } from '../../bytes/cursor.ts';
import type { RdbError } from '../../errors.ts';
import type { ValueType } from '../types.ts';

export function unknownEncoding(type: ValueType, cursor: Cursor): RdbError {
  return cursor.error(`values of type ${type.code} (${type.name}) can't be decoded`, 0, 'RDB_TYPE');
}
