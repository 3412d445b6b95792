// A module's value: tagged items up to an end mark, whose meaning only the module knows (rdb-format.md 1.5).
import { parseModuleId } from '../module-id.ts';
import type { ModuleItem, ModuleValue } from '../value.ts';
import { ValueCursor } from './value-cursor.ts';

const Tag = { END: 0, SIGNED: 1, UNSIGNED: 2, FLOAT: 3, DOUBLE: 4, STRING: 5 } as const;

/** @param cursor stands at the value, which is the module's id and its items; MODULE_AUX records are built alike */
export function moduleValue(cursor: ValueCursor): ModuleValue {
  const id = cursor.length64();
  const start = cursor.position;
  for (const _ of itemsAt(cursor)); // proves that the items are whole
  const raw = cursor.bytes.subarray(start, cursor.position);
  cursor.expectEnd("the module's value");
  return { kind: 'module', id, ...parseModuleId(id), raw };
}

/**
 * The items that a module wrote, in order.
 *
 * @param raw  {@link ModuleValue.raw}
 * @param base offset of `raw[0]` for errors
 * @throws {RdbError} `RDB_MODULE` and the codes of strings
 */
export function moduleItems(raw: Buffer, base = 0): Iterable<ModuleItem> {
  return itemsAt(new ValueCursor(raw, { base }));
}

/** Leaves the cursor behind the end mark. */
export function* itemsAt(cursor: ValueCursor): Generator<ModuleItem, void, undefined> {
  for (;;) {
    const at = cursor.position;
    const tag = cursor.length();
    switch (tag) {
      case Tag.END:
        return;
      case Tag.SIGNED:
        yield { kind: 'signed', value: BigInt.asIntN(64, cursor.length64()) };
        break;
      case Tag.UNSIGNED:
        yield { kind: 'unsigned', value: cursor.length64() };
        break;
      case Tag.FLOAT:
        yield { kind: 'float', value: cursor.f32le() };
        break;
      case Tag.DOUBLE:
        yield { kind: 'double', value: cursor.f64le() };
        break;
      case Tag.STRING:
        yield { kind: 'string', value: cursor.string() };
        break;
      default:
        throw cursor.error(`a module's value has an item of unknown tag ${tag}`, at, 'RDB_MODULE');
    }
  }
}
