// The `value` of a line as a logical value, by the line's type.

import { LATEST_MODULE_VERSION, moduleId } from '../../rdb/module-id.ts';
import type { ArrayItem, HashField, HashPath, LogicalValue, ModuleValue, ZsetEntry } from '../../rdb/value.ts';
import { misshapen } from './line-problem.ts';
import { type Json, JsonObject } from './parse-json.ts';
import {
  base64,
  count,
  double,
  list,
  optional,
  plainText,
  properties,
  signed,
  string,
  time,
  unsigned,
} from './shapes.ts';
import { stream } from './stream-shape.ts';

export const VALUE_TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module', 'array'] as const;
export type ValueTypeName = (typeof VALUE_TYPES)[number];

/** @throws {LineProblem} `JSON_RECORD` where it is not as docs/json-format.md has it */
export function logicalValue(type: ValueTypeName, json: Json): LogicalValue {
  switch (type) {
    case 'string':
      return { kind: 'string', bytes: string(json, 'the value') };
    case 'list':
      return { kind: 'list', items: list(json, 'the value of a list', 'an item', string) };
    case 'set':
      return { kind: 'set', members: list(json, 'the value of a set', 'a member', string) };
    case 'zset':
      return { kind: 'zset', entries: list(json, 'the value of a sorted set', 'an element', zsetEntry) };
    case 'hash':
      return hash(json);
    case 'stream':
      return stream(json);
    case 'module':
      return moduleValue(json);
    case 'array':
      return array(json);
  }
}

function zsetEntry(json: Json, what: string): ZsetEntry {
  const { member, score } = properties(json, what, ['member', 'score']);
  return { member: string(member, '"member"'), score: double(score, '"score"') };
}

function hash(json: Json): LogicalValue {
  if (!(json instanceof JsonObject)) {
    return { kind: 'hash', fields: list(json, 'the value of a hash', 'a field', hashField) };
  }
  const { names, values } = json;
  // A field's value is never an array, so that no hash with a field of this name looks so.
  if (names.length === 1 && names[0]?.toString() === 'paths' && Array.isArray(values[0])) {
    return { kind: 'path-hash', paths: list(values[0] as Json, '"paths"', 'a path', hashPath) };
  }
  const fields = names.map((field, i) => ({
    field,
    value: string(values[i] as Json, 'the value of a field'),
    expireAt: undefined,
  }));
  return { kind: 'hash', fields };
}

function hashField(json: Json, what: string): HashField {
  const { field, value, expiry } = properties(json, what, ['field', 'value'], ['expiry']);
  return {
    field: string(field, '"field"'),
    value: string(value, '"value" of a field'),
    expireAt: optional(expiry, '"expiry" of a field', time),
  };
}

function hashPath(json: Json, what: string): HashPath {
  const { path, fields } = properties(json, what, ['path', 'fields']);
  return { path: string(path, '"path"'), fields: list(fields, '"fields" of a path', 'a field of a path', pathField) };
}

/** These can't expire. */
function pathField(json: Json, what: string): HashField {
  const { field, value } = properties(json, what, ['field', 'value']);
  return { field: string(field, '"field"'), value: string(value, '"value" of a field'), expireAt: undefined };
}

function array(json: Json): LogicalValue {
  const { items, insertIndex } = properties(json, 'the value of an array', ['items'], ['insertIndex']);
  return {
    kind: 'array',
    insertIndex: optional(insertIndex, '"insertIndex"', unsigned),
    items: list(items, '"items"', 'an item', arrayItem),
  };
}

function arrayItem(json: Json, what: string): ArrayItem {
  const { index, value } = properties(json, what, ['index', 'value']);
  return { index: unsigned(index, '"index"'), value: arrayScalar(value) };
}

function arrayScalar(json: Json): ArrayItem['value'] {
  const name = json instanceof JsonObject && json.names.length === 1 ? json.names[0]?.toString() : undefined;
  const content = json instanceof JsonObject ? (json.values[0] as Json) : json;
  if (name === 'int') return { kind: 'integer', value: signed(content, '"int"') };
  if (name === 'float') return { kind: 'float', value: double(content, '"float"') };
  return { kind: 'string', value: string(json, 'the value of an item') };
}

/** @throws {LineProblem} `JSON_RECORD` */
export function moduleValue(json: Json): ModuleValue {
  const found = properties(json, 'the value of a module', ['module', 'version', 'payload']);
  const name = plainText(found.module, '"module"');
  const version = count(found.version, '"version"', LATEST_MODULE_VERSION);
  const id = moduleId(name, version);
  if (id === undefined) throw misshapen('"module" is to be the nine letters, digits, - and _ of a module type');
  return { kind: 'module', id, name, version, raw: base64(found.payload, '"payload"') };
}
