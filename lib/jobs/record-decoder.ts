// Decodes records of an RDB to lines: one that is at hand in place; one that is too large to be held is read once more.
import { quoteKey, RdbError } from '../errors.ts';
import type { EntryFilter } from '../filter/filter.ts';
import { decodeTemplateNames } from '../rdb/decode.ts';
import type { Entry } from '../rdb/entry.ts';
import { hasParts } from '../rdb/read-parts.ts';
import { HELD_RECORD_BYTES } from '../rdb/scanner.ts';
import { readString } from '../rdb/strings.ts';
import type { ValueType } from '../rdb/types.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import { JsonBuffer } from '../targets/json/json-buffer.ts';
import { type JsonLineOptions, JsonLines, MAX_LINE_BYTES } from '../targets/json/json-lines.ts';
import { heldParts, type LinePart, partLines, readLineParts } from '../targets/json/part-lines.ts';

export interface RecordOptions extends Pick<JsonLineOptions, 'keysOnly' | 'noValue' | 'maxLineBytes'> {
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
  readonly key: Buffer;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

export interface DecodeTally {
  /** Keys that were written, and those that the filter left out. */
  keys: number;
  filtered: number;
  lines: number;
  /** Bytes of JSON, before packing. */
  bytes: number;
  damaged: DamagedValue[];
}

export const newTally = (): DecodeTally => ({
  keys: 0,
  filtered: 0,
  lines: 0,
  bytes: 0,
  damaged: [],
});

/** Lines are handed on when so many bytes of them have gathered. */
const FLUSH_BYTES = 1024 * 1024;
const PART_BYTES = 256 * 1024;

/** Bytes at hand: `bytes[0]` stands at the absolute offset `base`. */
export interface Held {
  bytes: Buffer;
  base: number;
}

export class RecordDecoder {
  readonly #options: RecordOptions;
  readonly #source: ByteSource;
  readonly #tally: DecodeTally;
  readonly #out = new JsonBuffer();
  readonly #lines: JsonLines;
  readonly #templates = new Map<bigint, readonly Buffer[]>();

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#tally = options.tally;
    this.#lines = new JsonLines(this.#out, { ...options, templates: (id) => this.#templates.get(id) });
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
    this.#lines.aux(name, readString(record, nameEnd, base + nameEnd).value);
    this.#tally.lines++;
  }

  /** @param record of a FUNCTION record what is behind its opcode */
  functionLibrary(record: Buffer, base: number): void {
    this.#lines.functionLibrary(readString(record, 0, base).value);
    this.#tally.lines++;
  }

  /** A template that later hashes refer to. */
  async template({ id, offset, bytes }: Omit<TemplateSpan, 'fields'>): Promise<void> {
    this.#templates.set(id, decodeTemplateNames(await this.#source.read(offset, offset + bytes), offset));
  }

  #taken(entry: Entry, { bytes, base }: Held): boolean {
    const { accepts } = this.#options;
    const key = () => readString(bytes, entry.keyStart - base, entry.keyStart).value;
    if (accepts?.accepts(entry, key) ?? true) return true;
    this.#tally.filtered++;
    return false;
  }

  /** @returns false where the value is too long for a line */
  #line(entry: Entry, held: Held): boolean {
    try {
      if (!this.#lines.entry(entry, held.bytes, held.base)) return false;
      this.#tally.lines++;
      this.#tally.keys++;
    } catch (error) {
      this.#damaged(error, entry, held);
    }
    return true;
  }

  /** @throws the damage, unless the job goes on behind it */
  #damaged(error: unknown, { db, keyStart }: Entry, { bytes, base }: Held): void {
    if (!(error instanceof RdbError)) throw error;
    const key = Buffer.from(readString(bytes, keyStart - base, keyStart).value);
    if (!this.#options.salvage) throw damageOf(error, db, key);
    const { code, message, offset } = error;
    this.#tally.damaged.push({ db, key, offset, code, message });
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
    const head = this.#lines.head(entry, held.bytes, held.base);
    await this.flush();
    try {
      for await (const _ of partLines(head, await this.#parts(entry), this.#out, this.#options)) {
        this.#tally.lines++;
        await this.flush();
      }
      this.#tally.keys++;
    } catch (error) {
      this.#out.at = 0; // a line that was begun
      this.#damaged(error, entry, held);
    }
  }

  async #parts({ valueStart, recordEnd, type }: Entry): Promise<AsyncIterable<LinePart> | Iterable<LinePart>> {
    const source = this.#source;
    const templates = (id: bigint) => this.#templates.get(id);
    if (!hasParts(type as ValueType)) {
      return heldParts(type as ValueType, await source.read(valueStart, recordEnd), { base: valueStart, templates });
    }
    const blocks = new BlockReader(source, { from: valueStart, to: recordEnd });
    const pieces = { next: () => blocks.nextBytes() };
    return readLineParts(type as ValueType, pieces, { partBytes: PART_BYTES, base: valueStart, templates });
  }

  /** Hands the lines on. */
  async flush(): Promise<void> {
    const { written } = this.#out;
    if (written.length === 0) return;
    this.#tally.bytes += written.length;
    // Before the write: what could not be written is not tried again, or its failure would be lost behind another one.
    this.#out.at = 0;
    await this.#options.write(written);
  }
}

/** The error of a value's damage, with the key that it is in. */
function damageOf(error: RdbError, db: number, key: Buffer): RdbError {
  return new RdbError(
    error.code,
    error.message,
    { offset: error.offset, db, key },
    { remedy: `--salvage leaves ${quoteKey(key)} out and goes on.`, cause: error },
  );
}
