// Writes the ready RESTORE stream, the limit of today's tools: RESP commands for `redis-cli --pipe`, one a key.
import { writeCrc64 } from '../lib/bytes/crc64.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { KeyRecord } from './key-record.ts';
import { OutputFile } from './output-file.ts';

/** The version in each payload's footer: that of Redis 7.0, whose types the data sets use. */
const FOOTER_VERSION = 10;
const CHECKSUM_BYTES = 8;
const FOOTER_BYTES = 2 + CHECKSUM_BYTES;

const RESTORE = Buffer.from('$7\r\nRESTORE\r\n', 'latin1');
const WITHOUT_TTL = Buffer.from('$1\r\n0\r\n', 'latin1');
const ABSTTL = Buffer.from('$6\r\nABSTTL\r\n', 'latin1');

/**
 * One stream: `SELECT 0`, then `RESTORE key ttl payload [ABSTTL]` for each key, never REPLACE. It comes from the
 * generator, in the pass that writes the RDB, and owes nothing but the CRC64 to the code that is being measured.
 */
export class RestoreStream {
  readonly #file: OutputFile;

  constructor(path: string) {
    this.#file = new OutputFile(path);
    this.#file.buffer.ascii('*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n');
  }

  key({ type, expireAt, key, value }: KeyRecord): void {
    const out = this.#file.buffer;
    out.ascii(expireAt === 0 ? '*4\r\n' : '*5\r\n');
    out.append(RESTORE);
    bulk(out, key.bytes, key.length);
    if (expireAt === 0) {
      out.append(WITHOUT_TTL);
    } else {
      const ttl = Buffer.from(String(expireAt), 'latin1');
      bulk(out, ttl, ttl.length);
    }
    out.ascii(`$${1 + value.length + FOOTER_BYTES}\r\n`);
    const payload = out.length;
    out.u8(type);
    out.append(value.bytes, 0, value.length);
    out.u16le(FOOTER_VERSION);
    const checksum = out.grow(CHECKSUM_BYTES);
    writeCrc64(out.bytes, checksum, payload, checksum);
    out.ascii('\r\n');
    if (expireAt !== 0) out.append(ABSTTL);
    this.#file.flushIfFull();
  }

  /** Ends the stream and returns its bytes. */
  finish(): number {
    return this.#file.finish();
  }
}

function bulk(out: ByteBuffer, bytes: Uint8Array, length: number): void {
  out.ascii(`$${length}\r\n`);
  out.append(bytes, 0, length);
  out.ascii('\r\n');
}
