// Plans an RDB: reads it once from end to end, proves its structure and checksum, and cuts it into chunks at key
// boundaries that can be restored on their own.
import { combineCrc64 } from '../../bytes/crc64.ts';
import { RdbError } from '../../errors.ts';
import type { ChecksumVerdict, DialectName } from '../../rdb/dialect.ts';
import { parseModuleId } from '../../rdb/module-id.ts';
import { RecordSkipper } from '../../rdb/record-skipper.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanState } from '../../rdb/scanner.ts';
import { readString } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';
import { BlockReader } from '../../storage/block-reader.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { unrestorable } from './unrestorable.ts';

/** A range of an RDB that begins and ends at key boundaries. Offsets are absolute, `end` exclusive. */
export interface Chunk {
  readonly n: number;
  readonly start: number;
  readonly end: number;
  /** The database at its start; SELECTDB records inside may change it. */
  readonly db: number;
  readonly keys: number;
  /** CRC64 of the range's bytes. */
  readonly crc: bigint;
}

/** A span of the RDB. */
export interface Span {
  readonly offset: number;
  readonly bytes: number;
}

/** All that a plan knows but the chunks. */
export interface Plan {
  readonly dialect: DialectName;
  readonly version: number;
  /** Bytes of the RDB, its checksum included; less than the file's where a tail follows. */
  readonly bytes: number;
  readonly checksum: ChecksumVerdict;
  /** CRC64 of everything up to the end mark. */
  readonly crc: bigint;
  /** What follows the RDB in the file: the commands of an append-only file, or something unknown. */
  readonly tail: (Span & { readonly kind: 'aof' | 'unknown' }) | undefined;
  readonly chunks: number;
  readonly keys: number;
  /** Keys with an expiry. */
  readonly expires: number;
  /** Bytes of the largest key record. */
  readonly largest: number;
  readonly idle: boolean;
  readonly freq: boolean;
  readonly dbs: readonly { readonly db: number; readonly keys: number; readonly expires: number }[];
  readonly types: readonly {
    readonly code: number;
    readonly name: string;
    readonly keys: number;
    readonly bytes: number;
  }[];
  /** Module types of module values, with the number of keys. */
  readonly modules: readonly { readonly name: string; readonly version: number; readonly keys: number }[];
  readonly aux: readonly (readonly [name: string, value: string])[];
  /** Function libraries: spans of their source as an RDB string. */
  readonly functions: readonly Span[];
  /** Lua scripts that servers before 7.0 kept in the file: spans of the AUX value as an RDB string. */
  readonly scripts: readonly Span[];
  /** What the file holds that no command can restore, in words, with how often. */
  readonly unrestorable: readonly { readonly what: string; readonly count: number }[];
  /** Field-name templates that later hashes refer to: spans of the count and names. */
  readonly templates: readonly (Span & { readonly id: bigint; readonly fields: number })[];
}

export interface PlanOptions {
  /** Size in bytes from which a chunk is closed. Default 8 MiB. */
  chunkBytes?: number | undefined;
  /** Called with every chunk in order. A promise holds the reading back. */
  onChunk?: ((chunk: Chunk) => void | Promise<void>) | undefined;
  /** Told the bytes and keys read so far, about once a block. */
  onProgress?: ((bytes: number, keys: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface PlanSomeOptions extends PlanOptions {
  /** Goes on from where an earlier call stopped. */
  from?: SavedPlanning | undefined;
  /** True when the time is up: asked about once a block. */
  outOfTime: () => boolean;
}

/** Planning that was stopped between two keys: plain data, but for bigints and maps. */
export interface SavedPlanning {
  readonly scan: ScanState;
  readonly survey: SavedSurvey;
}

export const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;

/** AUX values are kept in the plan up to this many bytes. */
const AUX_SHOWN_BYTES = 256;

/**
 * Reads the whole source once.
 *
 * @throws {RdbError} on any damage, before which chunks may have been given already
 */
export async function planRdb(source: ByteSource, options: PlanOptions = {}): Promise<Plan> {
  const planned = await planSome(source, { ...options, outOfTime: () => false });
  return (planned as { plan: Plan }).plan;
}

/**
 * Reads until the end, or until the time is up. What it gives then is for the next call, after which all is as if there
 * had been one.
 *
 * @throws {RdbError} on any damage, before which chunks may have been given already
 */
export async function planSome(
  source: ByteSource,
  options: PlanSomeOptions,
): Promise<{ readonly plan: Plan } | { readonly saved: SavedPlanning }> {
  const skipper = new RecordSkipper();
  const from = options.from?.scan.offset ?? 0;
  const blocks = new BlockReader(source, { from, headroom: HELD_RECORD_BYTES, memory: skipper.blocks });
  try {
    return await surveyBlocks(source, blocks, skipper, options);
  } finally {
    await blocks.settle();
    skipper.end();
  }
}

async function surveyBlocks(
  source: ByteSource,
  blocks: BlockReader,
  skipper: RecordSkipper,
  options: PlanSomeOptions,
): ReturnType<typeof planSome> {
  const { from, chunkBytes = DEFAULT_CHUNK_BYTES } = options;
  const scanner = new RdbScanner({ size: source.size, from: from?.scan });
  const survey = new Survey(scanner, skipper, chunkBytes, from?.survey);
  const giveChunks = async () => {
    for (const chunk of survey.takeChunks()) await options.onChunk?.(chunk);
  };
  let fed = false;
  let stops = false;
  for (;;) {
    if (!stops) survey.skip();
    const event = scanner.next();
    if (event === ScanEvent.KEY) {
      survey.key();
      if (!stops) continue;
      await giveChunks();
      return { saved: { scan: scanner.save(), survey: survey.save() } };
    } else if (event === ScanEvent.MORE) {
      options.signal?.throwIfAborted();
      options.onProgress?.(Math.min(scanner.fedTo, source.size), survey.keys);
      await giveChunks();
      // A call reads one block at least, however little time it has.
      stops = fed && options.outOfTime();
      fed = true;
      const block = await blocks.next();
      if (block === undefined) scanner.finish();
      else scanner.feed(block.buffer, block.start, block.end);
    } else if (event === ScanEvent.END) {
      break;
    } else {
      survey.record(event);
    }
  }
  survey.end();
  await giveChunks();
  options.onProgress?.(scanner.recordEnd, survey.keys);
  return { plan: survey.plan(await tailOf(source, scanner.recordEnd)) };
}

async function tailOf(source: ByteSource, offset: number): Promise<Plan['tail']> {
  const bytes = source.size - offset;
  if (bytes <= 0) return undefined;
  const first = await source.read(offset, offset + 1);
  return { offset, bytes, kind: first[0] === 0x2a || first[0] === 0x23 ? 'aof' : 'unknown' };
}

/** What a survey has counted and collected. */
interface SavedSurvey extends Pick<Plan, 'types' | 'dbs' | 'aux' | 'functions' | 'scripts' | 'templates'> {
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
class Survey {
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
