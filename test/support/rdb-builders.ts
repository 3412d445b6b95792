// Builds RDB values, records and whole files byte by byte, written from the format and not from the code under test.
import { redisTypes, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { compressLzf } from './lzf-compress.ts';
import {
  type Bytes,
  intset,
  listpack,
  littleEndian,
  type PackedItem,
  toBuffer,
  ziplist,
  zipmap,
} from './packed-builders.ts';

export * from './packed-builders.ts';

/** A value and what it is: the type byte is not part of `value`. */
export interface BuiltValue {
  type: ValueType;
  value: Buffer;
}

/** A length; `width` forces more bytes than it takes. */
export function length(count: number | bigint, width?: 1 | 2 | 5 | 9): Buffer {
  const value = BigInt(count);
  const bytes = width ?? (value < 0x40n ? 1 : value < 0x4000n ? 2 : value < 0x1_0000_0000n ? 5 : 9);
  if (bytes === 1) return Buffer.of(Number(value));
  if (bytes === 2) return Buffer.of(0x40 | Number(value >> 8n), Number(value & 0xffn));
  const big = littleEndian(value, bytes === 5 ? 32 : 64).reverse();
  return Buffer.concat([Buffer.of(bytes === 5 ? 0x80 : 0x81), big]);
}

/** How to write a string. `int` takes the narrowest of 8, 16 and 32 bits. */
export type As = 'raw' | 'int' | 'lzf';

export function string(bytes: Bytes, as: As = 'raw'): Buffer {
  const text = toBuffer(bytes);
  if (as === 'raw') return Buffer.concat([length(text.length), text]);
  if (as === 'lzf') {
    const block = compressLzf(text) ?? literals(text);
    return Buffer.concat([Buffer.of(0xc3), length(block.length), length(text.length), block]);
  }
  const value = BigInt(text.toString());
  const bits = [8, 16, 32].find((each) => BigInt.asIntN(each, value) === value);
  if (bits === undefined || String(value) !== text.toString()) throw new Error(`${text} can't be written as a number`);
  return Buffer.concat([Buffer.of({ 8: 0xc0, 16: 0xc1, 32: 0xc2 }[bits] as number), littleEndian(value, bits)]);
}

/** An LZF block that compresses nothing: for strings that a server would not compress. */
function literals(text: Buffer): Buffer {
  const runs: Buffer[] = [];
  for (let at = 0; at < text.length; at += 32) {
    const run = text.subarray(at, at + 32);
    runs.push(Buffer.of(run.length - 1), run);
  }
  return Buffer.concat(runs);
}

/** Several elements with their number in front. */
export function counted(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([length(parts.length), ...parts]);
}

export function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** A score as text, the way of the type ZSET. */
export function textDouble(value: number): Buffer {
  if (Number.isNaN(value)) return Buffer.of(253);
  if (!Number.isFinite(value)) return Buffer.of(value > 0 ? 254 : 255);
  const text = Object.is(value, -0) ? '-0' : String(value);
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}

export interface BuiltId {
  ms: bigint | number;
  seq: bigint | number;
}

/** A stream id as 16 bytes. */
export function rawId({ ms, seq }: BuiltId): Buffer {
  return Buffer.concat([littleEndian(BigInt(ms), 64).reverse(), littleEndian(BigInt(seq), 64).reverse()]);
}

/** A stream id as two lengths. */
export function lengthId({ ms, seq }: BuiltId): Buffer {
  return Buffer.concat([length(ms), length(seq)]);
}

type Pair = readonly [Bytes, Bytes];
/** A field, its value, and when it expires (ms; 0 for never). */
type Expiring = readonly [Bytes, Bytes, bigint | number];

const redis = (code: number, value: Buffer): BuiltValue => ({ type: redisTypes[code] as ValueType, value });
const valkey = (code: number, value: Buffer): BuiltValue => ({ type: valkeyTypes[code] as ValueType, value });
const flat = (pairs: readonly (readonly PackedItem[])[]): PackedItem[] => pairs.flat();

/** Every type of value, by the name that the servers give it. `as` is how the strings of the outermost level are written. */
export const values = {
  STRING: (bytes: Bytes, as: As = 'raw') => redis(0, string(bytes, as)),
  LIST: (items: readonly Bytes[], as: As = 'raw') => redis(1, counted(items.map((item) => string(item, as)))),
  SET: (members: readonly Bytes[], as: As = 'raw') => redis(2, counted(members.map((member) => string(member, as)))),
  ZSET: (entries: readonly (readonly [Bytes, number])[]) =>
    redis(3, counted(entries.map(([member, score]) => Buffer.concat([string(member), textDouble(score)])))),
  HASH: (fields: readonly Pair[], as: As = 'raw') =>
    redis(4, counted(fields.map(([f, v]) => Buffer.concat([string(f, as), string(v, as)])))),
  ZSET_2: (entries: readonly (readonly [Bytes, number])[]) =>
    redis(5, counted(entries.map(([member, score]) => Buffer.concat([string(member), double(score)])))),
  MODULE_2: (id: bigint, items: readonly Buffer[]) => redis(7, Buffer.concat([length(id), ...items, length(0)])),
  HASH_ZIPMAP: (fields: readonly Pair[], as: As = 'raw') => redis(9, string(zipmap(fields), as)),
  LIST_ZIPLIST: (items: readonly PackedItem[], as: As = 'raw') => redis(10, string(ziplist(items), as)),
  SET_INTSET: (members: readonly (number | bigint)[], as: As = 'raw') => redis(11, string(intset(members), as)),
  ZSET_ZIPLIST: (entries: readonly (readonly [PackedItem, PackedItem])[], as: As = 'raw') =>
    redis(12, string(ziplist(flat(entries)), as)),
  HASH_ZIPLIST: (fields: readonly (readonly [PackedItem, PackedItem])[], as: As = 'raw') =>
    redis(13, string(ziplist(flat(fields)), as)),
  LIST_QUICKLIST: (nodes: readonly (readonly PackedItem[])[], as: As = 'raw') =>
    redis(14, counted(nodes.map((node) => string(ziplist(node), as)))),
  HASH_LISTPACK: (fields: readonly (readonly [PackedItem, PackedItem])[], as: As = 'raw') =>
    redis(16, string(listpack(flat(fields)), as)),
  ZSET_LISTPACK: (entries: readonly (readonly [PackedItem, PackedItem])[], as: As = 'raw') =>
    redis(17, string(listpack(flat(entries)), as)),
  /** A node is one plain element or the items of a listpack. */
  LIST_QUICKLIST_2: (nodes: readonly (Bytes | readonly PackedItem[])[], as: As = 'raw') =>
    redis(
      18,
      counted(
        nodes.map((node) =>
          typeof node === 'string' || Buffer.isBuffer(node)
            ? Buffer.concat([length(1), string(node, as)])
            : Buffer.concat([length(2), string(listpack(node), as)]),
        ),
      ),
    ),
  SET_LISTPACK: (members: readonly PackedItem[], as: As = 'raw') => redis(20, string(listpack(members), as)),
  HASH_METADATA_PRE_GA: (fields: readonly Expiring[]) =>
    redis(22, counted(fields.map(([f, v, at]) => Buffer.concat([length(at), string(f), string(v)])))),
  HASH_LISTPACK_EX_PRE_GA: (fields: readonly Expiring[], as: As = 'raw') =>
    redis(23, string(listpack(flat(fields)), as)),
  HASH_METADATA: (fields: readonly Expiring[], as: As = 'raw') => {
    const least = earliest(fields);
    const after = (at: bigint) => (at === 0n ? 0n : at - least + 1n);
    const parts = fields.map(([f, v, at]) => Buffer.concat([length(after(BigInt(at))), string(f, as), string(v, as)]));
    return redis(24, Buffer.concat([littleEndian(least, 64), counted(parts)]));
  },
  HASH_LISTPACK_EX: (fields: readonly Expiring[], as: As = 'raw') =>
    redis(25, Buffer.concat([littleEndian(earliest(fields), 64), string(listpack(flat(fields)), as)])),
  ARRAY: (items: readonly (readonly [bigint | number, ArrayPayload])[], insertIndex?: bigint) =>
    redis(
      28,
      Buffer.concat([
        length(items.length),
        ...(insertIndex === undefined ? [length(0)] : [length(1), length(insertIndex)]),
        ...items.map(([index, payload]) => Buffer.concat([length(index), arrayPayload(payload)])),
      ]),
    ),
  HASH_TMPL_LP: (id: bigint, fields: readonly Bytes[], packed: readonly PackedItem[], names: 'listpack' | 'strings') =>
    redis(29, Buffer.concat([templateNames(fields, names), string(listpack([id, ...packed]))])),
  HASH_TMPL_LP_REF: (id: bigint, packed: readonly PackedItem[]) => redis(30, string(listpack([id, ...packed]))),
  HASH_TMPL_ARRAY: (fields: readonly Bytes[], contents: readonly Bytes[], names: 'listpack' | 'strings') =>
    redis(31, Buffer.concat([templateNames(fields, names), ...contents.map((each) => string(each))])),
  HASH_TMPL_ARRAY_REF: (id: bigint, contents: readonly Bytes[]) =>
    redis(32, Buffer.concat([length(id), ...contents.map((each) => string(each))])),
  /** Valkey's; -1 for never. */
  HASH_2: (fields: readonly Expiring[], as: As = 'raw') =>
    valkey(
      22,
      counted(fields.map(([f, v, at]) => Buffer.concat([string(f, as), string(v, as), littleEndian(BigInt(at), 64)]))),
    ),
  PATH_HASH: (paths: readonly (readonly [Bytes, readonly Pair[]])[]) =>
    valkey(
      23,
      counted(
        paths.map(([path, fields]) =>
          Buffer.concat([string(path), counted(fields.map(([f, v]) => Buffer.concat([string(f), string(v)])))]),
        ),
      ),
    ),
} as const;

function earliest(fields: readonly Expiring[]): bigint {
  const times = fields.map(([, , at]) => BigInt(at)).filter((at) => at !== 0n);
  return times.sort((a, b) => Number(a - b))[0] ?? 0n;
}

export type ArrayPayload = { string: Bytes } | { small: Bytes } | { integer: bigint } | { float: number };

function arrayPayload(payload: ArrayPayload): Buffer {
  if ('string' in payload) return Buffer.concat([length(0), string(payload.string)]);
  if ('small' in payload) return Buffer.concat([length(3), string(payload.small)]);
  if ('integer' in payload) return Buffer.concat([length(1), littleEndian(payload.integer, 64)]);
  return Buffer.concat([length(2), double(payload.float)]);
}

function templateNames(fields: readonly Bytes[], names: 'listpack' | 'strings'): Buffer {
  return names === 'listpack'
    ? Buffer.concat([length(0), string(listpack(fields))])
    : Buffer.concat([length(1), counted(fields.map((field) => string(field)))]);
}

/** An item of a module's value. */
export const moduleItem = {
  signed: (value: bigint) => Buffer.concat([length(1), length(BigInt.asUintN(64, value))]),
  unsigned: (value: bigint) => Buffer.concat([length(2), length(value)]),
  float: (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return Buffer.concat([length(3), bytes]);
  },
  double: (value: number) => Buffer.concat([length(4), double(value)]),
  string: (value: Bytes, as: As = 'raw') => Buffer.concat([length(5), string(value, as)]),
} as const;

const ID_CHARSET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A module's id, from the nine characters of its name and its version. */
export function moduleId(name: string, version: number): bigint {
  let id = 0n;
  for (const character of name) id = (id << 6n) | BigInt(ID_CHARSET.indexOf(character));
  return (id << 10n) | BigInt(version);
}
