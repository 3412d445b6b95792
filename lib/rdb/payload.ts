// DUMP payloads, the body of a RESTORE: type, value, RDB version, CRC64 (rdb-format.md 1.10).
import { writeCrc64 } from '../bytes/crc64.ts';
import type { ValueType } from './types.ts';

/** Two bytes of version and eight of CRC64, both little endian, end every payload. */
export const FOOTER_BYTES = 10;

/**
 * Makes the RESTORE body of a value, with the lowest version that its type allows in the footer, so that the oldest
 * server that knows the type takes it.
 *
 * @param value the value as it stands in the RDB, without type and key
 * @param meta the span of the key's metadata, opcode included, where it has such (Redis ≥ 8.6)
 */
export function dumpPayload(type: ValueType, value: Uint8Array, meta?: Uint8Array | undefined): Buffer {
  const metaBytes = meta?.length ?? 0;
  const payload = Buffer.allocUnsafe(metaBytes + 1 + value.length + FOOTER_BYTES);
  if (meta !== undefined) payload.set(meta, 0);
  payload[metaBytes] = type.code;
  payload.set(value, metaBytes + 1);
  const footer = payload.length - FOOTER_BYTES;
  payload.writeUInt16LE(footerVersion(type, metaBytes > 0), footer);
  writeCrc64(payload, footer + 2, 0, footer + 2);
  return payload;
}

/** RDB version that knows key metadata (Redis 8.6). */
export const KEY_META_SINCE = 13;

/** The lowest RDB version that a payload of this type may say in its footer. */
export function footerVersion(type: ValueType, hasMeta: boolean): number {
  return hasMeta ? Math.max(type.since, KEY_META_SINCE) : type.since;
}
