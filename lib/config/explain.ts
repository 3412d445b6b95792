// What the schema has against a file, in words: what belongs there, and what was probably meant.
import type { z } from 'zod';
import { type JsonSchema, schemaAt, tablesWith } from './json-schema.ts';
import type { Finding } from './mistakes.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { KeyPath } from './positions.ts';

/** @param raw the file as parsed, which the issue is about */
export function explain(issue: z.core.$ZodIssue, raw: unknown, schema: JsonSchema): Finding[] {
  const { path, code } = issue;
  if (code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, path, schema), ofKey: true }));
  }
  if (code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message, ofKey: true }];
  const [at, value] = [schemaAt(schema, path), valueAt(raw, path)];
  if (value === undefined) return [{ path, message: missing(path, at) }];
  // Forms of text, and what rules say, have words of their own.
  const hasWords = code === 'custom' || at === undefined || at.anyOf !== undefined || isFreeText(at);
  return [{ path, message: hasWords ? issue.message : belongs(at, value) }];
}

const isFreeText = ({ type, enum: words }: JsonSchema): boolean => type === 'string' && words === undefined;

function unknownKey(key: string, path: KeyPath, schema: JsonSchema): string {
  const known = Object.keys(schemaAt(schema, path)?.properties ?? {});
  const here = nearest(key, known);
  if (here !== undefined) return `there is no such key. Did you mean ${here}?`;
  const tables = tablesWith(key, schema);
  if (tables.length > 0)
    return `there is no such key here. It belongs in ${tables.map((table) => `[${table}]`).join(', ')}`;
  return `there is no such key. Known here are ${known.join(', ')}`;
}

function missing(path: KeyPath, at: JsonSchema | undefined): string {
  const example = at?.examples?.[0];
  const shown = example === undefined ? '' : `. For example: ${String(path.at(-1))} = ${JSON.stringify(example)}`;
  return `it is missing${shown}`;
}

/** What a schema takes, in words, and what is there instead; its value is not repeated. */
function belongs(schema: JsonSchema, value: unknown): string {
  const given = kindOf(value);
  const { wanted, kind } = takes(schema);
  const meant = typeof value === 'string' ? didYouMean(value, (schema.enum ?? []).map(String)) : '';
  const bare = typeof value === 'string' && kind !== 'text' && /^(?:true|false|\d+)$/.test(value);
  const instead = given === kind ? '' : `, not ${given}`;
  return `${wanted} belongs here${instead}.${meant}${bare ? ' Write it without quotes.' : ''}`.replace(/\.$/, '');
}

function takes({ type, enum: words, minimum, maximum, maxItems }: JsonSchema): { wanted: string; kind: string } {
  const number = { kind: 'a number' };
  if (words !== undefined) {
    const wanted = `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`;
    return typeof words[0] === 'number' ? { wanted, ...number } : { wanted, kind: 'text' };
  }
  if (type === 'integer') return { wanted: `a whole number from ${minimum} to ${maximum}`, ...number };
  if (type === 'boolean') return { wanted: 'true or false', kind: 'true or false' };
  if (type !== 'array') return { wanted: 'a table', kind: 'a table' };
  return { wanted: `a list of one or more${maxItems === undefined ? '' : `, ${maxItems} at most,`}`, kind: 'a list' };
}

/** The words of TOML's users for what a value is. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  if (typeof value === 'string') return 'text';
  return typeof value === 'number' ? 'a number' : 'true or false';
}

function valueAt(raw: unknown, path: KeyPath): unknown {
  let at = raw;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[part];
  }
  return at;
}
