// A line as docs/json-format.md has it: which properties there may be, and what each of them is.
import type { LogicalValue, ModuleValue, StreamEntry } from '../../rdb/value.ts';
import { LineProblem, misshapen } from './line-problem.ts';
import type { Json } from './parse-json.ts';
import { base64, count, oneOf, optional, plainText, properties, shown, signed, string } from './shapes.ts';
import { streamEntries } from './stream-shape.ts';
import { logicalValue, moduleValue, VALUE_TYPES, type ValueTypeName } from './value-shapes.ts';

/** The value of a line, which may be some of the elements only. */
export type LineValue = LogicalValue | { readonly kind: 'stream-entries'; readonly entries: readonly StreamEntry[] };

export interface KeyLine {
  readonly kind: 'key';
  readonly db: number;
  readonly key: Buffer;
  readonly type: ValueTypeName;
  readonly encoding: string | undefined;
  readonly expireAt: bigint | undefined;
  readonly idle: number | undefined;
  readonly freq: number | undefined;
  readonly meta: Buffer | undefined;
  readonly value: LineValue;
  /** `undefined` for a value in one line. */
  readonly part: number | undefined;
  readonly last: boolean;
}

export type Line =
  | KeyLine
  | { readonly kind: 'aux'; readonly name: Buffer; readonly value: Buffer }
  | { readonly kind: 'function'; readonly code: Buffer }
  | { readonly kind: 'module-aux'; readonly value: ModuleValue };

/** What only the first part has; it is the line of a whole value that has all. */
const HEAD = ['encoding', 'expiry', 'idle', 'freq', 'meta', 'size'] as const;
const TAIL = ['elements', 'part', 'last'] as const;
const BARE = ['type', 'key', 'value'] as const;
const TYPES = [...VALUE_TYPES, 'aux', 'function', 'module-aux'] as const;
const MAX_DB = 2 ** 31 - 1;
const MAX_FREQ = 255;

/** @throws {LineProblem} `JSON_RECORD`, or `JSON_PARTS` where `part` and `last` are not as they should be */
export function readLine(json: Json): Line {
  const found = properties(json, 'the line', ['type'], ['db', 'key', 'value', ...HEAD, ...TAIL]);
  const type = typeOf(found.type);
  if (type !== 'aux' && type !== 'function' && type !== 'module-aux') return keyLine(type, found);
  const { key, value } = properties(json, `a line of type ${type}`, ['type'], BARE);
  if (type === 'module-aux') {
    optional(key, '"key"', string); // the module's name, which the value has too
    return { kind: 'module-aux', value: moduleValue(present(value, 'value')) };
  }
  const bytes = string(present(value, 'value'), '"value"');
  if (type === 'aux') return { kind: 'aux', name: string(present(key, 'key'), '"key"'), value: bytes };
  optional(key, '"key"', string); // the library's name, which its code has too
  return { kind: 'function', code: bytes };
}

type Found = Readonly<Record<'db' | 'key' | 'value' | (typeof HEAD)[number] | (typeof TAIL)[number], Json | undefined>>;

function keyLine(type: ValueTypeName, found: Found): KeyLine {
  const db = count(present(found.db, 'db'), '"db"', MAX_DB);
  const key = string(present(found.key, 'key'), '"key"');
  const json = present(found.value, 'value');
  optional(found.size, '"size"', count);
  optional(found.elements, '"elements"', count);
  const part = optional(found.part, '"part"', count);
  const last = isLast(found.last);
  checkPart(type, part, last, found);
  const before = part !== undefined && !last;
  const value = before && type === 'stream' ? entriesOf(json) : logicalValue(type, json);
  return {
    kind: 'key',
    db,
    key,
    type,
    encoding: optional(found.encoding, '"encoding"', plainText),
    expireAt: optional(found.expiry, '"expiry"', signed),
    idle: optional(found.idle, '"idle"', count),
    freq: optional(found.freq, '"freq"', (freq, what) => count(freq, what, MAX_FREQ)),
    meta: optional(found.meta, '"meta"', base64),
    value,
    part,
    last,
  };
}

function checkPart(type: ValueTypeName, part: number | undefined, last: boolean, found: Found): void {
  if (part === undefined) {
    if (last) throw new LineProblem('JSON_PARTS', 'the line has "last" but no "part"');
    return;
  }
  if (type === 'module') throw new LineProblem('JSON_PARTS', "a module's value is never in parts");
  if (part < 1) throw new LineProblem('JSON_PARTS', 'parts are numbered from 1 on');
  const extra = part > 1 ? HEAD.find((name) => found[name] !== undefined) : undefined;
  if (extra !== undefined) throw new LineProblem('JSON_PARTS', `"${extra}" belongs into the first part only`);
}

function entriesOf(json: Json): LineValue {
  return { kind: 'stream-entries', entries: streamEntries(json) };
}

function typeOf(json: Json): (typeof TYPES)[number] {
  const type = Buffer.isBuffer(json) ? oneOf(json, TYPES) : undefined;
  if (type === undefined) throw misshapen(`${shown(plainText(json, '"type"'))} is no type of a line`);
  return type;
}

function isLast(json: Json | undefined): boolean {
  if (json !== undefined && json !== true) throw misshapen('"last" is to be true, or absent');
  return json === true;
}

function present<T>(property: T | undefined, name: string): T {
  if (property !== undefined) return property;
  const remedy = name === 'value' ? 'Values are needed: decode without --no-value and without --keys-only.' : undefined;
  throw misshapen(`the line has no "${name}"`, remedy);
}
