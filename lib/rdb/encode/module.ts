// Writes modules' values, whose bytes are the module's own.
import { moduleValue } from '../decode/module.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { ValueWriter } from '../encode-primitives.ts';
import type { ModuleValue } from '../value.ts';
import { writeUnsigned } from './primitives.ts';

/**
 * MODULE_2 (7). Its items are walked through: bytes that do not end where they should would shift all that follows them.
 *
 * @throws {RdbError} `RDB_MODULE` and the codes of strings
 */
export function encodeModule({ id, raw }: ModuleValue): Buffer {
  const writer = new ValueWriter();
  writeUnsigned(writer, id);
  const value = writer.bytes(raw).written;
  moduleValue(new ValueCursor(value));
  return value;
}
