// What a plan counts and collects while it goes through an RDB, and how it cuts chunks on the way.
import { combineCrc64 } from '../../bytes/crc64.ts';
import { RdbError } from '../../errors.ts';
import type { ChecksumVerdict } from '../../rdb/dialect.ts';
import { parseModuleId } from '../../rdb/module-id.ts';
import type { RecordSkipper } from '../../rdb/record-skipper.ts';
import { type RdbScanner, ScanEvent } from '../../rdb/scanner.ts';
import { readString } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { Chunk, Plan, Span } from './plan.ts';
import { unrestorable } from './unrestorable.ts';

/** AUX values are kept in the plan up to this many bytes. */
const AUX_SHOWN_BYTES = 256;

/** What a survey has counted and collected. */
export interface SavedSurvey extends Pick<Plan, 'types' | 'dbs' | 'aux' | 'functions' | 'scripts' | 'templates'> {
  readonly modules: readonly (readonly [id: bigint, keys: number])[];
  readonly unrestorable: readonly (readonly [what: string, count: number])[];
  readonly idle: boolean;
  readonly freq: boolean;
  readonly largest: number;
  readonly keys: number;
  readonly expires: number;
  readonly chunkCount: number;
  /** The chunk that is open; it has no keys where there is none. */
  readonly open: Pick<Chunk, 'keys' | 'start' | 'db' | 'crc'>;
}

/** Everything that is counted and collected on the way. */
export class Survey {
  readonly #scanner: RdbScanner;
  readonly #skipper: RecordSkipper;
  readonly #chunkBytes: number;
  readonly #typeKeys = new Float64Array(256);
  readonly #typeBytes = new Float64Array(256);
  readonly #typeNames: string[] = [];
  readonly #dbs = new Map<number, { db: number; keys: number; expires: number }>();
  #db: { db: number; keys: number; expires: number } | undefined;
  readonly #modules: Map<bigint, number> = new Map();
  readonly #aux: (readonly [string, string])[] = [];
  readonly #functions: Span[] = [];
  readonly #scripts: Span[] = [];
  readonly #unrestorable: Map<string, number> = new Map();
  readonly #templates = new Map<bigint, Span & { id: bigint; fields: number }>();
  #idle = false;
  #freq = false;
  #largest = 0;
  keys = 0;
  #expires = 0;

  // The chunk that is open.
  #chunks: Chunk[] = [];
  #chunkCount = 0;
  #chunkKeys = 0;
  #chunkStart = 0;
  #chunkDb = 0;
  #chunkCrc = 0n;

  constructor(scanner: RdbScanner, skipper: RecordSkipper, chunkBytes: number, saved?: SavedSurvey) {
    this.#scanner = scanner;
    this.#skipper = skipper;
    this.#chunkBytes = chunkBytes;
    if (saved === undefined) return;
    for (const { code, name, keys, bytes } of saved.types) {
      this.#typeKeys[code] = keys;
      this.#typeBytes[code] = bytes;
      this.#typeNames[code] = name;
    }
    for (const { db, keys, expires } of saved.dbs) this.#dbs.set(db, { db, keys, expires });
    this.#modules = new Map(saved.modules);
    this.#aux.push(...saved.aux);
    this.#functions.push(...saved.functions);
    this.#scripts.push(...saved.scripts);
    this.#unrestorable = new Map(saved.unrestorable);
    for (const template of saved.templates) this.#templates.set(template.id, template);
    this.#idle = saved.idle;
    this.#freq = saved.freq;
    this.#largest = saved.largest;
    this.keys = saved.keys;
    this.#expires = saved.expires;
    this.#chunkCount = saved.chunkCount;
    this.#chunkKeys = saved.open.keys;
    this.#chunkStart = saved.open.start;
    this.#chunkDb = saved.open.db;
    this.#chunkCrc = saved.open.crc;
  }

  /** All of it, for another one to go on with; the chunks have been taken. */
  save(): SavedSurvey {
    this.#countSkipped();
    return {
      types: this.#types(),
      dbs: [...this.#dbs.values()],
      modules: [...this.#modules],
      aux: this.#aux,
      functions: this.#functions,
      scripts: this.#scripts,
      unrestorable: [...this.#unrestorable],
      templates: [...this.#templates.values()],
      idle: this.#idle,
      freq: this.#freq,
      largest: this.#largest,
      keys: this.keys,
      expires: this.#expires,
      chunkCount: this.#chunkCount,
      open: { keys: this.#chunkKeys, start: this.#chunkStart, db: this.#chunkDb, crc: this.#chunkCrc },
    };
  }

  /** Takes the scanner past keys that belong to the open chunk, or begin one, without a look at each. */
  skip(): void {
    const scanner = this.#scanner;
    if (!scanner.betweenRecords) return;
    const start = scanner.offsetOf(scanner.nextRecord);
    const from = this.#chunkKeys > 0 ? this.#chunkStart : start;
    // A key that fills the chunk, or would overfill it, goes by key().
    const keys = this.#skipper.skip(scanner, from + this.#chunkBytes, from + this.#chunkBytes - 1);
    if (keys === 0) return;
    if (this.#chunkKeys === 0) this.#begin(start);
    const { expires, idle, freq } = this.#skipper.last;
    this.#chunkKeys += keys;
    this.keys += keys;
    if (this.#db?.db !== scanner.db) this.#db = this.#dbOf(scanner.db);
    this.#db.keys += keys;
    this.#db.expires += expires;
    this.#expires += expires;
    if (idle > 0) this.#idle = true;
    if (freq > 0) this.#freq = true;
  }

  key(): void {
    const scanner = this.#scanner;
    const bytes = scanner.recordEnd - scanner.recordStart;
    const type = scanner.type as NonNullable<typeof scanner.type>;
    // A record that would overfill the open chunk begins the next one, so that a large record stands alone.
    if (this.#chunkKeys > 0 && scanner.recordEnd - this.#chunkStart > this.#chunkBytes) {
      this.#close(scanner.recordStart);
    }
    if (this.#chunkKeys === 0) this.#begin(scanner.recordStart);
    this.#chunkKeys++;
    this.keys++;
    if (this.#db?.db !== scanner.db) this.#db = this.#dbOf(scanner.db);
    this.#db.keys++;
    if (!Number.isNaN(scanner.expireAt)) {
      this.#expires++;
      this.#db.expires++;
    }
    if (scanner.idle >= 0) this.#idle = true;
    if (scanner.freq >= 0) this.#freq = true;
    if (bytes > this.#largest) this.#largest = bytes;
    this.#count(type, 1, bytes);
    if (type.kind === 'module') this.#modules.set(scanner.moduleId, (this.#modules.get(scanner.moduleId) ?? 0) + 1);
    if (bytes >= this.#chunkBytes) this.#close(scanner.recordEnd);
  }

  record(event: ScanEvent): void {
    const scanner = this.#scanner;
    switch (event) {
      case ScanEvent.AUX:
        this.#auxField();
        break;
      case ScanEvent.FUNCTION:
        this.#functions.push({ offset: scanner.recordStart + 1, bytes: scanner.recordEnd - scanner.recordStart - 1 });
        break;
      case ScanEvent.HASH_TEMPLATE:
        this.#template();
        break;
      default: {
        const what = unrestorable(scanner, event);
        if (what !== undefined) this.#cannotRestore(what);
      }
    }
  }

  end(): void {
    if (this.#chunkKeys > 0) this.#close(this.#scanner.bodyEnd);
  }

  takeChunks(): Chunk[] {
    const taken = this.#chunks;
    if (taken.length > 0) this.#chunks = [];
    return taken;
  }

  plan(tail: Plan['tail']): Plan {
    const scanner = this.#scanner;
    const dialect = scanner.dialect as NonNullable<typeof scanner.dialect>;
    this.#countSkipped();
    return {
      dialect: dialect.name,
      version: dialect.version,
      bytes: scanner.recordEnd,
      checksum: scanner.checksum as ChecksumVerdict,
      crc: scanner.crcAt(scanner.bodyEnd + 1),
      tail,
      chunks: this.#chunkCount,
      keys: this.keys,
      expires: this.#expires,
      largest: this.#largest,
      idle: this.#idle,
      freq: this.#freq,
      dbs: [...this.#dbs.values()].sort((a, b) => a.db - b.db),
      types: this.#types(),
      modules: [...this.#modules].map(([id, keys]) => ({ ...parseModuleId(id), keys })),
      aux: this.#aux,
      functions: this.#functions,
      scripts: this.#scripts,
      unrestorable: [...this.#unrestorable].map(([what, count]) => ({ what, count })),
      templates: [...this.#templates.values()],
    };
  }

  #types(): Plan['types'] {
    return this.#typeNames.flatMap((name, code) => ({
      code,
      name,
      keys: this.#typeKeys[code] as number,
      bytes: this.#typeBytes[code] as number,
    }));
  }

  /** Adds what was gone past without a look; once, at the end. */
  #countSkipped(): void {
    for (const { type, keys, bytes } of this.#skipper.types()) this.#count(type, keys, bytes);
    this.#largest = Math.max(this.#largest, this.#skipper.largest);
  }

  #count({ code, name }: ValueType, keys: number, bytes: number): void {
    this.#typeKeys[code] = (this.#typeKeys[code] as number) + keys;
    this.#typeBytes[code] = (this.#typeBytes[code] as number) + bytes;
    this.#typeNames[code] = name;
  }

  #begin(offset: number): void {
    this.#chunkStart = offset;
    this.#chunkDb = this.#scanner.db;
    this.#chunkCrc = this.#scanner.crcAt(offset);
  }

  #close(end: number): void {
    const start = this.#chunkStart;
    // The running CRC is linear, so that of the range follows from those at its two ends.
    const crc = combineCrc64(this.#chunkCrc, this.#scanner.crcAt(end), end - start);
    this.#chunks.push({ n: this.#chunkCount++, start, end, db: this.#chunkDb, keys: this.#chunkKeys, crc });
    this.#chunkKeys = 0;
  }

  #dbOf(db: number): { db: number; keys: number; expires: number } {
    let totals = this.#dbs.get(db);
    if (totals === undefined) {
      totals = { db, keys: 0, expires: 0 };
      this.#dbs.set(db, totals);
    }
    return totals;
  }

  #template(): void {
    const template = this.#scanner.template();
    // A chunk that is read on its own could not know which of them its hashes mean.
    if (this.#templates.has(template.id)) {
      throw new RdbError('RDB_TEMPLATE', `hash template ${template.id} is defined twice.`, {
        offset: this.#scanner.recordStart,
        db: this.#scanner.db,
      });
    }
    this.#templates.set(template.id, template);
  }

  #cannotRestore(what: string): void {
    this.#unrestorable.set(what, (this.#unrestorable.get(what) ?? 0) + 1);
  }

  #auxField(): void {
    const scanner = this.#scanner;
    const name = scanner.auxName();
    if (name === undefined) return;
    // KeyDB writes one of these for every key; it says nothing that another server could take.
    if (name === 'mvcc-tstamp' || name.startsWith('keydb-subexpire-')) {
      this.#cannotRestore(`KeyDB's ${name} fields`);
      return;
    }
    if (name === 'lua') {
      this.#scripts.push({ offset: scanner.valueStart, bytes: scanner.recordEnd - scanner.valueStart });
      return;
    }
    const value = scanner.bytes(scanner.valueStart, scanner.recordEnd);
    const text = value === undefined ? '' : readString(value, 0, scanner.valueStart).value.toString('utf8');
    this.#aux.push([name, text.length > AUX_SHOWN_BYTES ? `${text.slice(0, AUX_SHOWN_BYTES)}…` : text]);
  }
}
