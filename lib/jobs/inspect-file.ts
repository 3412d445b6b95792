// Inspects one RDB: the scan finds each record, its value is measured in place; of records that a block does not hold only
// the heads of their elements are read once more.
import type { EntryFilter } from '../filter/filter.ts';
import { ArrivingBytes } from '../rdb/parts/arriving-bytes.ts';
import { stringParts } from '../rdb/parts/string-parts.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../rdb/scanner.ts';
import { lengthSize, readString } from '../rdb/strings.ts';
import type { ValueType } from '../rdb/types.ts';
import type { PlainInput } from '../sources/rdb/input.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { InspectedKey } from '../targets/inspect/counts.ts';
import { EntryCounter } from '../targets/inspect/entry-counter.ts';
import type { Inspection } from '../targets/inspect/inspection.ts';
import { Measurer, type Measuring } from '../targets/inspect/measure.ts';
import type { MemoryModel } from '../targets/inspect/memory-model.ts';
import type { Writer } from '../targets/inspect/servers.ts';
import { HEAD_BYTES, ValueWindow } from '../targets/inspect/value-window.ts';
import { encodingName } from '../targets/json/encoding-names.ts';
import type { Progress } from '../telemetry/progress.ts';

export interface InspectFileOptions {
  readonly accepts: EntryFilter | undefined;
  readonly inspection: Inspection;
  /** The model to reckon with, asked for once all that the file's head says of its writer has been read. */
  readonly model: (writer: Writer) => MemoryModel;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What a large value is read again in: only where its elements' heads are. */
const WINDOW_BYTES = 256 * 1024;
/** AUX values are kept up to this many bytes. */
const AUX_BYTES = 256;
const PART_BYTES = 256 * 1024;

export class InspectFile {
  readonly #input: PlainInput;
  readonly #options: InspectFileOptions;
  readonly #scanner: RdbScanner;
  readonly #window = new ValueWindow();
  #measurer: Measurer | undefined;
  #model: MemoryModel | undefined;
  readonly #aux: [name: Buffer, value: Buffer][] = [];
  /** The AUX fields that say something of the writer, by name. */
  readonly #head = new Map<string, string>();
  readonly #templateFields = new Map<bigint, number>();
  /** Keys, and those with an expiry, of each database: what the tables are made for. */
  readonly #dbs = new Map<number, { keys: number; expiring: number }>();
  #db: { keys: number; expiring: number } = { keys: 0, expiring: 0 };
  #dbNumber = -1;
  // The block that the scanner stands in: `#bytes[0]` stands at `#base`.
  #bytes: Buffer = Buffer.alloc(0);
  #base = 0;
  #keys = 0;
  /** What values take more than MEMORY USAGE tells, bytes. */
  #unseen = 0;
  filtered = 0;
  readonly #key: InspectedKey = {
    db: 0,
    type: '',
    encoding: '',
    bytes: this.#bytes,
    start: 0,
    end: 0,
    recordBytes: 0,
    valueBytes: 0,
    memory: 0,
    elements: 0,
    expireAt: Number.NaN,
    idle: -1,
    freq: -1,
  };

  constructor(input: PlainInput, options: InspectFileOptions) {
    this.#input = input;
    this.#options = options;
    this.#scanner = new RdbScanner({ size: input.source.size });
  }

  /** @throws {RdbError} at the first damage; all keys before it have been counted */
  async run(): Promise<void> {
    try {
      await this.#scan();
    } finally {
      this.#options.inspection.file(this.#facts(), this.#aux);
    }
  }

  /** Bytes of the file's tables, and of what MEMORY USAGE leaves out. */
  get tables(): number {
    let bytes = this.#unseen;
    for (const { keys, expiring } of this.#dbs.values()) bytes += this.#model?.tables(keys, expiring) ?? 0;
    return bytes;
  }

  /** Bytes behind the RDB that were not looked at. */
  get tail(): number {
    return this.#input.source.size - this.#scanner.recordEnd;
  }

  async #scan(): Promise<void> {
    const { progress, signal } = this.#options;
    const scanner = this.#scanner;
    const blocks = new BlockReader(this.#input.source, { headroom: HELD_RECORD_BYTES });
    let at = 0;
    for (;;) {
      const event = scanner.next();
      if (event === ScanEvent.KEY) {
        const wait = this.#entry();
        if (wait !== undefined) await wait;
      } else if (event === ScanEvent.MORE) {
        signal?.throwIfAborted();
        progress.bytes = at;
        progress.keys = this.#keys;
        const block = await blocks.next();
        if (block === undefined) {
          scanner.finish();
          continue;
        }
        this.#bytes = block.buffer;
        this.#base = at - block.start;
        at += block.end - block.start;
        scanner.feed(block.buffer, block.start, block.end);
      } else if (event === ScanEvent.END) {
        return;
      } else {
        await this.#record(event);
      }
    }
  }

  /** A promise only where the record has to be read anew. */
  #entry(): Promise<void> | undefined {
    const scanner = this.#scanner;
    if (scanner.recordEnd - scanner.recordStart > HELD_RECORD_BYTES) return this.#largeEntry();
    if (!this.#taken(this.#bytes, this.#base)) return undefined;
    this.#window.hold(this.#bytes, this.#base, scanner.valueStart);
    const measuring = this.#measure();
    const first = measuring?.next();
    if (measuring !== undefined && first?.done === false) return this.#rest(measuring, first);
    this.#add();
    return undefined;
  }

  async #largeEntry(): Promise<void> {
    const { source } = this.#input;
    const { keyStart, valueStart, recordEnd } = this.#scanner;
    // A compressed key of some bytes can be long, and so can a plain one.
    const head = await source.read(keyStart, Math.min(recordEnd, valueStart + WINDOW_BYTES));
    if (!this.#taken(head, keyStart)) return;
    this.#moveTo(head, keyStart, valueStart);
    const measuring = this.#measure();
    const first = measuring?.next();
    if (measuring !== undefined && first?.done === false) await this.#rest(measuring, first);
    else this.#add();
  }

  /** Goes on with a measurement that needs other bytes than are held. */
  async #rest(measuring: Measuring, first: ReturnType<Measuring['next']>): Promise<void> {
    const { source } = this.#input;
    const { recordEnd } = this.#scanner;
    for (let step = first; step.done !== true; ) {
      if (step.value === undefined) {
        const at = this.#window.at;
        this.#moveTo(await source.read(at, Math.min(recordEnd, at + WINDOW_BYTES)), at, at);
        step = measuring.next();
      } else {
        const { count, from, to } = step.value;
        const counter = new EntryCounter(count);
        const blocks = new BlockReader(source, { from, to, blockBytes: PART_BYTES });
        const bytes = new ArrivingBytes({ next: () => blocks.nextBytes() }, PART_BYTES, from);
        for await (const part of stringParts(bytes, PART_BYTES)) counter.push(part);
        step = measuring.next(counter.end());
      }
    }
    this.#add();
  }

  #moveTo(bytes: Buffer, base: number, at: number): void {
    const end = base + bytes.length;
    const whole = end === this.#scanner.recordEnd;
    this.#window.move(bytes, base, at, whole ? Number.POSITIVE_INFINITY : end - HEAD_BYTES);
  }

  /** Looks at the key. False where the filter leaves it out. */
  #taken(bytes: Buffer, base: number): boolean {
    const { accepts } = this.#options;
    const scanner = this.#scanner;
    const key = this.#key;
    const at = scanner.keyStart - base;
    const first = bytes[at] as number;
    if (first < 0xc0) {
      key.bytes = bytes;
      key.start = at + lengthSize(first);
      key.end = scanner.valueStart - base;
    } else {
      const { value } = readString(bytes, at, scanner.keyStart);
      key.bytes = value;
      key.start = 0;
      key.end = value.length;
    }
    if (accepts?.accepts(scanner, () => key.bytes.subarray(key.start, key.end)) ?? true) {
      key.encoding = encodingName(scanner.type as ValueType, bytes[scanner.valueStart - base] as number);
      return true;
    }
    this.filtered++;
    return false;
  }

  #measure(): Measuring | undefined {
    const { type, recordEnd, expireAt } = this.#scanner;
    const { start, end } = this.#key;
    this.#measurer ??= this.#newMeasurer();
    const fields = type?.name === 'HASH_TMPL_ARRAY_REF' ? this.#fieldsOfTemplate() : 0;
    return this.#measurer.measure(type as ValueType, end - start, !Number.isNaN(expireAt), recordEnd, fields);
  }

  /** The value of a template's hash begins with the template's id. */
  #fieldsOfTemplate(): number {
    const { bytes, base, at } = this.#window;
    const id = this.#window.length();
    this.#window.move(bytes, base, at, this.#window.safe);
    return this.#templateFields.get(BigInt(id)) ?? 0;
  }

  #newMeasurer(): Measurer {
    const { name, version } = this.#scanner.dialect ?? { name: 'redis', version: 0 };
    this.#model = this.#options.model({
      dialect: name,
      version,
      redisVersion: this.#head.get('redis-ver'),
      valkeyVersion: this.#head.get('valkey-ver'),
    });
    return new Measurer(this.#window, this.#model);
  }

  #add(): void {
    const { inspection } = this.#options;
    const scanner = this.#scanner;
    const measurer = this.#measurer as Measurer;
    const type = scanner.type as ValueType;
    const key = this.#key;
    key.db = scanner.db;
    key.type = type.kind;
    key.recordBytes = scanner.recordEnd - scanner.recordStart;
    key.valueBytes = scanner.recordEnd - scanner.valueStart;
    key.memory = Math.round(measurer.usage);
    key.elements = measurer.elements;
    key.expireAt = scanner.expireAt;
    key.idle = scanner.idle;
    key.freq = scanner.freq;
    this.#unseen += measurer.usage + measurer.unseen - key.memory;
    inspection.key(key, this.#input.name);
    if (type.kind === 'module') inspection.module(scanner.moduleId, key);
    if (key.db !== this.#dbNumber) this.#changeDb(key.db);
    this.#db.keys++;
    if (!Number.isNaN(key.expireAt)) this.#db.expiring++;
    this.#keys++;
  }

  #changeDb(db: number): void {
    this.#db = this.#dbs.get(db) ?? { keys: 0, expiring: 0 };
    this.#dbs.set(db, this.#db);
    this.#dbNumber = db;
  }

  async #record(event: ScanEvent): Promise<void> {
    const scanner = this.#scanner;
    switch (event) {
      case ScanEvent.AUX:
        return this.#auxField();
      case ScanEvent.FUNCTION: {
        const from = scanner.recordStart + 1;
        const bytes = scanner.recordEnd - from;
        // Its first line says the rest; a library beyond this is read for nothing else.
        const code =
          bytes > LARGEST_LIBRARY ? undefined : readString(await this.#read(from, scanner.recordEnd), 0).value;
        const [, engine, name] = /^#!(\w+)[^\n]*?\bname=(\S+)/.exec(code?.toString('latin1', 0, 1024) ?? '') ?? [];
        const label = name === undefined ? undefined : Buffer.from(name, 'latin1');
        this.#options.inspection.function(label, engine ?? '', code?.length ?? bytes);
        return;
      }
      case ScanEvent.FUNCTION_PRE_GA:
        this.#options.inspection.function(undefined, '', scanner.recordEnd - scanner.recordStart);
        return;
      case ScanEvent.HASH_TEMPLATE: {
        const { id, fields } = scanner.template();
        this.#templateFields.set(id, fields);
      }
    }
  }

  async #auxField(): Promise<void> {
    const { keyStart, valueStart, recordEnd } = this.#scanner;
    if (recordEnd - keyStart > HELD_RECORD_BYTES) return;
    const bytes = await this.#read(keyStart, recordEnd);
    const name = readString(bytes, 0, keyStart).value;
    const value = readString(bytes, valueStart - keyStart, valueStart).value;
    const label = name.toString('latin1');
    // KeyDB writes one of these for every key.
    if (label === 'mvcc-tstamp' || label.startsWith('keydb-subexpire-')) return;
    if (label === 'lua') {
      this.#options.inspection.function(undefined, 'lua script', value.length);
    } else if (FACTS.has(label)) {
      this.#head.set(label, value.toString('latin1'));
    } else if (this.#aux.length < MOST_AUX) {
      this.#aux.push([Buffer.from(name), Buffer.from(value.subarray(0, AUX_BYTES))]);
    }
  }

  #facts() {
    const { dialect, recordEnd } = this.#scanner;
    const [redis, valkey] = [this.#head.get('redis-ver'), this.#head.get('valkey-ver')];
    const seconds = Number(this.#head.get('ctime'));
    const memory = Number(this.#head.get('used-mem'));
    return {
      name: this.#input.name,
      bytes: recordEnd,
      rdb: dialect === undefined ? '' : `${dialect.name} ${dialect.version}`,
      server: valkey !== undefined ? `Valkey ${valkey}` : redis !== undefined ? `Redis ${redis}` : null,
      createdAt: seconds > 0 ? seconds * 1000 : null,
      usedMemory: memory > 0 ? memory : null,
      keys: this.#keys,
    };
  }

  async #read(from: number, to: number): Promise<Buffer> {
    return this.#scanner.bytes(from, to) ?? this.#input.source.read(from, to);
  }
}

const LARGEST_LIBRARY = 16 * 1024 * 1024;
/** Fields that are facts of the file: they are not told twice. */
const FACTS: ReadonlySet<string> = new Set(['redis-ver', 'valkey-ver', 'ctime', 'used-mem']);
const MOST_AUX = 64;
