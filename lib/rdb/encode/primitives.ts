// Writes strings as servers do, and the numbers that a value can have.
import type { ValueWriter } from '../encode-primitives.ts';
import { EncodedString } from '../strings.ts';
import type { StreamId } from '../value.ts';
import { canonicalInteger } from './integer.ts';

/** Characters of the longest number that is stored as one: -2147483648. */
const LONGEST_NUMBER = 11;

/**
 * A string, as a number where it is one of up to 32 bits.
 *
 * @see rdbSaveRawString in rdb.c, which would also compress what is longer than 20 bytes
 */
export function writeString(writer: ValueWriter, bytes: Uint8Array): void {
  const number = bytes.length <= LONGEST_NUMBER ? canonicalInteger(bytes) : undefined;
  const encoded = typeof number === 'number' ? encodedNumber(number) : undefined;
  if (encoded === undefined) writer.string(bytes);
  else writer.bytes(encoded);
}

function encodedNumber(value: number): Buffer | undefined {
  if (value >= -0x80 && value < 0x80) return Buffer.of(EncodedString.INT8, value);
  if (value >= -0x8000 && value < 0x8000) return Buffer.of(EncodedString.INT16, value, value >> 8);
  if (value !== (value | 0)) return undefined;
  return Buffer.of(EncodedString.INT32, value, value >> 8, value >> 16, value >> 24);
}

/**
 * A number of 64 bits without sign, as a length.
 *
 * @throws {RangeError} for one that 64 bits do not hold
 */
export function writeUnsigned(writer: ValueWriter, value: bigint): void {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} is no unsigned number of 64 bits`);
  writer.length(value);
}

/** A number of 64 bits with its sign, as a length of its two's complement. @throws {RangeError} as {@link writeUnsigned} */
export function writeSigned(writer: ValueWriter, value: bigint): void {
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} is no signed number of 64 bits`);
  writer.length(BigInt.asUintN(64, value));
}

export function writeDouble(writer: ValueWriter, value: number): void {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  writer.bytes(bytes);
}

/** An id as two lengths. @throws {RangeError} as {@link writeUnsigned} */
export function writeStreamId(writer: ValueWriter, { ms, seq }: StreamId): void {
  writeUnsigned(writer, ms);
  writeUnsigned(writer, seq);
}

/** An id as 16 bytes, big endian, which sort as ids do. @throws {RangeError} for parts beyond 64 bits */
export function rawStreamId({ ms, seq }: StreamId): Buffer {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeBigUInt64BE(ms, 0);
  bytes.writeBigUInt64BE(seq, 8);
  return bytes;
}
