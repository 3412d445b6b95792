// Decodes a value: from its bytes in an RDB or a DUMP payload to what it is.
import { arrayValue } from './decode/array.ts';
import { distinct } from './decode/distinct.ts';
import { hashFields, hashPaths } from './decode/hash.ts';
import * as identity from './decode/identity.ts';
import { listItems } from './decode/list.ts';
import { moduleValue } from './decode/module.ts';
import { setMembers } from './decode/set.ts';
import { streamValue } from './decode/stream.ts';
import type { TemplateLookup } from './decode/template-hash.ts';
import { ValueCursor } from './decode/value-cursor.ts';
import { zsetEntries } from './decode/zset.ts';
import type { ValueType } from './types.ts';
import type { LoadedGroup, LogicalValue, OpenValue, StreamGroup } from './value.ts';

export { moduleItems, moduleValue } from './decode/module.ts';
export { decodeTemplateNames, type TemplateLookup } from './decode/template-hash.ts';
export type * from './value.ts';

export interface DecodeOptions {
  /** Offset of the value's first byte, for errors. Default 0. */
  base?: number | undefined;
  /** The field names of the file's templates, which hashes of the types 30 and 32 refer to. */
  templates?: TemplateLookup;
}

/**
 * Decodes a value as a whole.
 *
 * Empty containers are not damage here, although servers keep none: they skip such a key when they load a file.
 *
 * @param value exactly the value's bytes, without the type byte
 * @returns whose byte strings are, where possible, views of `value`
 * @throws {RdbError} for any damage: the code says what kind of data it was found in
 */
export function decodeValue(type: ValueType, value: Buffer, options: DecodeOptions = {}): LogicalValue {
  const open = openValue(type, value, options);
  switch (open.kind) {
    case 'list':
      return { kind: 'list', items: [...open.items] };
    case 'set':
      return { kind: 'set', members: [...open.members] };
    case 'zset':
      return { kind: 'zset', entries: [...open.entries] };
    case 'hash':
      return { kind: 'hash', fields: [...open.fields] };
    case 'path-hash':
      return { kind: 'path-hash', paths: [...open.paths] };
    case 'stream':
      return { ...open, entries: [...open.entries], groups: open.groups.map(loadGroup) };
    case 'array':
      return { ...open, items: [...open.items] };
  }
  return open;
}

/**
 * Decodes a value whose elements come while they are asked for, each container once. Damage inside an element is found
 * when it is reached, and what belongs to the whole (counts, bytes left over) behind the last: read to the end before
 * the value is believed.
 *
 * @param value exactly the value's bytes, without the type byte
 * @throws {RdbError} as {@link decodeValue}, here and from the iterators
 */
export function openValue(type: ValueType, value: Buffer, options: DecodeOptions = {}): OpenValue {
  const cursor = new ValueCursor(value, { base: options.base });
  switch (type.kind) {
    case 'string': {
      const bytes = cursor.string();
      cursor.expectEnd('the string');
      return { kind: 'string', bytes };
    }
    case 'list':
      return { kind: 'list', items: listItems(type, cursor) };
    case 'set':
      return { kind: 'set', members: distinct(setMembers(type, cursor), identity.ofMember) };
    case 'zset':
      return { kind: 'zset', entries: distinct(zsetEntries(type, cursor), identity.ofEntry) };
    case 'hash': {
      if (type.name === 'PATH_HASH') return { kind: 'path-hash', paths: distinct(hashPaths(cursor), identity.ofPath) };
      const fields = hashFields(type, cursor, options.templates);
      return { kind: 'hash', fields: distinct(fields, identity.ofField) };
    }
    case 'stream':
      return streamValue(type, cursor);
    case 'module':
      return moduleValue(cursor);
    case 'array': {
      const { insertIndex, items } = arrayValue(cursor);
      return { kind: 'array', insertIndex, items: distinct(items, identity.ofItem) };
    }
  }
}

function loadGroup(group: StreamGroup): LoadedGroup {
  return {
    ...group,
    pel: [...group.pel],
    consumers: group.consumers.map((consumer) => ({ ...consumer, pel: [...consumer.pel] })),
    nacked: [...group.nacked],
  };
}
