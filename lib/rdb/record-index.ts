// An index of the records of a stretch of an RDB, in arrays that go from thread to thread without a copy: one thread scans,
// others decode, and nobody scans twice.
import type { DialectName } from './dialect.ts';
import type { Entry } from './entry.ts';
import type { RdbScanner } from './scanner.ts';
import { NO_EXPIRY } from './scanner.ts';
import type { TypeTable, ValueType } from './types.ts';

/** AUX and FUNCTION records have no type of a value: these stand for them. */
export const AUX_RECORD = -1;
export const FUNCTION_RECORD = -2;

/** A row for each record: its type (a code, or one of the two above), keyStart, valueStart, recordEnd. */
const ROW = 4;
/** A row for each record that has attributes: its number, recordStart, and what {@link Entry} calls so. */
const ATTRIBUTES = 8;
/** Rows of the first index; later ones begin with what the last one needed. */
const FIRST_ROWS = 4096;

/** An index as it is posted. */
export interface RecordIndex {
  readonly dialect: DialectName;
  readonly version: number;
  readonly records: number;
  readonly rows: Float64Array<ArrayBuffer>;
  readonly attributes: Float64Array<ArrayBuffer>;
  /** From which record on which database holds. */
  readonly dbs: readonly (readonly [record: number, db: number])[];
  /** Expiries that a double does not hold, by record. */
  readonly wideExpiries: ReadonlyMap<number, bigint>;
}

/** Collects what a scanner says, record by record. */
export class RecordIndexer {
  #rows = new Float64Array(FIRST_ROWS * ROW);
  #attributes = new Float64Array(FIRST_ROWS);
  #dbs: [number, number][] = [];
  #wide = new Map<number, bigint>();
  #records = 0;
  #attributed = 0;
  #db = -1;

  /** The key that the scanner stands on. */
  key(scanner: RdbScanner): void {
    const { db, keyStart, expireAt, idle, freq, metaEnd } = scanner;
    if (db !== this.#db) {
      this.#db = db;
      this.#dbs.push([this.#records, db]);
    }
    if (scanner.recordStart !== keyStart - 1) {
      this.#attributes = withRoom(this.#attributes, this.#attributed, ATTRIBUTES);
      const attributes = this.#attributes;
      const at = this.#attributed;
      attributes[at] = this.#records;
      attributes[at + 1] = scanner.recordStart;
      attributes[at + 2] = expireAt;
      attributes[at + 3] = idle;
      attributes[at + 4] = freq;
      attributes[at + 5] = scanner.metaStart;
      attributes[at + 6] = metaEnd;
      this.#attributed = at + ATTRIBUTES;
      if (!Number.isNaN(expireAt) && !Number.isSafeInteger(expireAt)) {
        this.#wide.set(this.#records, scanner.expiryMs() as bigint);
      }
    }
    this.#row((scanner.type as ValueType).code, keyStart, scanner.valueStart, scanner.recordEnd);
  }

  aux({ keyStart, valueStart, recordEnd }: RdbScanner): void {
    this.#row(AUX_RECORD, keyStart, valueStart, recordEnd);
  }

  functionLibrary({ recordStart, recordEnd }: RdbScanner): void {
    this.#row(FUNCTION_RECORD, recordStart + 1, recordStart + 1, recordEnd);
  }

  #row(type: number, keyStart: number, valueStart: number, recordEnd: number): void {
    const at = this.#records * ROW;
    if (at === this.#rows.length) this.#rows = withRoom(this.#rows, at, ROW);
    const rows = this.#rows;
    rows[at] = type;
    rows[at + 1] = keyStart;
    rows[at + 2] = valueStart;
    rows[at + 3] = recordEnd;
    this.#records++;
  }

  /** What has been collected; the next record begins a new index. */
  take(dialect: DialectName, version: number): RecordIndex {
    const index: RecordIndex = {
      dialect,
      version,
      records: this.#records,
      rows: this.#rows,
      attributes: this.#attributes.slice(0, this.#attributed),
      dbs: this.#dbs,
      wideExpiries: this.#wide,
    };
    this.#rows = new Float64Array(Math.max(FIRST_ROWS, this.#records + (this.#records >> 2)) * ROW);
    this.#dbs = [];
    this.#wide = new Map();
    this.#records = 0;
    this.#attributed = 0;
    this.#db = -1;
    return index;
  }
}

function withRoom(array: Float64Array<ArrayBuffer>, used: number, more: number): Float64Array<ArrayBuffer> {
  if (used + more <= array.length) return array;
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Goes through an index: after {@link next} it is the record, as a scanner would be. */
export class IndexedEntry implements Entry {
  db = 0;
  type: ValueType | undefined;
  /** The type's code, or what stands for AUX and FUNCTION records. */
  code = 0;
  recordStart = 0;
  keyStart = 0;
  valueStart = 0;
  recordEnd = 0;
  metaStart = 0;
  metaEnd = 0;
  expireAt: number = NO_EXPIRY;
  idle = -1;
  freq = -1;

  readonly #index: RecordIndex;
  readonly #types: TypeTable;
  #record = -1;
  #attribute = 0;
  #nextAttributed: number;
  #dbChange = 0;

  constructor(index: RecordIndex, types: TypeTable) {
    this.#index = index;
    this.#types = types;
    this.#nextAttributed = index.attributes[0] ?? -1;
  }

  /** False behind the last record. */
  next(): boolean {
    const record = ++this.#record;
    const { rows, records, dbs } = this.#index;
    if (record >= records) return false;
    const at = record * ROW;
    this.code = rows[at] as number;
    this.keyStart = rows[at + 1] as number;
    this.valueStart = rows[at + 2] as number;
    this.recordEnd = rows[at + 3] as number;
    if (this.code >= 0) this.type = this.#types[this.code];
    while (record === dbs[this.#dbChange]?.[0]) this.db = dbs[this.#dbChange++]?.[1] as number;
    if (record === this.#nextAttributed) this.#attributes();
    else this.#noAttributes();
    return true;
  }

  expiryMs(): bigint | undefined {
    if (Number.isNaN(this.expireAt)) return undefined;
    return this.#index.wideExpiries.get(this.#record) ?? BigInt(this.expireAt);
  }

  #attributes(): void {
    const { attributes } = this.#index;
    const at = this.#attribute;
    this.recordStart = attributes[at + 1] as number;
    this.expireAt = attributes[at + 2] as number;
    this.idle = attributes[at + 3] as number;
    this.freq = attributes[at + 4] as number;
    this.metaStart = attributes[at + 5] as number;
    this.metaEnd = attributes[at + 6] as number;
    this.#attribute = at + ATTRIBUTES;
    this.#nextAttributed = attributes[this.#attribute] ?? -1;
  }

  #noAttributes(): void {
    this.recordStart = this.keyStart - 1;
    this.expireAt = NO_EXPIRY;
    this.idle = -1;
    this.freq = -1;
    this.metaStart = 0;
    this.metaEnd = 0;
  }
}
