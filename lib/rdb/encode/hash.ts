// Writes hashes, with and without expiring fields, and path hashes.
import { LATEST_EXPIRY } from '../decode/hash.ts';
import { ValueWriter } from '../encode-primitives.ts';
import type { HashField, HashPath } from '../value.ts';
import { ListpackWriter } from './listpack.ts';
import { writeString } from './primitives.ts';

/** What Valkey writes for a field that stays. */
const NEVER_VALKEY = -1n;

/** HASH (4): fields that stay. */
export function countedHash(fields: readonly HashField[]): Buffer {
  return writePairs(new ValueWriter(), fields).written;
}

/** HASH_LISTPACK (16): fields that stay. */
export function packedHash(fields: readonly HashField[]): Buffer {
  const listpack = new ListpackWriter();
  for (const { field, value } of fields) listpack.string(field).string(value);
  return new ValueWriter().string(listpack.finish()).written;
}

/** HASH_METADATA (24), as Redis ≥ 7.4 has it: times count from the earliest, which is 1, so that 0 says never. */
export function expiringHash(fields: readonly HashField[]): Buffer {
  let earliest: bigint | undefined;
  for (const { expireAt } of fields) {
    if (expireAt !== undefined && (earliest === undefined || expireAt < earliest)) earliest = expireAt;
  }
  const writer = new ValueWriter().i64le(earliest ?? 0n).length(fields.length);
  for (const { field, value, expireAt } of fields) {
    writer.length(expireAt === undefined ? 0 : checked(expireAt) - (earliest as bigint) + 1n);
    writeString(writer, field);
    writeString(writer, value);
  }
  return writer.written;
}

/** HASH_2 (22), as Valkey ≥ 9.0 has it. */
export function expiringHashOfValkey(fields: readonly HashField[]): Buffer {
  const writer = new ValueWriter().length(fields.length);
  for (const { field, value, expireAt } of fields) {
    writeString(writer, field);
    writeString(writer, value);
    writer.i64le(expireAt === undefined ? NEVER_VALKEY : checked(expireAt));
  }
  return writer.written;
}

/** PATH_HASH (23), as Valkey ≥ 9.2 has it. */
export function pathHash(paths: readonly HashPath[]): Buffer {
  const writer = new ValueWriter().length(paths.length);
  for (const { path, fields } of paths) {
    writeString(writer, path);
    writePairs(writer, fields);
  }
  return writer.written;
}

function writePairs(writer: ValueWriter, fields: readonly HashField[]): ValueWriter {
  writer.length(fields.length);
  for (const { field, value } of fields) {
    writeString(writer, field);
    writeString(writer, value);
  }
  return writer;
}

function checked(expireAt: bigint): bigint {
  if (expireAt < 0n || expireAt > LATEST_EXPIRY) throw new RangeError(`a field can't expire at ${expireAt}`);
  return expireAt;
}
