// Decodes one RDB: each record to its line as the scan finds it; records that a block does not hold are read once more.
import { RdbError } from '../errors.ts';
import type { EntryFilter } from '../filter/filter.ts';
import { decodeTemplateNames } from '../rdb/decode.ts';
import { hasParts } from '../rdb/read-parts.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../rdb/scanner.ts';
import { readString } from '../rdb/strings.ts';
import type { ValueType } from '../rdb/types.ts';
import type { PlainInput } from '../sources/rdb/input.ts';
import { unrestorable } from '../sources/rdb/unrestorable.ts';
import { BlockReader } from '../storage/block-reader.ts';
import { JsonBuffer } from '../targets/json/json-buffer.ts';
import { JsonLines, MAX_LINE_BYTES } from '../targets/json/json-lines.ts';
import { heldParts, type LinePart, partLines, readLineParts } from '../targets/json/part-lines.ts';
import type { Progress } from '../telemetry/progress.ts';
import { type DecodeOptions, type DecodeReport, damageOf } from './decode.ts';

export interface DecodeFileOptions extends DecodeOptions {
  readonly accepts: EntryFilter | undefined;
  readonly progress: Progress;
  readonly report: DecodeReport;
}

/** Lines are handed on when so many bytes of them have gathered. */
const FLUSH_BYTES = 1024 * 1024;
const PART_BYTES = 256 * 1024;

/** Bytes at hand: `bytes[0]` stands at the absolute offset `base`. */
interface Held {
  bytes: Buffer;
  base: number;
}

export class DecodeFile {
  readonly #input: PlainInput;
  readonly #options: DecodeFileOptions;
  readonly #scanner: RdbScanner;
  readonly #out = new JsonBuffer();
  readonly #lines: JsonLines;
  readonly #templates = new Map<bigint, readonly Buffer[]>();
  /** The block that the scanner stands in. */
  readonly #block: Held = { bytes: Buffer.alloc(0), base: 0 };
  readonly #unwritten = new Map<string, number>();

  constructor(input: PlainInput, options: DecodeFileOptions) {
    this.#input = input;
    this.#options = options;
    this.#scanner = new RdbScanner({ size: input.source.size });
    this.#lines = new JsonLines(this.#out, { ...options, templates: (id) => this.#templates.get(id) });
  }

  /** @throws {RdbError} at the first damage; all lines before it have been written */
  async run(): Promise<void> {
    try {
      await this.#scan();
    } finally {
      await this.#flush();
    }
    const { report } = this.#options;
    const { dialect, recordEnd } = this.#scanner;
    report.files.push({
      name: this.#input.name,
      bytes: recordEnd,
      rdb: dialect === undefined ? '' : `${dialect.name} ${dialect.version}`,
    });
    for (const [what, count] of this.#unwritten) {
      report.warnings.push(`${this.#input.name} holds ${what} (${count} ×), which has no line.`);
    }
    const tail = this.#input.source.size - recordEnd;
    if (tail > 0) report.warnings.push(`${this.#input.name}: ${tail} bytes behind the RDB were not decoded.`);
  }

  async #scan(): Promise<void> {
    const { progress, report, signal } = this.#options;
    const scanner = this.#scanner;
    const blocks = new BlockReader(this.#input.source, { headroom: HELD_RECORD_BYTES });
    let at = 0;
    for (;;) {
      const event = scanner.next();
      if (event === ScanEvent.KEY) {
        const wait = this.#key();
        if (wait !== undefined) await wait;
        if (this.#out.at >= FLUSH_BYTES) await this.#flush();
      } else if (event === ScanEvent.MORE) {
        signal?.throwIfAborted();
        progress.bytes = at;
        progress.keys = report.keys;
        const block = await blocks.next();
        if (block === undefined) {
          scanner.finish();
          continue;
        }
        this.#block.bytes = block.buffer;
        this.#block.base = at - block.start;
        at += block.end - block.start;
        scanner.feed(block.buffer, block.start, block.end);
      } else if (event === ScanEvent.END) {
        return;
      } else {
        await this.#record(event);
      }
    }
  }

  /** A promise only where the record has to be read anew, or goes in parts. */
  #key(): Promise<void> | undefined {
    const scanner = this.#scanner;
    if (scanner.recordEnd - scanner.recordStart > HELD_RECORD_BYTES) return this.#largeKey();
    if (!this.#taken(this.#block) || this.#line(this.#block)) return undefined;
    return this.#inParts(this.#block);
  }

  #taken({ bytes, base }: Held): boolean {
    const { accepts, report } = this.#options;
    const scanner = this.#scanner;
    const key = () => readString(bytes, scanner.keyStart - base, scanner.keyStart).value;
    if (accepts?.accepts(scanner, key) ?? true) return true;
    report.filtered++;
    return false;
  }

  /** @returns false where the value is too long for a line */
  #line(held: Held): boolean {
    const { report } = this.#options;
    try {
      if (!this.#lines.entry(this.#scanner, held.bytes, held.base)) return false;
      report.lines++;
      report.keys++;
    } catch (error) {
      this.#damaged(error, held);
    }
    return true;
  }

  /** @throws the damage, unless the job goes on behind it */
  #damaged(error: unknown, { bytes, base }: Held): void {
    const { report, salvage } = this.#options;
    const { db, keyStart } = this.#scanner;
    if (!(error instanceof RdbError)) throw error;
    const key = Buffer.from(readString(bytes, keyStart - base, keyStart).value);
    if (!salvage) throw damageOf(error, db, key);
    const { code, message, offset } = error;
    report.damaged.push({ file: this.#input.name, db, key, offset, code, message });
  }

  async #largeKey(): Promise<void> {
    const { source } = this.#input;
    const { maxLineBytes = MAX_LINE_BYTES, keysOnly } = this.#options;
    const scanner = this.#scanner;
    const { recordStart: start, recordEnd: end, valueStart } = scanner;
    // What is longer in the file than a line may be is longer as JSON too, but for what is compressed there.
    const unparted = scanner.type?.kind === 'module';
    const whole = keysOnly !== true && (unparted || end - start <= maxLineBytes);
    const headEnd = Math.min(end, valueStart + HELD_RECORD_BYTES);
    const held = { bytes: await source.read(start, whole ? end : headEnd), base: start };
    if (!this.#taken(held)) return;
    if ((keysOnly !== true && !whole) || !this.#line(held)) await this.#inParts(held);
  }

  async #inParts(held: Held): Promise<void> {
    const { report } = this.#options;
    const head = this.#lines.head(this.#scanner, held.bytes, held.base);
    await this.#flush();
    try {
      for await (const _ of partLines(head, await this.#parts(), this.#out, this.#options)) {
        report.lines++;
        await this.#flush();
      }
      report.keys++;
    } catch (error) {
      this.#out.at = 0; // a line that was begun
      this.#damaged(error, held);
    }
  }

  async #parts(): Promise<AsyncIterable<LinePart> | Iterable<LinePart>> {
    const { source } = this.#input;
    const { valueStart, recordEnd, type } = this.#scanner;
    const templates = (id: bigint) => this.#templates.get(id);
    if (!hasParts(type as ValueType)) {
      return heldParts(type as ValueType, await source.read(valueStart, recordEnd), { base: valueStart, templates });
    }
    const blocks = new BlockReader(source, { from: valueStart, to: recordEnd });
    const pieces = { next: () => blocks.nextBytes() };
    return readLineParts(type as ValueType, pieces, { partBytes: PART_BYTES, base: valueStart, templates });
  }

  async #record(event: ScanEvent): Promise<void> {
    const scanner = this.#scanner;
    switch (event) {
      case ScanEvent.AUX: {
        const record = await this.#bytes(scanner.keyStart, scanner.recordEnd);
        const { value: name } = readString(record, 0, scanner.keyStart);
        this.#lines.aux(name, readString(record, scanner.valueStart - scanner.keyStart, scanner.valueStart).value);
        this.#options.report.lines++;
        break;
      }
      case ScanEvent.FUNCTION: {
        const from = scanner.recordStart + 1;
        this.#lines.functionLibrary(readString(await this.#bytes(from, scanner.recordEnd), 0, from).value);
        this.#options.report.lines++;
        break;
      }
      case ScanEvent.HASH_TEMPLATE: {
        const { id, offset, bytes } = scanner.template();
        this.#templates.set(id, decodeTemplateNames(await this.#bytes(offset, offset + bytes), offset));
        break;
      }
      default: {
        const what = unrestorable(scanner, event);
        if (what !== undefined) this.#unwritten.set(what, (this.#unwritten.get(what) ?? 0) + 1);
      }
    }
  }

  async #bytes(from: number, to: number): Promise<Buffer> {
    return this.#scanner.bytes(from, to) ?? this.#input.source.read(from, to);
  }

  async #flush(): Promise<void> {
    const { written } = this.#out;
    if (written.length === 0) return;
    this.#options.report.bytes += written.length;
    // Before the write: what could not be written is not tried again, or its failure would be lost behind another one.
    this.#out.at = 0;
    await this.#options.output.write(written);
  }
}
