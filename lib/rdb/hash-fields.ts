// Moves the expiries of a hash's fields, and writes the hash anew for the same family of servers.
import { hashFields, LATEST_EXPIRY } from './decode/hash.ts';
import { ValueCursor } from './decode/value-cursor.ts';
import type { DialectName } from './dialect.ts';
import { ValueWriter } from './encode-primitives.ts';
import { lengthSize } from './strings.ts';
import { redisTypes, type ValueType, valkeyTypes } from './types.ts';
import type { HashField } from './value.ts';

const HASH = redisTypes[4] as ValueType;
const HASH_METADATA = redisTypes[24] as ValueType;
const HASH_2 = valkeyTypes[22] as ValueType;

/** Types whose fields can expire. */
const EXPIRING: ReadonlySet<string> = new Set([
  'HASH_METADATA_PRE_GA',
  'HASH_LISTPACK_EX_PRE_GA',
  'HASH_METADATA',
  'HASH_LISTPACK_EX',
  'HASH_2',
]);

/** The earliest expiry that is written: Redis takes 0 as none. */
const EARLIEST = 1n;
/** What Valkey writes for none. */
const NEVER = -1n;
const EXPIRY_BYTES = 8;

export function hasFieldExpiries(type: ValueType): boolean {
  return EXPIRING.has(type.name);
}

/**
 * Maps the expiry of every field that has one.
 *
 * @param value exactly the value's bytes, without the type byte
 * @param map   from and to ms since the epoch; `undefined` removes the expiry. Called twice for each field, so it must
 *              be pure. A result before the epoch's first ms is written as that, since the field has expired in any case; one
 *              beyond 63 bits as the last.
 * @param dialect of the servers that the result is for: Valkey gets HASH_2 (22), others HASH_METADATA (24), all of them
 *              HASH (4) when no field expires any more
 * @returns `type` and `value` themselves when fields of this type can't expire
 * @throws {RdbError} for damage
 */
export function mapFieldExpiries(
  type: ValueType,
  value: Buffer,
  map: (expireAt: bigint) => bigint | undefined,
  dialect: DialectName,
): { type: ValueType; value: Buffer } {
  if (!hasFieldExpiries(type)) return { type, value };
  const mapped = ({ expireAt }: HashField): bigint | undefined => {
    const at = expireAt === undefined ? undefined : map(expireAt);
    if (at !== undefined && at > LATEST_EXPIRY) return LATEST_EXPIRY;
    return at !== undefined && at < EARLIEST ? EARLIEST : at;
  };
  const cursor = new ValueCursor(value);
  const fields = hashFields(type, cursor, undefined);
  const earliest = minimum(fields, mapped);
  const target = earliest === undefined ? HASH : dialect === 'valkey' ? HASH_2 : HASH_METADATA;
  const writer = new ValueWriter();
  if (target === HASH_METADATA) writer.i64le(earliest as bigint);
  writer.length(fields.count);
  for (const field of fields) {
    const at = mapped(field);
    if (target === HASH_METADATA) writer.length(at === undefined ? 0 : at - (earliest as bigint) + 1n);
    writePair(writer, type, field, value, fields.position, cursor.position);
    if (target === HASH_2) writer.i64le(at ?? NEVER);
  }
  return { type: target, value: writer.written };
}

function minimum(fields: Iterable<HashField>, mapped: (field: HashField) => bigint | undefined): bigint | undefined {
  let least: bigint | undefined;
  for (const field of fields) {
    const at = mapped(field);
    if (at !== undefined && (least === undefined || at < least)) least = at;
  }
  return least;
}

/** Field and value as they stand in `value` from `start` to `end`, still compressed where they are, else anew. */
function writePair(
  writer: ValueWriter,
  type: ValueType,
  field: HashField,
  value: Buffer,
  start: number,
  end: number,
): void {
  switch (type.name) {
    case 'HASH_METADATA':
    case 'HASH_METADATA_PRE_GA':
      writer.bytes(value.subarray(start + lengthSize(value[start] as number), end));
      return;
    case 'HASH_2':
      writer.bytes(value.subarray(start, end - EXPIRY_BYTES));
      return;
  }
  writer.string(field.field).string(field.value);
}
