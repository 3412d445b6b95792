// Makes one RDB of several while they pass by, one behind the other: their records as they are, each key once.
import { createHash } from 'node:crypto';
import { Crc64 } from '../../bytes/crc64.ts';
import { RdbError, SourceError } from '../../errors.ts';
import { CHECKSUM_SINCE, type Dialect, dialectFromMagic, MAGIC_BYTES, NEWEST_SHARED_RDB } from '../../rdb/dialect.ts';
import { Opcode } from '../../rdb/opcodes.ts';
import type { TypeSupport } from '../../rdb/reencode.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../../rdb/scanner.ts';
import { readString } from '../../rdb/strings.ts';
import { libraryName } from '../redis/functions.ts';
import { type FingerprintOptions, Fingerprints } from './fingerprints.ts';
import { magicOf } from './rdb-version.ts';

const BLOCK_BYTES = 256 * 1024;
/** Of a library, and of a key with what stands before it: they are looked at as a whole. */
const MOST_GATHERED_BYTES = 64 * 1024 * 1024;
/** What the file says of the stream of the server that wrote it: no single stream goes on behind several. */
const REPLICATION_AUX: ReadonlySet<string> = new Set(['repl-stream-db', 'repl-id', 'repl-offset']);

/** What becomes of a record of which a part has passed by. */
type Verdict = 'keep' | 'drop' | undefined;

export interface MergeOptions extends FingerprintOptions {
  /** What the RDBs are of, where that is known before they come: the header is of the newest. Default: the first. */
  readonly versions?: readonly TypeSupport[] | undefined;
}

/**
 * Takes the bytes of one RDB after the other. What stands in the result:
 *
 * - a header that holds for all of them;
 * - the first one's AUX fields, without `repl-*`, and what its modules keep beside keys;
 * - each function library once;
 * - each key of a database once, as it stood first.
 *
 * How many keys a database has is not known before the end, so it is not said.
 */
export class RdbMerger {
  /** Keys that came again and were left out. */
  twice = 0;
  readonly #seen: Fingerprints;
  readonly #crc = new Crc64();
  /** Two: the scanner takes what is left of one along to the other. */
  readonly #blocks = [0, 1].map(() => Buffer.allocUnsafeSlow(HELD_RECORD_BYTES + BLOCK_BYTES));
  #turn = 0;
  /** SHA-256 of each library by its name. */
  readonly #libraries = new Map<string, string>();
  readonly #versions: readonly TypeSupport[];
  /** What the header says. */
  #written: Dialect | undefined;
  #db = -1;

  // Of the present RDB.
  #name = '';
  #first = true;
  #scanner = new RdbScanner();
  #begun = false;
  #ended = false;
  #verdict: Verdict;
  /** The record of a library, or of a key, of which not enough is there yet to decide on it. */
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** Up to where the bytes are decided on. */
  #passed = 0;
  /** The run of bytes that goes out next. */
  #from = 0;
  #to = 0;

  constructor(options: MergeOptions = {}) {
    this.#seen = new Fingerprints(options);
    this.#versions = options.versions ?? [];
  }

  /** Whether the present RDB, as far as it came, has its end. */
  get whole(): boolean {
    return this.#ended;
  }

  /** The next RDB. @param name what errors call it @throws {RdbError} `RDB_TRUNCATED` when the one before has no end */
  begin(name: string): void {
    if (this.#name !== '') {
      this.#endOne();
      this.#first = false;
    }
    this.#name = name;
    this.#scanner = new RdbScanner();
    this.#begun = false;
    this.#ended = false;
    this.#verdict = undefined;
    this.#passed = 0;
    this.#from = 0;
    this.#to = 0;
  }

  /**
   * Takes the next bytes, and gives those of the result: each buffer is good until the next.
   *
   * @throws {RdbError} on damage; {SourceError} `SOURCE_UNMERGEABLE`
   */
  async *take(piece: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < piece.length; ) {
      const block = this.#blocks[this.#turn++ % 2] as Buffer;
      const copied = piece.copy(block, HELD_RECORD_BYTES, at);
      at += copied;
      this.#scanner.feed(block, HELD_RECORD_BYTES, HELD_RECORD_BYTES + copied);
      for await (const run of this.#scan()) {
        this.#crc.update(run);
        yield run;
      }
    }
  }

  /** All RDBs have come: the end mark and the checksum. @throws {RdbError} `RDB_TRUNCATED` */
  end(): Buffer {
    this.#endOne();
    const end = Buffer.alloc(9, Opcode.EOF);
    this.#crc.update(end.subarray(0, 1));
    end.writeBigUInt64LE(this.#crc.value, 1);
    return (this.#written as Dialect).version < CHECKSUM_SINCE ? end.subarray(0, 1) : end;
  }

  /** Lets go of files. */
  close(): Promise<void> {
    return this.#seen.close();
  }

  #endOne(): void {
    if (!this.#ended) this.#scanner.finish();
  }

  /** Decides on every record that has ended, and on as much of the last one as the scanner will not keep. */
  async *#scan(): AsyncGenerator<Buffer, void, undefined> {
    const scanner = this.#scanner;
    while (!this.#ended) {
      const event = scanner.next();
      if (!this.#begun && scanner.dialect !== undefined) yield* this.#begin(scanner.dialect);
      if (event === ScanEvent.MORE) break;
      if (event === ScanEvent.END) this.#ended = true;
      // KeyDB has fields between a key's attributes and the key: they are a part of its record.
      else if (event !== ScanEvent.AUX || !scanner.inKey) yield* this.#record(event);
    }
    yield* this.#flush();
    if (this.#ended) {
      if (scanner.recordEnd < scanner.fedTo) {
        throw new RdbError('RDB_TAIL', 'bytes follow the end of the RDB.', { offset: scanner.recordEnd });
      }
    } else if (scanner.fedTo - scanner.recordStart > HELD_RECORD_BYTES) {
      yield* this.#unfinished();
      yield* this.#flush();
    }
  }

  /** The magic, once for all. */
  *#begin(dialect: Dialect): Generator<Buffer, void, undefined> {
    this.#begun = true;
    this.#passed = MAGIC_BYTES;
    if (this.#first) {
      const magic = this.#versions
        .map(magicOf)
        .filter((other) => covers(dialectFromMagic(other), dialect))
        .sort(byVersion)
        .at(-1);
      this.#written = magic === undefined ? dialect : dialectFromMagic(magic);
      yield magic ?? (this.#scanner.bytes(0, MAGIC_BYTES) as Buffer);
      return;
    }
    const { name, version } = this.#written as Dialect;
    if (!covers({ name, version }, dialect)) {
      throw this.#unmergeable(
        `its RDB is of ${dialect.name} ${dialect.version}, and what was written so far is of ${name} ${version}`,
      );
    }
  }

  async *#record(event: ScanEvent): AsyncGenerator<Buffer, void, undefined> {
    const { recordStart, recordEnd, db } = this.#scanner;
    if (event === ScanEvent.HASH_TEMPLATE && !this.#first) {
      throw this.#unmergeable('its hashes refer to templates, which each shard numbers its own way');
    }
    const kept = this.#verdict ?? (await this.#verdictOn(event));
    this.#verdict = undefined;
    if (event === ScanEvent.SELECTDB) this.#db = db;
    if (kept === 'keep' && this.#gathered.length > 0) {
      // It was gathered while it passed by, up to here.
      yield* this.#flush();
      yield* this.#gathered;
    } else if (kept === 'keep') yield* this.#keep(Math.max(recordStart, this.#passed), recordEnd);
    this.#forget();
    this.#passed = recordEnd;
  }

  /** The record goes on beyond the block, and is too large to be kept by the scanner. */
  async *#unfinished(): AsyncGenerator<Buffer, void, undefined> {
    const scanner = this.#scanner;
    const from = Math.max(scanner.recordStart, this.#passed);
    // The record before it may be the last that has begun.
    if (from >= scanner.fedTo) return;
    const to = scanner.fedTo;
    if (scanner.inFunction || (this.#verdict === undefined && scanner.inKey && !this.#keyIsThere)) {
      this.#gather(from, to);
    } else if (this.#gathered.length > 0) {
      this.#gather(from, to);
      this.#verdict = await this.#isNew();
      if (this.#verdict === 'keep') {
        yield* this.#flush();
        yield* this.#gathered;
      }
      this.#forget();
    } else {
      this.#verdict ??= scanner.inKey ? await this.#isNew() : this.#first ? 'keep' : 'drop';
      if (this.#verdict === 'keep') yield* this.#keep(from, to);
    }
    this.#passed = to;
  }

  async #verdictOn(event: ScanEvent): Promise<Verdict> {
    const { db } = this.#scanner;
    switch (event) {
      case ScanEvent.KEY:
        if (this.#gathered.length > 0) this.#gather(this.#passed, this.#scanner.recordEnd);
        return this.#isNew();
      case ScanEvent.SELECTDB:
        return db === this.#db ? 'drop' : 'keep';
      case ScanEvent.FUNCTION:
        return this.#isNewLibrary();
      case ScanEvent.AUX:
        return this.#first && !REPLICATION_AUX.has(this.#scanner.auxName() ?? '') ? 'keep' : 'drop';
      case ScanEvent.RESIZEDB:
      case ScanEvent.SLOT_INFO:
        return 'drop';
      case ScanEvent.MODULE_AUX:
        return this.#first ? 'keep' : 'drop';
      default:
        return 'keep';
    }
  }

  /** All of the present record's key has come, and not only what stands before it. */
  get #keyIsThere(): boolean {
    const { recordStart, keyStart, valueStart } = this.#scanner;
    return keyStart >= recordStart && valueStart > keyStart;
  }

  async #isNew(): Promise<Verdict> {
    if (await this.#seen.add(this.#scanner.db, this.#key())) return 'keep';
    this.twice++;
    return 'drop';
  }

  #key(): Buffer {
    const { recordStart, keyStart } = this.#scanner;
    const held = this.#gathered.length === 0 ? this.#scanner.heldKey() : undefined;
    if (held !== undefined) return held;
    return readString(Buffer.concat(this.#gathered), keyStart - recordStart, recordStart).value;
  }

  #isNewLibrary(): Verdict {
    const { recordStart, recordEnd } = this.#scanner;
    if (this.#gathered.length > 0) this.#gather(this.#passed, recordEnd);
    const record =
      this.#gathered.length > 0
        ? Buffer.concat(this.#gathered)
        : (this.#scanner.bytes(recordStart, recordEnd) as Buffer);
    const code = readString(record.subarray(1), 0, recordStart + 1).value;
    const name = libraryName(code);
    const sha256 = createHash('sha256').update(code).digest('hex');
    const before = this.#libraries.get(name);
    this.#libraries.set(name, sha256);
    if (before === undefined) return 'keep';
    if (before !== sha256)
      throw this.#unmergeable(`its function library ${name} is another than that of a shard before`);
    return 'drop';
  }

  #gather(from: number, to: number): void {
    this.#gathered.push(Buffer.from(this.#scanner.bytes(from, to) as Buffer));
    this.#gatheredBytes += to - from;
    if (this.#gatheredBytes <= MOST_GATHERED_BYTES) return;
    throw this.#unmergeable(`it has a ${this.#scanner.inFunction ? 'function library' : 'key'} of over 64 MiB`);
  }

  #forget(): void {
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  /** Adds bytes to the run that goes out. */
  *#keep(from: number, to: number): Generator<Buffer, void, undefined> {
    if (from !== this.#to) {
      yield* this.#flush();
      this.#from = from;
    }
    this.#to = to;
  }

  *#flush(): Generator<Buffer, void, undefined> {
    if (this.#to > this.#from) yield this.#scanner.bytes(this.#from, this.#to) as Buffer;
    this.#from = this.#to;
  }

  #unmergeable(why: string): SourceError {
    return new SourceError('SOURCE_UNMERGEABLE', `this shard cannot go into one file with the others: ${why}.`, {
      where: this.#name,
      remedy: 'Without --merge each shard gets a file of its own; restore takes all of them at once.',
    });
  }
}

/** Whether servers that take a file under this header take what stands in one of the other's. */
function covers(header: Pick<Dialect, 'name' | 'version'>, { name, version }: Pick<Dialect, 'name' | 'version'>) {
  if (header.name === name) return header.version >= version;
  return header.name === 'valkey' && name === 'redis' && version <= NEWEST_SHARED_RDB;
}

/** Valkey's numbers begin above Redis's. */
const byVersion = (a: Buffer, b: Buffer): number => dialectFromMagic(a).version - dialectFromMagic(b).version;
