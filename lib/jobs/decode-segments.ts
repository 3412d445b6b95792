// Cuts an RDB into segments that threads decode, each with an index of its records, while it proves the file's structure
// and checksum.
import type { Dialect } from '../rdb/dialect.ts';
import { type RecordIndex, RecordIndexer } from '../rdb/record-index.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../rdb/scanner.ts';
import { unrestorable } from '../sources/rdb/unrestorable.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import type { TemplateSpan } from './record-decoder.ts';

/** A stretch of the file that begins and ends between two records. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly index: RecordIndex;
  /** The field-name templates that its hashes may refer to. */
  readonly templates: readonly TemplateSpan[];
  /** The number of the part that its lines go to. */
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
 * The largest segment, but for records that are larger: those stand alone. Large enough that handing it over costs little,
 * small enough that threads come to an end together.
 */
export const SEGMENT_BYTES = 1024 * 1024;

/**
 * Reads the source once. Segments are in the file's order, and hold all of its records that have lines.
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
  { onBlock, onUnwritten, signal }: SegmentOptions,
  give: () => Promise<void>,
): Promise<void> {
  const blocks = new BlockReader(source, { headroom: HELD_RECORD_BYTES });
  for (;;) {
    const event = scanner.next();
    if (event === ScanEvent.KEY) {
      cutter.key();
    } else if (event === ScanEvent.MORE) {
      signal?.throwIfAborted();
      await give();
      onBlock(Math.min(scanner.fedTo, source.size));
      const block = await blocks.next();
      if (block === undefined) scanner.finish();
      else scanner.feed(block.buffer, block.start, block.end);
    } else if (event === ScanEvent.END) {
      return;
    } else {
      const what = unrestorable(scanner, event);
      if (what !== undefined) onUnwritten(what);
      cutter.record(event);
    }
  }
}

class Cutter {
  readonly #scanner: RdbScanner;
  readonly #indexer = new RecordIndexer();
  readonly #stops: readonly number[];
  #nextStop: number;
  #part = 0;
  #segments: Segment[] = [];
  /** Templates that have been defined so far, the last of each id. */
  #templates: readonly TemplateSpan[] = [];

  // The segment that is open; nothing is when it is at -1.
  #start = -1;
  #end = 0;
  #dialect: Dialect | undefined;

  constructor(scanner: RdbScanner, stops: readonly number[]) {
    this.#scanner = scanner;
    this.#stops = stops;
    this.#nextStop = stops[0] ?? Number.POSITIVE_INFINITY;
  }

  key(): void {
    const scanner = this.#scanner;
    if (scanner.recordStart >= this.#nextStop) this.#stop(scanner.recordStart);
    this.#begin();
    this.#indexer.key(scanner);
    this.#added();
  }

  record(event: ScanEvent): void {
    const scanner = this.#scanner;
    if (event === ScanEvent.HASH_TEMPLATE) {
      // A segment knows one set of templates.
      this.#close();
      const template = scanner.template();
      this.#templates = [...this.#templates.filter(({ id }) => id !== template.id), template];
    } else if (event === ScanEvent.AUX || event === ScanEvent.FUNCTION) {
      if (scanner.dialect !== this.#dialect) this.#close();
      this.#begin();
      if (event === ScanEvent.AUX) this.#indexer.aux(scanner);
      else this.#indexer.functionLibrary(scanner);
      this.#added();
    }
  }

  /** What is open ends with the last whole record. */
  end(): void {
    this.#close();
  }

  take(): Segment[] {
    const taken = this.#segments;
    if (taken.length > 0) this.#segments = [];
    return taken;
  }

  #stop(offset: number): void {
    this.#close();
    while (offset >= (this.#stops[this.#part] ?? Number.POSITIVE_INFINITY)) this.#part++;
    this.#nextStop = this.#stops[this.#part] ?? Number.POSITIVE_INFINITY;
  }

  /** Opens a segment where none is, or where the record would overfill it: so a large record stands alone. */
  #begin(): void {
    const { recordStart, recordEnd, dialect } = this.#scanner;
    if (this.#start !== -1 && recordEnd - this.#start > SEGMENT_BYTES) this.#close();
    if (this.#start !== -1) return;
    this.#start = recordStart;
    this.#dialect = dialect;
  }

  #added(): void {
    this.#end = this.#scanner.recordEnd;
    if (this.#end - this.#start >= SEGMENT_BYTES) this.#close();
  }

  #close(): void {
    if (this.#start === -1) return;
    const { name, version } = this.#dialect as Dialect;
    const index = this.#indexer.take(name, version);
    this.#segments.push({
      start: this.#start,
      end: this.#end,
      index,
      templates: this.#templates,
      part: this.#part,
    });
    this.#start = -1;
  }
}
