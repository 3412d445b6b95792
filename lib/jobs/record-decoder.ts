// Decodes records of an RDB to lines: one that is at hand in place; one that is too large to be held is read once more.
import { giveBackBlockKernels, takeBlockKernels } from '../bytes/kernels.ts';
import { quoteKey, RdbError } from '../errors.ts';
import type { EntryFilter } from '../filter/filter.ts';
import { ValueCursor } from '../rdb/decode/value-cursor.ts';
import { decodeTemplateNames, moduleValue } from '../rdb/decode.ts';
import type { Entry } from '../rdb/entry.ts';
import { hasParts } from '../rdb/read-parts.ts';
import { HELD_RECORD_BYTES, type RdbScanner } from '../rdb/scanner.ts';
import { readString } from '../rdb/strings.ts';
import type { ValueType } from '../rdb/types.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import { JsonBuffer } from '../targets/json/json-buffer.ts';
import { type JsonLineOptions, MAX_LINE_BYTES } from '../targets/json/json-lines.ts';
import { KeyferryShape } from '../targets/json/keyferry-shape.ts';
import { heldParts, type LinePart, readLineParts } from '../targets/json/line-parts.ts';
import { type Shape, type ShapeName, shapeNamed } from '../targets/json/shape.ts';
import { StringLines } from '../targets/json/string-lines.ts';

export interface RecordOptions extends Pick<JsonLineOptions, 'keysOnly' | 'noValue' | 'maxLineBytes'> {
  /** Default: keyferry's own. */
  readonly shape?: ShapeName | undefined;
  /** What a remaining time to live counts from, ms since the epoch. */
  readonly now?: number | undefined;
  readonly source: ByteSource;
  /** Takes the lines; the bytes may change when its promise is fulfilled. */
  readonly write: (bytes: Buffer) => Promise<void>;
  /** What is counted; the caller may empty it. */
  readonly tally: DecodeTally;
  readonly accepts: EntryFilter | undefined;
  /** Goes on behind a value whose inside is damaged. */
  readonly salvage?: boolean | undefined;
}

/** The span of the count and names of a field-name template. */
export interface TemplateSpan {
  readonly id: bigint;
  readonly offset: number;
  readonly bytes: number;
  readonly fields: number;
}

/** A key whose value could not be decoded. */
export interface DamagedValue {
  readonly db: number;
  /** `undefined` where it is the key that is damaged. */
  readonly key: Buffer | undefined;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

export interface DecodeTally {
  /** Keys that were written, and those that the filter left out. */
  keys: number;
  filtered: number;
  /** Keys that the shape has no place for. */
  omitted: number;
  lines: number;
  /** Bytes of JSON, before packing. */
  bytes: number;
  damaged: DamagedValue[];
}

export const newTally = (): DecodeTally => ({
  keys: 0,
  filtered: 0,
  omitted: 0,
  lines: 0,
  bytes: 0,
  damaged: [],
});

/** Lines are handed on when so many bytes of them have gathered. */
const FLUSH_BYTES = 1024 * 1024;
const PART_BYTES = 256 * 1024;
const PART_BLOCK_BYTES = 1024 * 1024;

/** Bytes at hand: `bytes[0]` stands at the absolute offset `base`. */
export interface Held {
  bytes: Buffer;
  base: number;
}

export class RecordDecoder {
  readonly #options: RecordOptions;
  readonly #source: ByteSource;
  readonly #tally: DecodeTally;
  readonly #kernels = takeBlockKernels();
  readonly #out = new JsonBuffer(this.#kernels.lines);
  readonly #shape: Shape;
  /** Lines of keyferry's shape are counted as they are written, those of others when they are handed on. */
  readonly #countsLines: boolean;
  /** Where every string has a line as the kernel writes it. */
  readonly #strings: StringLines | undefined;
  readonly #templates = new Map<bigint, readonly Buffer[]>();
  /** Where the blocks of values in parts lie. */
  #partBlocks: Buffer | undefined;

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#tally = options.tally;
    const { accepts, keysOnly, noValue, shape, maxLineBytes = MAX_LINE_BYTES } = options;
    const plain = accepts === undefined && keysOnly !== true && noValue !== true && shape === undefined;
    this.#strings = plain ? new StringLines(this.#kernels, this.#out, maxLineBytes) : undefined;
    const shaped = { ...options, templates: (id: bigint) => this.#templates.get(id) };
    this.#shape = shape === undefined ? new KeyferryShape(this.#out, shaped) : shapeNamed(shape, this.#out, shaped);
    this.#countsLines = shape !== undefined;
  }

  /** Where blocks should lie, so that {@link strings} can read them. */
  get blocks(): Buffer {
    return this.#kernels.blocks;
  }

  /** Writes the lines of strings that come next, before `until`, as far as there is a short way; the scanner passes them. */
  strings(scanner: RdbScanner, until: number): void {
    const count = this.#strings?.write(scanner, until) ?? 0;
    this.#tally.lines += count;
    this.#tally.keys += count;
  }

  /** What stands before the first record of an output. */
  begin(): void {
    this.#shape.head();
  }

  /** What stands behind the last; it is handed on with all that is before it. */
  end(): Promise<void> {
    this.#shape.tail();
    return this.flush();
  }

  /** Lets go of its memory: no read into {@link blocks} may be under way. */
  close(): void {
    giveBackBlockKernels(this.#kernels);
  }

  /** What the shape has no place for, in words, and how often it was met. */
  get lossy(): ReadonlyMap<string, number> {
    return this.#shape.lossy;
  }

  /** True when so much has gathered that it should be flushed. */
  get full(): boolean {
    return this.#out.at >= FLUSH_BYTES;
  }

  /**
   * Writes a key's line.
   *
   * @param held holds the record, if that is no larger than {@link HELD_RECORD_BYTES}
   * @returns a promise only where the record has to be read, or goes in parts
   * @throws {RdbError} its damage, unless that is salvaged
   */
  key(entry: Entry, held: Held): Promise<void> | undefined {
    if (entry.recordEnd - entry.recordStart > HELD_RECORD_BYTES) return this.#largeKey(entry);
    if (!this.#taken(entry, held) || this.#line(entry, held)) return undefined;
    return this.#inParts(entry, held);
  }

  /** @param record of an AUX record what is behind its opcode; its name ends at `nameEnd` */
  aux(record: Buffer, nameEnd: number, base: number): void {
    const { value: name } = readString(record, 0, base);
    this.#shape.aux(name, readString(record, nameEnd, base).value);
    if (!this.#countsLines) this.#tally.lines++;
  }

  /** @param record of a FUNCTION record what is behind its opcode */
  functionLibrary(record: Buffer, base: number): void {
    this.#shape.functionLibrary(readString(record, 0, base).value);
    if (!this.#countsLines) this.#tally.lines++;
  }

  /** @param record of a MODULE_AUX record what is behind its opcode */
  moduleAux(record: Buffer, base: number): void {
    this.#shape.moduleAux(moduleValue(new ValueCursor(record, { base })));
    if (!this.#countsLines) this.#tally.lines++;
  }

  /** A template that later hashes refer to. */
  async template({ id, offset, bytes }: Omit<TemplateSpan, 'fields'>): Promise<void> {
    this.#templates.set(id, decodeTemplateNames(await this.#source.read(offset, offset + bytes), offset));
  }

  #taken(entry: Entry, held: Held): boolean {
    const { accepts } = this.#options;
    if (accepts === undefined) return true;
    try {
      if (accepts.accepts(entry, () => nameOf(entry, held))) return true;
      this.#tally.filtered++;
    } catch (error) {
      this.#damaged(error, entry, held);
    }
    return false;
  }

  /** @returns false where the value is too long to be written at once */
  #line(entry: Entry, held: Held): boolean {
    const before = this.#out.at;
    try {
      if (!this.#shape.entry(entry, held.bytes, held.base)) return false;
    } catch (error) {
      this.#damaged(error, entry, held);
      return true;
    }
    if (!this.#countsLines) this.#tally.lines++;
    if (this.#out.at > before) this.#tally.keys++;
    else this.#tally.omitted++;
    return true;
  }

  /** @throws the damage, unless the job goes on behind it */
  #damaged(error: unknown, entry: Entry, held: Held): void {
    if (!(error instanceof RdbError)) throw error;
    let key: Buffer | undefined;
    try {
      key = Buffer.from(nameOf(entry, held));
    } catch {
      // it is the key itself that is damaged
    }
    if (!this.#options.salvage) throw damageOf(error, entry.db, key);
    const { code, message, offset } = error;
    this.#tally.damaged.push({ db: entry.db, key, offset, code, message });
  }

  async #largeKey(entry: Entry): Promise<void> {
    const { maxLineBytes = MAX_LINE_BYTES, keysOnly } = this.#options;
    const { recordStart: start, recordEnd: end, valueStart } = entry;
    // What is longer in the file than a line may be is longer as JSON too, but for what is compressed there.
    const unparted = entry.type?.kind === 'module';
    const whole = keysOnly !== true && (unparted || end - start <= maxLineBytes);
    const headEnd = Math.min(end, valueStart + HELD_RECORD_BYTES);
    const held = { bytes: await this.#source.read(start, whole ? end : headEnd), base: start };
    if (!this.#taken(entry, held)) return;
    if ((keysOnly !== true && !whole) || !this.#line(entry, held)) await this.#inParts(entry, held);
  }

  async #inParts(entry: Entry, held: Held): Promise<void> {
    const { bytes, base } = held;
    await this.flush();
    const before = this.#tally.bytes;
    try {
      for await (const _ of this.#shape.large(entry, bytes, base, await this.#parts(entry))) {
        if (!this.#countsLines) this.#tally.lines++;
        await this.flush();
      }
      if (this.#tally.bytes + this.#out.at > before) this.#tally.keys++;
      else this.#tally.omitted++;
    } catch (error) {
      this.#damaged(error, entry, held);
    }
  }

  async #parts({ valueStart, recordEnd, type }: Entry): Promise<AsyncIterable<LinePart> | Iterable<LinePart>> {
    const source = this.#source;
    const templates = (id: bigint) => this.#templates.get(id);
    if (!hasParts(type as ValueType)) {
      return heldParts(type as ValueType, await source.read(valueStart, recordEnd), { base: valueStart, templates });
    }
    this.#partBlocks ??= Buffer.allocUnsafeSlow(3 * PART_BLOCK_BYTES);
    const range = { from: valueStart, to: recordEnd, blockBytes: PART_BLOCK_BYTES };
    const blocks = new BlockReader(source, { ...range, memory: this.#partBlocks });
    const pieces = { next: () => blocks.nextBytes() };
    return readLineParts(type as ValueType, pieces, { partBytes: PART_BYTES, base: valueStart, templates });
  }

  /** Hands the lines on. */
  async flush(): Promise<void> {
    const { written } = this.#out;
    if (written.length === 0) return;
    this.#tally.bytes += written.length;
    if (this.#countsLines) this.#tally.lines += lineEnds(written);
    // Before the write: what could not be written is not tried again, or its failure would be lost behind another one.
    this.#out.empty();
    await this.#options.write(written);
  }
}

const nameOf = ({ keyStart }: Entry, { bytes, base }: Held): Buffer => readString(bytes, keyStart - base, base).value;

function lineEnds(text: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(0x0a); at !== -1; at = text.indexOf(0x0a, at + 1)) count++;
  return count;
}

/** The error of a value's damage, with the key that it is in; of a key's, without. */
function damageOf(error: RdbError, db: number, key: Buffer | undefined): RdbError {
  const what = key === undefined ? 'the key' : quoteKey(key);
  return new RdbError(
    error.code,
    error.message,
    { offset: error.offset, db, key },
    { remedy: `--salvage leaves ${what} out and goes on.`, cause: error },
  );
}
