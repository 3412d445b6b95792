// Gathers scanned keys as records of an RDB in memory: a chunk, which is then written as one of a file would be.
import { Opcode } from '../rdb/opcodes.ts';
import type { ScanState } from '../rdb/scanner.ts';
import { WideLength } from '../rdb/strings.ts';
import type { ScanEntry } from '../sources/scan/scan-entry.ts';
import type { ChunkBytes } from '../targets/redis/chunk-writer.ts';

/** All that a record has beside key, value and metadata, at most: expiry, idle time, type, the key's length. */
const OVERHEAD_BYTES = 9 + 10 + 1 + 9;

export class RecordChunk {
  readonly db: number;
  keys = 0;
  #buffer: Buffer;
  #at = 0;

  /** @param buffer is filled; a record that is longer gets another one */
  constructor(db: number, buffer: Buffer) {
    this.db = db;
    this.#buffer = buffer;
  }

  /** Where the records are; another one than was given where one of them is longer. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  get bytes(): number {
    return this.#at;
  }

  /** True when the record has room, or is too long for any chunk and the first of this one. */
  takes(entry: ScanEntry): boolean {
    return this.#at === 0 || this.#at + sizeOf(entry) <= this.#buffer.length;
  }

  add(entry: ScanEntry): void {
    const size = sizeOf(entry);
    if (this.#at + size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    const buffer = this.#buffer;
    let at = this.#at;
    if (entry.expireAt !== undefined) {
      buffer[at++] = Opcode.EXPIRETIME_MS;
      at = buffer.writeBigInt64LE(entry.expireAt, at);
    }
    if (entry.idle !== undefined) {
      buffer[at++] = Opcode.IDLE;
      at = writeLength(buffer, entry.idle, at);
    } else if (entry.freq !== undefined) {
      buffer[at++] = Opcode.FREQ;
      buffer[at++] = entry.freq;
    }
    if (entry.meta !== undefined) at += entry.meta.copy(buffer, at);
    buffer[at++] = entry.type.code;
    at = writeLength(buffer, entry.key.length, at);
    at += entry.key.copy(buffer, at);
    at += entry.value.copy(buffer, at);
    this.#at = at;
    this.keys++;
  }

  /** @param state the dialect of the records */
  chunk(state: Pick<ScanState, 'dialect' | 'version'>): ChunkBytes {
    return {
      bytes: this.#buffer.subarray(0, this.#at),
      base: 0,
      state: { ...state, offset: 0, db: this.db, crc: undefined, templates: new Map() },
    };
  }
}

function sizeOf({ key, value, meta }: ScanEntry): number {
  return OVERHEAD_BYTES + key.length + value.length + (meta?.length ?? 0);
}

function writeLength(buffer: Buffer, length: number, at: number): number {
  if (length < 0x40) return buffer.writeUInt8(length, at);
  if (length < 0x4000) return buffer.writeUInt16BE(0x4000 | length, at);
  if (length <= 0xffff_ffff) return buffer.writeUInt32BE(length, buffer.writeUInt8(WideLength.U32, at));
  return buffer.writeBigUInt64BE(BigInt(length), buffer.writeUInt8(WideLength.U64, at));
}
