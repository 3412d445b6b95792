// Template-coded hashes (Redis ≥ 8.10): in a file they refer to a template by its id, which RESTORE refuses; a payload
// carries the field names itself.
import { Cursor } from '../bytes/cursor.ts';
import { RdbError } from '../errors.ts';
import { Listpack } from './decode/listpack.ts';
import type { Dialect } from './dialect.ts';
import { lengthSize, readLength64, readString } from './strings.ts';
import type { ValueType } from './types.ts';

/** The count and names of a template's fields as they stand in the file, by template id. */
export type TemplateNames = (id: bigint) => Buffer | undefined;

/** The format byte of field names that are written as counted strings. */
const RAW_NAMES = 1;

/** Types that refer to a template, and the code of the type that carries the same hash with its field names. */
export const TEMPLATE_REFERENCES: Readonly<Record<string, number>> = { HASH_TMPL_LP_REF: 29, HASH_TMPL_ARRAY_REF: 31 };

/**
 * Rewrites a value that refers to a template (types 30 and 32) into the form that RESTORE takes (29 and 31).
 *
 * @throws {RdbError} `RDB_TEMPLATE` when the template is not known
 */
export function asDumpForm(
  type: ValueType,
  value: Buffer,
  dialect: Dialect,
  names: TemplateNames | undefined,
): { type: ValueType; value: Buffer } {
  const form = dialect.types[TEMPLATE_REFERENCES[type.name] ?? 0] as ValueType;
  const { id, rest } = type.name === 'HASH_TMPL_ARRAY_REF' ? leadingId(value) : { id: listpackId(value), rest: value };
  const fields = names?.(id);
  if (fields === undefined) {
    throw new RdbError('RDB_TEMPLATE', `hash template ${id} is used but not defined.`, { offset: 0 });
  }
  return { type: form, value: Buffer.concat([Buffer.of(RAW_NAMES), fields, rest]) };
}

/** The id in front of an array of values, and the values. */
function leadingId(value: Buffer): { id: bigint; rest: Buffer } {
  return { id: readLength64(value, 0), rest: value.subarray(lengthSize(value[0] as number)) };
}

/** The id that is the first element of a listpack of values. */
function listpackId(value: Buffer): bigint {
  const blob = new Cursor(readString(value, 0).value, { code: 'RDB_LISTPACK' });
  return BigInt.asUintN(64, new Listpack(blob).nextInteger());
}
