// Cuts an RDB into segments that can be decoded on their own, while it proves the file's structure and checksum.
import { type Dialect, MAGIC_BYTES } from '../rdb/dialect.ts';
import { RecordSkipper } from '../rdb/record-skipper.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../rdb/scanner.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import { type DecodeRange, unwritten } from './decode-ranges.ts';
import type { TemplateSpan } from './record-decoder.ts';

/** A range of the file, and the number of the part that its lines go to. */
export interface Segment extends DecodeRange {
  readonly part: number;
}

export interface SegmentOptions {
  /** Offsets at which further parts begin: each at the first key at or behind it. Rising. */
  readonly stops: readonly number[];
  /** Takes a segment; its promise holds the reading back. */
  readonly onSegment: (segment: Segment) => Promise<void>;
  /** Something that has no line, in words. */
  readonly onUnwritten: (what: string) => void;
  readonly onBlock: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A segment ends with the first record that ends so many bytes behind its beginning, and a record that is larger stands
 * alone. Large enough that handing it over costs little, small enough that threads come to an end together; with its last
 * record it mostly fits in one block.
 */
const SEGMENT_BYTES = 960 * 1024;

/**
 * Reads the source once. Segments are in the file's order and cover all of its records.
 *
 * @returns the scanner at the file's end
 * @throws {RdbError} on damage: all that stands before it has been given
 */
export async function cutSegments(source: ByteSource, options: SegmentOptions): Promise<RdbScanner> {
  const scanner = new RdbScanner({ size: source.size });
  const cutter = new Cutter(scanner, options.stops);
  const give = async (): Promise<void> => {
    for (const segment of cutter.take()) await options.onSegment(segment);
  };
  try {
    await cut(scanner, cutter, source, options, give);
  } finally {
    cutter.end();
    await give();
  }
  return scanner;
}

async function cut(
  scanner: RdbScanner,
  cutter: Cutter,
  source: ByteSource,
  options: SegmentOptions,
  give: () => Promise<void>,
): Promise<void> {
  const skipper = new RecordSkipper();
  const blocks = new BlockReader(source, { headroom: HELD_RECORD_BYTES, memory: skipper.blocks });
  try {
    await cutBlocks(scanner, cutter, skipper, blocks, options, give);
  } finally {
    await blocks.settle();
    skipper.end();
  }
}

async function cutBlocks(
  scanner: RdbScanner,
  cutter: Cutter,
  skipper: RecordSkipper,
  blocks: BlockReader,
  { onBlock, onUnwritten, signal }: SegmentOptions,
  give: () => Promise<void>,
): Promise<void> {
  for (;;) {
    if (skipper.skip(scanner, cutter.attention) > 0) cutter.passed();
    const event = scanner.next();
    if (event === ScanEvent.KEY) {
      cutter.key();
    } else if (event === ScanEvent.MORE) {
      signal?.throwIfAborted();
      await give();
      onBlock(scanner.fedTo);
      const block = await blocks.next();
      if (block === undefined) scanner.finish();
      else scanner.feed(block.buffer, block.start, block.end);
    } else if (event === ScanEvent.END) {
      return;
    } else {
      const what = unwritten(scanner, event);
      if (what !== undefined) onUnwritten(what);
      cutter.record(event);
    }
  }
}

class Cutter {
  readonly #scanner: RdbScanner;
  readonly #stops: readonly number[];
  #part = 0;
  #segments: Segment[] = [];
  /** Templates that have been defined so far, the last of each id. */
  #templates: readonly TemplateSpan[] = [];

  // The segment that is open.
  #start = MAGIC_BYTES;
  #end = MAGIC_BYTES;
  #db = 0;
  #dialect: Dialect | undefined;

  constructor(scanner: RdbScanner, stops: readonly number[]) {
    this.#scanner = scanner;
    this.#stops = stops;
  }

  /** A key that begins here or behind is to be shown by {@link key}; those before it may be passed together. */
  get attention(): number {
    return Math.min(this.#start + SEGMENT_BYTES, this.#nextStop);
  }

  get #nextStop(): number {
    return this.#stops[this.#part] ?? Number.POSITIVE_INFINITY;
  }

  /** The scanner stands on a key. */
  key(): void {
    const { recordStart } = this.#scanner;
    if (recordStart >= this.#nextStop) {
      this.#close(recordStart);
      while (recordStart >= this.#nextStop) this.#part++;
    }
    this.#added(recordStart);
  }

  /** The scanner was taken past keys. */
  passed(): void {
    this.#added(this.#start);
  }

  /** The scanner stands on what is no key. */
  record(event: ScanEvent): void {
    const scanner = this.#scanner;
    if (!scanner.betweenRecords) return; // KeyDB writes AUX fields between a key's attributes and the key
    if (event === ScanEvent.HASH_TEMPLATE) {
      // A segment knows one set of templates.
      this.#close(scanner.recordStart);
      const template = scanner.template();
      this.#templates = [...this.#templates.filter(({ id }) => id !== template.id), template];
    } else if (scanner.dialect !== this.#dialect) {
      this.#close(scanner.recordStart);
      this.#dialect = scanner.dialect;
    }
    this.#added(scanner.recordStart);
  }

  /** What is open ends with the last whole record. */
  end(): void {
    this.#close(this.#end);
  }

  take(): Segment[] {
    const taken = this.#segments;
    if (taken.length > 0) this.#segments = [];
    return taken;
  }

  /** Records have been added, the last of which begins here; one that would overfill the segment begins the next. */
  #added(lastStart: number): void {
    const { recordEnd } = this.#scanner;
    if (recordEnd - this.#start > SEGMENT_BYTES && lastStart > this.#start) this.#close(lastStart);
    this.#end = recordEnd;
    if (recordEnd - this.#start >= SEGMENT_BYTES) this.#close(recordEnd);
  }

  #close(end: number): void {
    const start = this.#start;
    this.#start = end;
    const db = this.#db;
    this.#db = this.#scanner.db;
    if (end <= start) return;
    const { name, version } = (this.#dialect ?? this.#scanner.dialect) as Dialect;
    const templates = new Map(this.#templates.map(({ id, fields }) => [id, fields]));
    const from = { dialect: name, version, offset: start, db, crc: undefined, templates };
    this.#segments.push({ from, end, templates: this.#templates, part: this.#part });
  }
}
