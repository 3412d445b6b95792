// Hashes of Redis ≥ 8.10 whose field names are written once for many (rdb-format.md 1.4, types 29 to 32).
//
// DUMP gives the names with the value; a file defines them in HASH_TEMPLATE records and its hashes refer to these by id.
import type { HashField } from '../value.ts';
import { Elements } from './elements.ts';
import { Listpack } from './listpack.ts';
import { ValueCursor } from './value-cursor.ts';

/** The field names of a template of the file that the value comes from. */
export type TemplateLookup = ((id: bigint) => readonly Buffer[] | undefined) | undefined;

/** How DUMP writes the field names. */
const NamesFormat = { LISTPACK: 0, STRINGS: 1 } as const;

type TemplateType = 'HASH_TMPL_LP' | 'HASH_TMPL_LP_REF' | 'HASH_TMPL_ARRAY' | 'HASH_TMPL_ARRAY_REF';

/**
 * The field names in a HASH_TEMPLATE record.
 *
 * @param bytes their count and the names
 * @param base  offset of `bytes[0]` for errors
 * @throws {RdbError}
 */
export function decodeTemplateNames(bytes: Buffer, base = 0): Buffer[] {
  const cursor = new ValueCursor(bytes, { base });
  const names = stringNames(cursor);
  cursor.expectEnd('the template');
  return names;
}

/** @param cursor stands at the value */
export function templateHashFields(
  type: TemplateType,
  cursor: ValueCursor,
  templates: TemplateLookup,
): Elements<HashField> {
  switch (type) {
    case 'HASH_TMPL_LP': {
      const names = dumpedNames(cursor);
      return packedValues(cursor, () => names);
    }
    case 'HASH_TMPL_LP_REF':
      return packedValues(cursor, (id) => namesOf(id, cursor, templates));
    case 'HASH_TMPL_ARRAY':
      return storedValues(cursor, dumpedNames(cursor));
    case 'HASH_TMPL_ARRAY_REF':
      return storedValues(cursor, namesOf(cursor.length64(), cursor, templates));
  }
}

/** The template's id and the values in one listpack. */
function packedValues(cursor: ValueCursor, names: (id: bigint) => readonly Buffer[]): Elements<HashField> {
  const listpack = new Listpack(cursor.blob('RDB_LISTPACK'));
  cursor.expectEnd('the hash');
  const fields = names(BigInt.asUintN(64, listpack.nextInteger()));
  if (listpack.count !== 1 + fields.length) {
    throw listpack.error(`${listpack.count - 1} values stand for the ${fields.length} fields of the template`);
  }
  return join(cursor, fields, () => listpack.next());
}

function storedValues(cursor: ValueCursor, names: readonly Buffer[]): Elements<HashField> {
  const values = names.map(() => cursor.string());
  cursor.expectEnd('the hash');
  return join(cursor, names, (i) => values[i] as Buffer);
}

/** Names and values of one hash; they fit in memory, since a hash of many fields is not coded so. */
function join(cursor: ValueCursor, names: readonly Buffer[], valueAt: (i: number) => Buffer): Elements<HashField> {
  const fields = names.map((field, i): HashField => ({ field, value: valueAt(i), expireAt: undefined }));
  return Elements.over(fields, cursor.base);
}

function namesOf(id: bigint, cursor: ValueCursor, templates: TemplateLookup): readonly Buffer[] {
  const names = templates?.(id);
  if (names === undefined) throw cursor.error(`hash template ${id} is not known`, 0, 'RDB_TEMPLATE');
  return names;
}

function dumpedNames(cursor: ValueCursor): Buffer[] {
  const at = cursor.position;
  const format = cursor.length();
  if (format === NamesFormat.STRINGS) return stringNames(cursor);
  if (format !== NamesFormat.LISTPACK)
    throw cursor.error(`unknown format ${format} of field names`, at, 'RDB_TEMPLATE');
  const listpack = new Listpack(cursor.blob('RDB_LISTPACK'));
  const names = [...new Elements(listpack, listpack.count, () => listpack.next())];
  return checkOrder(names, cursor, at);
}

function stringNames(cursor: ValueCursor): Buffer[] {
  const at = cursor.position;
  const names: Buffer[] = [];
  for (let left = cursor.count(1); left > 0; left--) names.push(cursor.string());
  return checkOrder(names, cursor, at);
}

/** Names rise, first by length, then by bytes: so none comes twice. */
function checkOrder(names: Buffer[], cursor: ValueCursor, at: number): Buffer[] {
  for (let i = 1; i < names.length; i++) {
    const [before, name] = [names[i - 1] as Buffer, names[i] as Buffer];
    const order = before.length - name.length || before.compare(name);
    if (order >= 0) throw cursor.error('the field names of a hash template are not in order', at, 'RDB_TEMPLATE');
  }
  return names;
}
