// What the values of docs/json-format.md are made of: objects with known names, strings, numbers, stream ids.
import type { StreamId } from '../../rdb/value.ts';
import { misshapen } from './line-problem.ts';
import { type Json, JsonObject } from './parse-json.ts';

/** Reads a value out of JSON; `what` names it in errors, such as `"expiry"`. */
export type Read<T> = (json: Json, what: string) => T;

/** An inclusive range of whole numbers. */
export type Range = readonly [lowest: bigint, highest: bigint];

export const UNSIGNED: Range = [0n, 2n ** 64n - 1n];
export const SIGNED: Range = [-(2n ** 63n), 2n ** 63n - 1n];
/** Times before 1970 are none. */
export const POSITIVE: Range = [0n, 2n ** 63n - 1n];

/** Wide enough for any 64-bit number. */
const MAX_DIGITS = 20;
const MAX_SCORE_TEXT = 400;
const MAX_SHOWN = 40;

/**
 * The properties of an object, by name.
 *
 * @throws {LineProblem} where one of `required` is missing, or one is there that is in neither list: a misspelt name
 *   must not lose what it says
 */
export function properties<R extends string, O extends string = never>(
  json: Json,
  what: string,
  required: readonly R[],
  optional: readonly O[] = [],
): Record<R, Json> & Record<O, Json | undefined> {
  if (!(json instanceof JsonObject)) throw misshapen(`${what} is to be an object`);
  const found: Partial<Record<R | O, Json>> = {};
  for (let i = 0; i < json.names.length; i++) {
    const bytes = json.names[i] as Buffer;
    const name = oneOf(bytes, required) ?? oneOf(bytes, optional);
    if (name === undefined) throw misshapen(`${what} has the unknown property ${shown(bytes.toString())}`);
    found[name] = json.values[i] as Json;
  }
  for (const name of required) if (found[name] === undefined) throw misshapen(`${what} has no "${name}"`);
  return found as Record<R, Json> & Record<O, Json | undefined>;
}

/** Which of the names, all ASCII, the bytes are. Without a call out of JavaScript, since lines have many of them. */
export function oneOf<T extends string>(bytes: Buffer, names: readonly T[]): T | undefined {
  for (const name of names) if (name.length === bytes.length && isText(bytes, name)) return name;
  return undefined;
}

function isText(bytes: Buffer, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Text of the file in an error: in quotes, cut. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}

/** `undefined` for what is not there. */
export function optional<T>(json: Json | undefined, what: string, read: Read<T>): T | undefined {
  return json === undefined ? undefined : read(json, what);
}

export function list<T>(json: Json, what: string, element: string, read: Read<T>): T[] {
  if (!Array.isArray(json)) throw misshapen(`${what} is to be an array`);
  return json.map((each: Json) => read(each, element));
}

/** A Redis string: text, or bytes in base64. */
export function string(json: Json, what: string): Buffer {
  if (Buffer.isBuffer(json)) return json;
  if (!(json instanceof JsonObject)) throw misshapen(`${what} is to be a string or {"base64":…}`);
  return base64(properties(json, what, ['base64']).base64, `the base64 of ${what}`);
}

/** Bytes in base64 with its padding, without anything else. */
export function base64(json: Json, what: string): Buffer {
  const text = plainText(json, what);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw misshapen(`${what} is not valid base64`);
  return bytes;
}

/** Text that is no Redis string: a type, a name, digits. Not for long ones. */
export function plainText(json: Json, what: string): string {
  if (!Buffer.isBuffer(json)) throw misshapen(`${what} is to be a string`);
  return json.toString();
}

/** A whole number, or a string of its digits. */
export function wide(json: Json, what: string, [lowest, highest]: Range): bigint {
  const value = wholeNumber(json);
  if (value === undefined) throw misshapen(`${what} is to be a whole number`);
  if (value < lowest || value > highest) throw misshapen(`${what} is ${value}; it goes from ${lowest} to ${highest}`);
  return value;
}

function wholeNumber(json: Json): bigint | undefined {
  if (typeof json === 'bigint') return json;
  // A larger double is no longer the number that someone meant.
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : undefined;
  if (!Buffer.isBuffer(json) || json.length > MAX_DIGITS) return undefined;
  const text = json.toString();
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

/** A whole number from 0 on that a double holds. */
export function count(json: Json, what: string, highest: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= highest) return json + 0; // not -0
  return Number(wide(json, what, [0n, BigInt(highest)]));
}

export const unsigned: Read<bigint> = (json, what) => wide(json, what, UNSIGNED);
export const signed: Read<bigint> = (json, what) => wide(json, what, SIGNED);
/** A time that can't be before 1970, in ms. */
export const time: Read<bigint> = (json, what) => wide(json, what, POSITIVE);

/** A double: a number, or as a string digits, `inf`, `-inf` or `nan`. */
export function double(json: Json, what: string): number {
  if (typeof json === 'number') return json;
  if (typeof json === 'bigint') return Number(json);
  const text = Buffer.isBuffer(json) && json.length <= MAX_SCORE_TEXT ? json.toString() : '';
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  if (text === 'nan') return Number.NaN;
  const value = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw misshapen(`${what} is to be a number, "inf", "-inf" or "nan"`);
  return value;
}

/** A stream id: `1700000000000-0`. */
export function streamId(json: Json, what: string): StreamId {
  const text = Buffer.isBuffer(json) && json.length <= 2 * MAX_DIGITS + 1 ? json.toString() : '';
  const [, ms, seq] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? [];
  const id = { ms: BigInt(ms ?? -1), seq: BigInt(seq ?? -1) };
  const [lowest, highest] = UNSIGNED;
  if (id.ms < lowest || id.ms > highest || id.seq < lowest || id.seq > highest) {
    throw misshapen(`${what} is to be a stream id such as "1700000000000-0"`);
  }
  return id;
}
