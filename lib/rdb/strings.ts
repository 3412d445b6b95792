// Lengths and strings, the two primitives that everything in an RDB is made of.
import { expandLzf, LzfError } from '../bytes/lzf.ts';
import { RdbError } from '../errors.ts';

/** How a string is stored: as it is, as a number, or compressed. */
export type StringEncoding = 'raw' | 'int' | 'lzf';

/** First bytes of strings that are not stored as they are (rdb-format.md 1.2). */
export const EncodedString = { INT8: 0xc0, INT16: 0xc1, INT32: 0xc2, LZF: 0xc3 } as const;

/** First bytes of lengths that take more than two bytes. */
export const WideLength = { U32: 0x80, U64: 0x81 } as const;

/** How the string that begins with this byte is stored; `undefined` when no string begins so. */
export function stringEncoding(first: number): StringEncoding | undefined {
  if (lengthSize(first) !== 0) return 'raw';
  if (first === EncodedString.LZF) return 'lzf';
  return first >= EncodedString.INT8 && first <= EncodedString.INT32 ? 'int' : undefined;
}

/** How many bytes the length that begins with this byte takes; 0 when no length begins so. */
export function lengthSize(first: number): 0 | 1 | 2 | 5 | 9 {
  if (first < 0x40) return 1;
  if (first < 0x80) return 2;
  if (first === WideLength.U32) return 5;
  return first === WideLength.U64 ? 9 : 0;
}

/**
 * The length at `at`. Above 2^53 it is rounded, which is enough to see that it goes beyond any input: where all of its
 * 64 bits count, use {@link readLength64}. It takes `lengthSize(bytes[at])` bytes.
 *
 * @param base offset of `bytes[0]` for errors
 * @throws {RdbError} `RDB_LENGTH`
 */
export function readLength(bytes: Buffer, at: number, base = 0): number {
  const first = bytes[at];
  if (first !== undefined && first < 0x40) return first;
  switch (checkedLengthSize(bytes, at, base)) {
    case 2:
      return (((first as number) & 0x3f) << 8) | (bytes[at + 1] as number);
    case 5:
      return bytes.readUInt32BE(at + 1);
    default:
      return bytes.readUInt32BE(at + 1) * 2 ** 32 + bytes.readUInt32BE(at + 5);
  }
}

/** Like {@link readLength}, exact to the last of 64 bits. */
export function readLength64(bytes: Buffer, at: number, base = 0): bigint {
  const size = checkedLengthSize(bytes, at, base);
  return size === 9 ? bytes.readBigUInt64BE(at + 1) : BigInt(readLength(bytes, at, base));
}

function checkedLengthSize(bytes: Buffer, at: number, base: number): number {
  const first = bytes[at];
  if (first === undefined) throw damaged('RDB_LENGTH', 'the bytes end where a length should begin', at, base);
  const size = lengthSize(first);
  if (size === 0) throw damaged('RDB_LENGTH', `no length begins with the byte ${hex(first)}`, at, base);
  if (size > bytes.length - at) throw damaged('RDB_LENGTH', 'the bytes end inside a length', at, base);
  return size;
}

/**
 * The string at `at`, in any encoding. One that is stored as it is comes back as a view, not a copy; an integer as its
 * decimal text.
 *
 * @param base offset of `bytes[0]` for errors
 * @throws {RdbError} `RDB_STRING`, `RDB_LENGTH`, `RDB_LZF`
 * @see rdb-format.md 1.2 (rdbGenericLoadStringObject in rdb.c)
 */
export function readString(bytes: Buffer, at: number, base = 0): { value: Buffer; end: number } {
  const first = bytes[at];
  if (first !== undefined && first < 0x40) {
    const end = at + 1 + first;
    if (end <= bytes.length) return { value: bytes.subarray(at + 1, end), end };
  }
  const end = stringEnd(bytes, at, base);
  if ((first as number) < EncodedString.INT8) {
    return { value: bytes.subarray(at + lengthSize(first as number), end), end };
  }
  switch (first) {
    case EncodedString.INT8:
      return { value: decimal(bytes.readInt8(at + 1)), end };
    case EncodedString.INT16:
      return { value: decimal(bytes.readInt16LE(at + 1)), end };
    case EncodedString.INT32:
      return { value: decimal(bytes.readInt32LE(at + 1)), end };
    default:
      return { value: expand(bytes, at, base), end };
  }
}

/**
 * Where the string at `at` ends, without decoding it.
 *
 * @throws {RdbError} as {@link readString}, for whatever can be told without decoding
 */
export function stringEnd(bytes: Buffer, at: number, base = 0): number {
  const first = bytes[at];
  if (first === undefined) throw damaged('RDB_STRING', 'the bytes end where a string should begin', at, base);
  const end = at + encodedSize(bytes, at, first, base);
  if (!(end <= bytes.length)) {
    throw damaged(
      'RDB_STRING',
      `a string of ${end - at} bytes begins here, but ${bytes.length - at} are left`,
      at,
      base,
    );
  }
  return end;
}

/** Bytes of a string from its first to its last, as declared. */
function encodedSize(bytes: Buffer, at: number, first: number, base: number): number {
  switch (first) {
    case EncodedString.INT8:
      return 2;
    case EncodedString.INT16:
      return 3;
    case EncodedString.INT32:
      return 5;
    case EncodedString.LZF: {
      const { start, compressed } = lzfBlock(bytes, at, base);
      return start - at + compressed;
    }
  }
  if (lengthSize(first) === 0) throw damaged('RDB_STRING', `no string begins with the byte ${hex(first)}`, at, base);
  return readLength(bytes, at, base) + lengthSize(first);
}

/** What stands before an LZF block: the sizes in bytes of the block and of its content. */
function lzfBlock(bytes: Buffer, at: number, base: number): { start: number; compressed: number; expanded: number } {
  const sizeAt = at + 1;
  const compressed = readLength(bytes, sizeAt, base);
  const expandedAt = sizeAt + lengthSize(bytes[sizeAt] as number);
  const expanded = readLength(bytes, expandedAt, base);
  return { start: expandedAt + lengthSize(bytes[expandedAt] as number), compressed, expanded };
}

function expand(bytes: Buffer, at: number, base: number): Buffer {
  const { start, compressed, expanded } = lzfBlock(bytes, at, base);
  try {
    return expandLzf(bytes.subarray(start, start + compressed), expanded);
  } catch (cause) {
    if (!(cause instanceof LzfError)) throw cause;
    throw new RdbError(cause.code, cause.message, { offset: base + start + cause.at }, { cause });
  }
}

function decimal(value: number): Buffer {
  return Buffer.from(String(value), 'latin1');
}

function damaged(code: string, message: string, at: number, base: number): RdbError {
  return new RdbError(code, `${message}.`, { offset: base + at });
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
