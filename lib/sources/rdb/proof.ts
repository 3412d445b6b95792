// Proves an RDB while it passes by: structure and checksum, and what it holds, by database and type, without a second look.
import { RdbError } from '../../errors.ts';
import type { ChecksumVerdict, Dialect, DialectName } from '../../rdb/dialect.ts';
import { RecordSkipper } from '../../rdb/record-skipper.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanState } from '../../rdb/scanner.ts';
import { readString } from '../../rdb/strings.ts';
import { VALUE_KINDS, type ValueKind } from '../../rdb/types.ts';

/** What one database holds. */
export interface DbFacts {
  readonly db: number;
  readonly keys: number;
  /** Keys with an expiry. */
  readonly expires: number;
  /** Keys of each kind that there is. */
  readonly types: Readonly<Partial<Record<ValueKind, number>>>;
}

/** What an RDB is and holds. */
export interface RdbFacts {
  readonly dialect: DialectName;
  readonly version: number;
  readonly bytes: number;
  readonly checksum: ChecksumVerdict;
  /** CRC64 of everything up to the end mark: what the file says in its last 8 bytes where its checksum is not disabled. */
  readonly crc64: bigint;
  readonly keys: number;
  readonly expires: number;
  readonly dbs: readonly DbFacts[];
  /** Function libraries. */
  readonly functions: number;
  /** Slots that were on their way to this server from another one (Valkey 9). */
  readonly slotImports: number;
  /** What the server said of itself and of its stream: `redis-ver`, `repl-id`, … */
  readonly aux: ReadonlyMap<string, string>;
}

/** A proof between two records: with it another one goes on. */
export interface SavedProof {
  readonly scan: ScanState;
  readonly dbs: readonly DbFacts[];
  readonly functions: number;
  readonly slotImports: number;
  readonly aux: ReadonlyMap<string, string>;
}

export interface ProofOptions {
  /** Told every key; `undefined` for one of more than 64 KiB. The bytes are good until the next but one block. */
  readonly onKey?: ((db: number, key: Buffer | undefined) => void) | undefined;
  /** Goes on from there instead of the magic. */
  readonly from?: SavedProof | undefined;
}

interface Counts {
  keys: number;
  expires: number;
  readonly kinds: Map<ValueKind, number>;
}

const BLOCKS = 3;
const BLOCK_BYTES = 1024 * 1024;
/** Longer values of AUX fields are of no server's making. */
const AUX_BYTES = 1024;

export class RdbProof {
  readonly #scanner: RdbScanner;
  readonly #skipper = new RecordSkipper();
  readonly #onKey: ProofOptions['onKey'];
  readonly #blocks: readonly Buffer[];
  /** Blocks that are full. */
  #turn = 0;
  /** Of the current block: where its bytes end, and up to where they were scanned. */
  #filled = HELD_RECORD_BYTES;
  #scanned = HELD_RECORD_BYTES;
  #ended = false;
  #released = false;
  readonly #dbs = new Map<number, Counts>();
  /** By type code: skipped keys that are booked to a database. */
  readonly #skipped = new Map<number, number>();
  /** The database of the keys that were skipped last. */
  #db = 0;
  #functions = 0;
  #slotImports = 0;
  readonly #aux = new Map<string, string>();

  constructor({ onKey, from }: ProofOptions = {}) {
    this.#onKey = onKey;
    this.#scanner = new RdbScanner({ from: from?.scan });
    for (const { db, keys, expires, types } of from?.dbs ?? []) {
      this.#dbs.set(db, { keys, expires, kinds: new Map(Object.entries(types) as [ValueKind, number][]) });
    }
    this.#functions = from?.functions ?? 0;
    this.#slotImports = from?.slotImports ?? 0;
    for (const [name, value] of from?.aux ?? []) this.#aux.set(name, value);
    const bytes = HELD_RECORD_BYTES + BLOCK_BYTES;
    const { blocks } = this.#skipper;
    this.#blocks = Array.from({ length: BLOCKS }, (_, n) => blocks.subarray(n * bytes, (n + 1) * bytes));
  }

  /**
   * Takes the next bytes, and gives each block of 1 MiB that has become full and was scanned, for whoever writes them on.
   * A block stays good until two more were given.
   *
   * @throws {RdbError} on any damage, and on bytes behind the end
   */
  *take(piece: Buffer): Generator<Buffer, void, undefined> {
    for (let at = 0; at < piece.length; ) {
      const block = this.#block;
      const copied = piece.copy(block, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < block.length) return;
      this.#scan();
      this.#turn++;
      this.#filled = HELD_RECORD_BYTES;
      this.#scanned = HELD_RECORD_BYTES;
      yield block.subarray(HELD_RECORD_BYTES);
    }
  }

  /** Whether what was taken so far is an RDB with its end. */
  whole(): boolean {
    this.#scan();
    return this.#ended;
  }

  /** Keys so far: for a display. */
  get keys(): number {
    let keys = 0;
    for (const counts of this.#dbs.values()) keys += counts.keys;
    return keys;
  }

  /**
   * Stops behind whole records, before the end of the RDB. Gives the block that is not full, which may be empty, and what
   * another proof needs to go on behind it.
   */
  pause(): { readonly block: Buffer; readonly saved: SavedProof } {
    this.#scan();
    if (this.#ended || !this.#scanner.betweenRecords) throw new Error('a proof can only be paused between two records');
    this.#settle();
    const saved: SavedProof = {
      scan: this.#scanner.save(),
      dbs: this.#dbFacts(),
      functions: this.#functions,
      slotImports: this.#slotImports,
      aux: this.#aux,
    };
    return { block: this.#block.subarray(HELD_RECORD_BYTES, this.#filled), saved };
  }

  /**
   * No more bytes come. Gives the last block, which may be empty.
   *
   * @throws {RdbError} `RDB_TRUNCATED` when the end was not reached
   */
  finish(): Buffer {
    this.#scan();
    if (!this.#ended) this.#scanner.finish();
    return this.#block.subarray(HELD_RECORD_BYTES, this.#filled);
  }

  /** After {@link finish}. */
  facts(): RdbFacts {
    const scanner = this.#scanner;
    const { name, version } = scanner.dialect as Dialect;
    const dbs = this.#dbFacts();
    return {
      dialect: name,
      version,
      bytes: scanner.recordEnd,
      checksum: scanner.checksum as ChecksumVerdict,
      crc64: scanner.crcAt(scanner.bodyEnd + 1),
      keys: dbs.reduce((sum, { keys }) => sum + keys, 0),
      expires: dbs.reduce((sum, { expires }) => sum + expires, 0),
      dbs,
      functions: this.#functions,
      slotImports: this.#slotImports,
      aux: this.#aux,
    };
  }

  /** Lets go of the memory: no block is looked at any more. Once is enough, more does no harm. */
  end(): void {
    if (!this.#released) this.#skipper.end();
    this.#released = true;
  }

  get #block(): Buffer {
    return this.#blocks[this.#turn % BLOCKS] as Buffer;
  }

  #scan(): void {
    if (this.#scanned === this.#filled) return;
    const scanner = this.#scanner;
    if (this.#ended) throw behindTheEnd(scanner.recordEnd);
    scanner.feed(this.#block, this.#scanned, this.#filled);
    this.#scanned = this.#filled;
    for (;;) {
      this.#skip();
      const event = scanner.next();
      if (event === ScanEvent.MORE) return;
      if (event === ScanEvent.KEY) this.#count();
      else if (event === ScanEvent.SELECTDB) this.#settle();
      else if (event === ScanEvent.AUX) this.#auxField();
      else if (event === ScanEvent.FUNCTION || event === ScanEvent.FUNCTION_PRE_GA) this.#functions++;
      else if (event === ScanEvent.SLOT_IMPORT) this.#slotImports++;
      else if (event === ScanEvent.END) break;
    }
    this.#settle();
    this.#ended = true;
    if (scanner.recordEnd < scanner.fedTo) throw behindTheEnd(scanner.recordEnd);
  }

  #dbFacts(): DbFacts[] {
    return [...this.#dbs].sort(([a], [b]) => a - b).map(([db, counts]) => dbFacts(db, counts));
  }

  /** Past keys of the present database whose records hold nothing to look at. */
  #skip(): void {
    if (this.#onKey !== undefined) return;
    const keys = this.#skipper.skip(this.#scanner, Number.POSITIVE_INFINITY);
    if (keys === 0) return;
    const counts = this.#countsOf(this.#scanner.db);
    counts.keys += keys;
    counts.expires += this.#skipper.last.expires;
    this.#db = this.#scanner.db;
  }

  #count(): void {
    const scanner = this.#scanner;
    const counts = this.#countsOf(scanner.db);
    counts.keys++;
    if (!Number.isNaN(scanner.expireAt)) counts.expires++;
    add(counts, (scanner.type as NonNullable<typeof scanner.type>).kind, 1);
    this.#onKey?.(scanner.db, scanner.heldKey());
  }

  /** Books the kinds of the skipped keys, which are counted over the whole file, to their database. */
  #settle(): void {
    for (const { type, keys } of this.#skipper.types()) {
      const fresh = keys - (this.#skipped.get(type.code) ?? 0);
      if (fresh === 0) continue;
      this.#skipped.set(type.code, keys);
      add(this.#countsOf(this.#db), type.kind, fresh);
    }
  }

  #countsOf(db: number): Counts {
    let counts = this.#dbs.get(db);
    if (counts === undefined) {
      counts = { keys: 0, expires: 0, kinds: new Map() };
      this.#dbs.set(db, counts);
    }
    return counts;
  }

  #auxField(): void {
    const scanner = this.#scanner;
    const name = scanner.auxName();
    const value = scanner.bytes(scanner.valueStart, scanner.recordEnd);
    // KeyDB has fields for keys, and old servers one for each script.
    if (name === undefined || value === undefined || value.length > AUX_BYTES || this.#aux.has(name)) return;
    if (this.#aux.size < 100) this.#aux.set(name, readString(value, 0, scanner.valueStart).value.toString('utf8'));
  }
}

function add({ kinds }: Counts, kind: ValueKind, keys: number): void {
  kinds.set(kind, (kinds.get(kind) ?? 0) + keys);
}

function dbFacts(db: number, { keys, expires, kinds }: Counts): DbFacts {
  const types = Object.fromEntries(VALUE_KINDS.flatMap((kind) => (kinds.has(kind) ? [[kind, kinds.get(kind)]] : [])));
  return { db, keys, expires, types };
}

const behindTheEnd = (offset: number): RdbError =>
  new RdbError('RDB_TAIL', 'bytes follow the end of the RDB.', { offset });
