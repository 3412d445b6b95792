// Takes a DUMP reply apart: the opposite of payload.ts.
import { RdbError } from '../errors.ts';
import { itemsAt } from './decode/module.ts';
import { ValueCursor } from './decode/value-cursor.ts';
import { Opcode } from './opcodes.ts';
import { FOOTER_BYTES } from './payload.ts';
import type { TypeTable, ValueType } from './types.ts';

export interface ParsedPayload {
  readonly type: ValueType;
  /** The value's bytes, a view. */
  readonly value: Buffer;
  /** The RDB version in the footer. */
  readonly version: number;
  /** The key's metadata (Redis ≥ 8.6), its opcode included. */
  readonly meta: Buffer | undefined;
}

/** Bytes that say which class of key metadata follows. */
const META_CLASS_BYTES = 4;

/**
 * Takes a DUMP payload apart. Its checksum is not verified: a payload that comes straight from a server was protected
 * by TCP on its way.
 *
 * @param types of the server that the payload comes from
 * @returns `undefined` when the type is not in `types`
 * @throws {RdbError} `RDB_PAYLOAD` when this is no payload
 */
export function parseDumpPayload(payload: Buffer, types: TypeTable): ParsedPayload | undefined {
  const footer = payload.length - FOOTER_BYTES;
  // The shortest has a type and a string of no bytes.
  if (footer < 2) {
    throw new RdbError('RDB_PAYLOAD', `${payload.length} bytes are too few for a DUMP payload.`, { offset: 0 });
  }
  const typeAt = payload[0] === Opcode.KEY_META && types[Opcode.KEY_META] === undefined ? metaEnd(payload, footer) : 0;
  const type = types[payload[typeAt] as number];
  if (type === undefined) return undefined;
  return {
    type,
    value: payload.subarray(typeAt + 1, footer),
    version: payload.readUInt16LE(footer),
    meta: typeAt === 0 ? undefined : payload.subarray(0, typeAt),
  };
}

/** Where the type stands behind key metadata: a count, then classes, each with a module's items. */
function metaEnd(payload: Buffer, footer: number): number {
  const cursor = new ValueCursor(payload.subarray(0, footer), { code: 'RDB_PAYLOAD' });
  cursor.take(1);
  for (let left = cursor.count(META_CLASS_BYTES + 1); left > 0; left--) {
    cursor.take(META_CLASS_BYTES);
    for (const _ of itemsAt(cursor)); // up to the end mark
  }
  if (cursor.left === 0) throw cursor.error('the DUMP payload ends behind the metadata of its key');
  return cursor.position;
}
