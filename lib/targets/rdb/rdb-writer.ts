// Writes an RDB file: key after key, with a checksum, in the version that what it holds needs.
import { Crc64, combineCrc64, crc64 } from '../../bytes/crc64.ts';
import { MAGIC_BYTES } from '../../rdb/dialect.ts';
import { encodeModule } from '../../rdb/encode/module.ts';
import { writeString } from '../../rdb/encode/primitives.ts';
import { ValueWriter } from '../../rdb/encode-primitives.ts';
import { Opcode } from '../../rdb/opcodes.ts';
import type { TypedValue, TypeSupport } from '../../rdb/reencode.ts';
import type { ModuleValue } from '../../rdb/value.ts';
import type { ByteSink, RewritableSink } from '../../storage/file-sink.ts';
import { magicOf, RdbVersion } from './rdb-version.ts';

/** Records are gathered to blocks of this size; a larger value goes to the sink as it is. */
const BLOCK_BYTES = 256 * 1024;

/** What servers hold: a C int, seconds that are exact here, one byte. */
const LARGEST_DB = 2 ** 31 - 1;
const LARGEST_IDLE = Number.MAX_SAFE_INTEGER;
const LARGEST_FREQ = 255;

/** A key with all that belongs to it. `type` and `value` as `encodeValue` gives them, or as they stood in another RDB. */
export interface RdbRecord extends TypedValue {
  readonly db: number;
  readonly key: Uint8Array;
  /** ms since the epoch. */
  readonly expireAt?: bigint | undefined;
  /** Seconds since the key was used. */
  readonly idle?: number | undefined;
  /** The LFU counter, 0 to 255. */
  readonly freq?: number | undefined;
  /** The span of the key's metadata, opcode included (Redis ≥ 8.6). */
  readonly meta?: Uint8Array | undefined;
}

/** How many keys a database holds, and how many of them expire: servers make room for them at once. */
export interface DatabaseSizes {
  readonly keys: number;
  readonly expires: number;
}

export interface RdbSummary {
  readonly version: TypeSupport;
  readonly bytes: number;
  readonly keys: number;
  /** CRC64 in the file's last 8 bytes. */
  readonly checksum: bigint;
}

/** A file half written, between two records: with it another writer goes on. */
export interface SavedRdb {
  /** Of all bytes so far but the magic. */
  readonly crc: bigint;
  /** Bytes that went to the sink. */
  readonly bytes: number;
  readonly db: number | undefined;
  readonly keys: number;
}

/**
 * Writes records in the order of the calls; each is to be awaited before the next. The file is an RDB only once
 * {@link end} has been awaited: after an error, what is in the sink must be thrown away.
 *
 * A server refuses a file in which a key of a database comes twice: the caller sees to that. Aux fields and functions
 * come before keys.
 */
export class RdbWriter {
  readonly #sink: ByteSink;
  /** Set where the magic is to be written over at the end. */
  readonly #magicSink: RewritableSink | undefined;
  readonly #version: RdbVersion;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;
  /** Of all that went to the sink, without the magic: that may still change. */
  #crc = new Crc64();
  #bytes = 0;
  #db: number | undefined;
  #keys = 0;

  private constructor(sink: ByteSink, magicSink: RewritableSink | undefined, version: RdbVersion) {
    this.#sink = sink;
    this.#magicSink = magicSink;
    this.#version = version;
    this.#used = magicOf(version.current).copy(this.#block);
  }

  /**
   * A file of this version. Records that its servers do not load are refused; `encodeValue` and `reencode` make ones
   * that they do.
   *
   * @throws {UsageError} `OUTPUT_VERSION` for a version that is not written
   */
  static of(version: TypeSupport, sink: ByteSink): RdbWriter {
    return new RdbWriter(sink, undefined, new RdbVersion(version));
  }

  /** Goes on with a file of this version behind the bytes that {@link save} speaks of. @throws as {@link of} */
  static resume(version: TypeSupport, sink: ByteSink, saved: SavedRdb): RdbWriter {
    const writer = RdbWriter.of(version, sink);
    writer.#used = 0;
    writer.#crc = new Crc64(saved.crc);
    writer.#bytes = saved.bytes;
    writer.#db = saved.db;
    writer.#keys = saved.keys;
    return writer;
  }

  /** A file of the lowest version that holds what comes, 9 or above. Only the end tells which; so it writes the magic anew. */
  static ofLowest(sink: RewritableSink): RdbWriter {
    return new RdbWriter(sink, sink, new RdbVersion(undefined));
  }

  /** A field about the file, such as `redis-ver`. Servers pass over those that they do not know. */
  async aux(name: Uint8Array, value: Uint8Array): Promise<void> {
    const record = new ValueWriter().bytes(Buffer.of(Opcode.AUX));
    writeString(record, name);
    writeString(record, value);
    await this.#append(record.written);
  }

  /** @param code of a function library, from `#!` on. @throws {UsageError} `OUTPUT_VERSION` before version 10 */
  async functionLibrary(code: Uint8Array): Promise<void> {
    this.#version.admitFunctions();
    const record = new ValueWriter().bytes(Buffer.of(Opcode.FUNCTION2));
    writeString(record, code);
    await this.#append(record.written);
  }

  /** What a module keeps beside its keys. @throws {RdbError} where its payload is no module's */
  async moduleAux(value: ModuleValue): Promise<void> {
    const record = new ValueWriter().bytes(Buffer.of(Opcode.MODULE_AUX)).bytes(encodeModule(value));
    await this.#append(record.written);
  }

  /** Begins a database. Needed only where its sizes are known: {@link key} goes to the database that its record names. */
  async selectDb(db: number, sizes?: DatabaseSizes): Promise<void> {
    const record = new ValueWriter().bytes(Buffer.of(Opcode.SELECTDB)).length(whole(db, LARGEST_DB));
    if (sizes !== undefined) record.bytes(Buffer.of(Opcode.RESIZEDB)).length(sizes.keys).length(sizes.expires);
    await this.#append(record.written);
    this.#db = db;
  }

  /**
   * @throws {UsageError} `OUTPUT_VERSION` for a value or metadata that the version does not have, or that only the other
   *   of Redis and Valkey has than what came before
   * @throws {RangeError} for numbers that servers do not hold. In both cases nothing of the key is written.
   */
  async key({ db, key, type, value, expireAt, idle, freq, meta }: RdbRecord): Promise<void> {
    this.#version.admitType(type);
    if (meta !== undefined) this.#version.admitMeta();
    if (db !== this.#db) await this.selectDb(db);
    const record = new ValueWriter();
    if (expireAt !== undefined) record.bytes(Buffer.of(Opcode.EXPIRETIME_MS)).i64le(expireAt);
    if (idle !== undefined) record.bytes(Buffer.of(Opcode.IDLE)).length(whole(idle, LARGEST_IDLE));
    if (freq !== undefined) record.bytes(Buffer.of(Opcode.FREQ, whole(freq, LARGEST_FREQ)));
    if (meta !== undefined) record.bytes(meta);
    record.bytes(Buffer.of(type.code));
    writeString(record, key);
    await this.#append(record.written);
    await this.#append(value);
    this.#keys++;
  }

  /** Hands all that was written to the sink, and stops here. Not of {@link ofLowest}: its magic is still to come. */
  async save(): Promise<SavedRdb> {
    await this.#flush();
    return { crc: this.#crc.value, bytes: this.#bytes, db: this.#db, keys: this.#keys };
  }

  /** Writes the end mark and the checksum. The sink is left open. */
  async end(): Promise<RdbSummary> {
    await this.#append(Buffer.of(Opcode.EOF));
    await this.#flush();
    const magic = magicOf(this.#version.current);
    const checksum = combineCrc64(crc64(magic), this.#crc.value, this.#bytes - MAGIC_BYTES);
    const footer = Buffer.allocUnsafe(8);
    footer.writeBigUInt64LE(checksum);
    await this.#sink.write(footer);
    await this.#magicSink?.rewrite(magic, 0);
    return { version: this.#version.current, bytes: this.#bytes + footer.length, keys: this.#keys, checksum };
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length > BLOCK_BYTES - this.#used) await this.#flush();
    if (bytes.length > BLOCK_BYTES) return this.#send(bytes);
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  async #flush(): Promise<void> {
    const filled = this.#block.subarray(0, this.#used);
    this.#used = 0;
    if (filled.length > 0) await this.#send(filled);
  }

  async #send(bytes: Buffer): Promise<void> {
    this.#crc.update(bytes, this.#bytes === 0 ? MAGIC_BYTES : 0);
    this.#bytes += bytes.length;
    await this.#sink.write(bytes);
  }
}

/** @throws {RangeError} unless the number is a whole one from 0 to `largest` */
function whole(value: number, largest: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw new RangeError(`${value} is no whole number from 0 to ${largest}`);
}
