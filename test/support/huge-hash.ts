// Makes RDB files of one huge hash, a gigabyte in some seconds: values that do not compress, the same for the same seed.
import { closeSync, openSync, writeSync } from 'node:fs';
import { Crc64 } from '../../lib/bytes/crc64.ts';
import { Random } from './random.ts';

export interface HugeHash {
  /** Default `huge`. */
  key?: string;
  fields: number;
  /** Of each value. */
  valueBytes: number;
  seed: number;
  /** Absolute, ms; without it the key stays. */
  expireAt?: number;
}

/** Values are pieces of one pool of random bytes: LZF looks back 8 KB within a value, so none of them shrinks. */
const POOL_BYTES = 1 << 22;
/** How many bytes at the beginning of a value say which one it is, so that no two are equal. */
const STAMP_BYTES = 4;
const CHUNK_BYTES = 1 << 22;

/** The field and the value of each pair in turn. The value's memory is used again for the next one. */
export function* hugeHashFields({ fields, valueBytes, seed }: HugeHash): Generator<[field: Buffer, value: Buffer]> {
  const random = new Random(seed);
  const pool = random.bytes(POOL_BYTES);
  const value = Buffer.allocUnsafe(valueBytes);
  for (let index = 0; index < fields; index++) {
    let filled = 0;
    while (filled < valueBytes) {
      const start = random.int(0, POOL_BYTES - 1);
      filled += pool.copy(value, filled, start, start + valueBytes - filled);
    }
    if (valueBytes >= STAMP_BYTES) value.writeUInt32LE(index, 0);
    yield [Buffer.from(`field:${String(index).padStart(8, '0')}`, 'latin1'), value];
  }
}

/** Writes the file, as Redis 7.0 writes one (RDB 10), and gives its bytes. 512 MB take about two seconds. */
export function writeHugeHash(path: string, hash: HugeHash): number {
  const file = openSync(path, 'w');
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const crc = new Crc64();
  let length = 0;
  let written = 0;
  const flush = (): void => {
    for (let at = 0; at < length; ) at += writeSync(file, chunk, at, length - at);
    written += length;
    length = 0;
  };
  const checked = (): void => {
    crc.update(chunk, 0, length);
    flush();
  };
  const put = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      if (length === CHUNK_BYTES) checked();
      const piece = bytes.subarray(at, at + CHUNK_BYTES - length);
      chunk.set(piece, length);
      length += piece.length;
      at += piece.length;
    }
  };
  try {
    put(Buffer.from('REDIS0010', 'latin1'));
    put(Buffer.of(OPCODE_SELECTDB, 0, OPCODE_RESIZEDB, 1, hash.expireAt === undefined ? 0 : 1));
    if (hash.expireAt !== undefined) {
      const expiry = Buffer.alloc(9, OPCODE_EXPIRETIME_MS);
      expiry.writeBigUInt64LE(BigInt(hash.expireAt), 1);
      put(expiry);
    }
    put(Buffer.of(TYPE_HASH));
    putString(put, Buffer.from(hash.key ?? 'huge', 'latin1'));
    put(lengthOf(hash.fields));
    for (const [field, value] of hugeHashFields(hash)) {
      putString(put, field);
      putString(put, value);
    }
    put(Buffer.of(OPCODE_EOF));
    checked();
    put(Buffer.from(new BigUint64Array([crc.value]).buffer));
    flush();
    return written;
  } finally {
    closeSync(file);
  }
}

const OPCODE_RESIZEDB = 0xfb;
const OPCODE_EXPIRETIME_MS = 0xfc;
const OPCODE_SELECTDB = 0xfe;
const OPCODE_EOF = 0xff;
const TYPE_HASH = 4;

function putString(put: (bytes: Uint8Array) => void, bytes: Buffer): void {
  put(lengthOf(bytes.length));
  put(bytes);
}

/** A length below 2^32. @see rdb-format.md 1.2 */
function lengthOf(length: number): Buffer {
  if (length < 1 << 6) return Buffer.of(length);
  if (length < 1 << 14) return Buffer.of(0x40 | (length >>> 8), length & 0xff);
  const bytes = Buffer.alloc(5, 0x80);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
