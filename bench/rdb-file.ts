// Writes an RDB 10 file, as Redis 7.0 saves one: magic, AUX fields, database 0, keys, CRC64.

import { Crc64 } from '../lib/bytes/crc64.ts';
import { Opcode } from '../lib/rdb/opcodes.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import type { KeyRecord } from './key-record.ts';
import { OutputFile } from './output-file.ts';
import { writeLength, writeString } from './rdb-encode.ts';

/** What INFO would have said at the save: constants, so that the same seed makes the same bytes. */
const AUX_FIELDS = [
  ['redis-ver', '7.0.15'],
  ['redis-bits', '64'],
  ['ctime', '1767225600'],
  ['used-mem', '536870912'],
  ['aof-base', '0'],
] as const;

/** Values of this size go to the file without a copy. */
const LARGE_BYTES = 1 << 16;

/** One RDB file. Give every key of database 0 to `key`, then call `finish`. */
export class RdbFile {
  readonly #crc = new Crc64();
  readonly #file: OutputFile;

  /** @param totals what the file tells loaders to make room for */
  constructor(path: string, totals: { keys: number; expires: number }) {
    this.#file = new OutputFile(path, (bytes) => this.#crc.update(bytes));
    const out = this.#file.buffer;
    out.ascii('REDIS0010');
    for (const [name, value] of AUX_FIELDS) {
      out.u8(Opcode.AUX);
      writeText(out, name);
      writeText(out, value);
    }
    out.u8(Opcode.SELECTDB);
    writeLength(out, 0);
    out.u8(Opcode.RESIZEDB);
    writeLength(out, totals.keys);
    writeLength(out, totals.expires);
  }

  key({ type, expireAt, key, value }: KeyRecord): void {
    const out = this.#file.buffer;
    if (expireAt !== 0) {
      out.u8(Opcode.EXPIRETIME_MS);
      out.u64le(expireAt);
    }
    out.u8(type);
    writeString(out, key.bytes, 0, key.length);
    if (value.length >= LARGE_BYTES) {
      this.#file.writeThrough(value.view());
    } else {
      out.append(value.bytes, 0, value.length);
      this.#file.flushIfFull();
    }
  }

  /** Ends the file and returns its bytes. */
  finish(): number {
    this.#file.buffer.u8(Opcode.EOF);
    this.#file.flush();
    const checksum = Buffer.alloc(8);
    checksum.writeBigUInt64LE(this.#crc.value);
    this.#file.buffer.append(checksum);
    return this.#file.finish();
  }
}

function writeText(out: ByteBuffer, text: string): void {
  writeString(out, Buffer.from(text, 'latin1'));
}
