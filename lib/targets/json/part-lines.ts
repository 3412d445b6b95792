// A value in parts as numbered lines: what is too long for one line, and for memory.
import { openValue } from '../../rdb/decode.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import {
  type Write,
  writeArrayItem,
  writeField,
  writePath,
  writeStreamEntry,
  writeStreamState,
  writeString,
  writeZsetEntry,
} from './elements.ts';
import { ascii, type JsonBuffer } from './json-buffer.ts';
import { type JsonLineOptions, type LineHead, MAX_LINE_BYTES } from './json-lines.ts';
import type { LinePart } from './line-parts.ts';
import { QuickValues } from './quick-values.ts';
import { StreamGroups } from './stream-groups.ts';
import { wholeCharacters } from './utf8.ts';

export { heldParts, type LinePart, readLineParts } from './line-parts.ts';

/** `,"part":9007199254740991,"last":true`, `]}`, `}` and the line's end. */
const TAIL_BYTES = 48;
const COMMA = ascii(',');
const VALUE = ascii(',"value":');

/** What stands around the elements of a value, by the kind of its type. */
const BRACKETS: Readonly<Record<string, readonly [open: Buffer, close: Buffer]>> = {
  string: [ascii(''), ascii('')],
  list: [ascii('['), ascii(']')],
  set: [ascii('['), ascii(']')],
  zset: [ascii('['), ascii(']')],
  hash: [ascii('['), ascii(']')],
  stream: [ascii('{"entries":['), ascii(']}')],
  array: [ascii('{"items":['), ascii(']}')],
};
const PATHS = [ascii('{"paths":['), ascii(']}')] as const;

/**
 * Writes a value's parts as lines, each at most as long as the options say or as one element needs. In memory are a part,
 * a line, and of a stream its groups.
 *
 * Without values (`noValue`) it is one line with the number of elements.
 *
 * @param head  see `JsonLines.head`
 * @param parts see `readLineParts` and `heldParts`
 * @param out   to be emptied whenever the generator yields: then it holds whole lines. The next line begins at its `at`.
 * @throws whatever `parts` throws; lines that were written before stay, so that the value's last line is missing
 */
export async function* partLines(
  head: LineHead,
  parts: AsyncIterable<LinePart> | Iterable<LinePart>,
  out: JsonBuffer,
  options: Pick<JsonLineOptions, 'noValue' | 'maxLineBytes'> = {},
): AsyncGenerator<void, void, undefined> {
  const lines = new PartLines(head, out, options);
  for await (const part of parts) yield* lines.add(part);
  yield* lines.finish();
}

class PartLines {
  readonly #head: LineHead;
  readonly #out: JsonBuffer;
  readonly #noValue: boolean;
  readonly #maxLineBytes: number;
  readonly #open: Buffer;
  readonly #close: Buffer;
  readonly #quick: QuickValues;
  readonly #groups = new StreamGroups();
  #state: Extract<ValuePart, { kind: 'stream-state' }> | undefined;
  #insertIndex: bigint | undefined;
  /** Bytes of a string that may be the beginning of a character. */
  #carried: Buffer = Buffer.alloc(0);

  #elements = 0;
  /** Number of the line, 0 before the first. */
  #part = 0;
  #lineStart = 0;
  /** Where `elements` belongs in this line. */
  #nameEnd = 0;
  /** Elements in this line. */
  #inLine = 0;

  constructor(head: LineHead, out: JsonBuffer, options: Pick<JsonLineOptions, 'noValue' | 'maxLineBytes'>) {
    this.#head = head;
    this.#out = out;
    this.#quick = new QuickValues(out);
    this.#noValue = options.noValue ?? false;
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    const { type } = head;
    const brackets = type.name === 'PATH_HASH' ? PATHS : BRACKETS[type.kind];
    if (brackets === undefined) throw new Error(`values of type ${type.name} have no parts`);
    [this.#open, this.#close] = brackets;
  }

  /** Yields whenever a line is complete. */
  *add(part: LinePart): Generator<void, void, undefined> {
    switch (part.kind) {
      case 'run':
        yield* this.#run(part.value, part.base);
        break;
      case 'string':
        yield* this.#string(part.bytes);
        break;
      case 'list':
        yield* this.#all(part.items, writeString);
        break;
      case 'set':
        yield* this.#all(part.members, writeString);
        break;
      case 'zset':
        yield* this.#all(part.entries, writeZsetEntry);
        break;
      case 'hash':
        yield* this.#all(part.fields, writeField);
        break;
      case 'path-hash':
        yield* this.#all(part.paths, writePath, ({ fields }) => fields.length);
        break;
      case 'array':
        this.#insertIndex = part.insertIndex;
        yield* this.#all(part.items, writeArrayItem);
        break;
      case 'stream':
        yield* this.#all(part.entries, writeStreamEntry);
        break;
      case 'stream-state':
        this.#state = part;
        break;
      default:
        if (!this.#noValue) this.#groups.add(part);
    }
  }

  /** Completes the last line, also of a value that had no parts. */
  *finish(): Generator<void, void, undefined> {
    const out = this.#out;
    if (this.#head.type.kind === 'string') this.#elements = 1;
    if (this.#noValue) {
      out.raw(this.#head.name);
      out.raw(this.#head.properties);
      out.text(`,"elements":${this.#elements}}\n`);
      yield;
      return;
    }
    if (this.#carried.length > 0) yield* this.#piece(this.#carried, 0, this.#carried.length);
    if (this.#part === 0) this.#begin();
    out.raw(this.#close);
    this.#rest();
    out.text(`,"part":${this.#part},"last":true}\n`);
    out.insert(this.#nameEnd, ascii(`,"elements":${this.#elements}`));
    yield;
  }

  /** What the last part has besides elements, behind them in the same object. */
  #rest(): void {
    const out = this.#out;
    if (this.#state === undefined && this.#insertIndex === undefined) return;
    out.at--; // the brace
    out.raw(COMMA);
    if (this.#state !== undefined) {
      const state = { ...this.#state, groups: this.#groups.finish() };
      writeStreamState(out, state, this.#head.type.name === 'STREAM_LISTPACKS_5');
    } else if (this.#insertIndex !== undefined) {
      out.text('"insertIndex":');
      out.wideInteger(this.#insertIndex);
    }
    out.text('}');
  }

  *#all<T>(elements: Iterable<T>, write: Write<T>, countOf?: (element: T) => number): Generator<void, void, undefined> {
    const out = this.#out;
    if (this.#noValue) {
      for (const element of elements) this.#elements += countOf?.(element) ?? 1;
      return;
    }
    for (const element of elements) {
      if (this.#part === 0) this.#begin();
      const before = out.at;
      if (this.#inLine > 0) out.raw(COMMA);
      const start = out.at;
      write(out, element);
      if (this.#isTooLong() && this.#inLine > 0) {
        // The element opens the next line.
        const written = Buffer.from(out.bytes.subarray(start, out.at));
        out.at = before;
        yield* this.#next();
        out.raw(written);
      }
      this.#inLine++;
      this.#elements += countOf?.(element) ?? 1;
    }
  }

  /** Elements in one go, all in one line; one by one where that would make it too long, and where one is damaged. */
  *#run(value: Buffer, base: number): Generator<void, void, undefined> {
    const out = this.#out;
    if (this.#part === 0 && !this.#noValue) this.#begin();
    const before = out.at;
    // The run's own opening bracket stands where the line has its own, or where a comma belongs.
    if (!this.#noValue && this.#inLine === 0) out.at--;
    const start = out.at;
    const count = this.#quick.writeRun(this.#head.type, value);
    out.at--; // the closing bracket
    if (count === 0) {
      // A list's nodes can be empty.
      out.at = before;
      return;
    }
    if (count < 0 || this.#noValue || this.#isTooLong()) {
      const written = count < 0 || this.#noValue ? undefined : Buffer.from(out.bytes.subarray(start + 1, out.at));
      out.at = before;
      if (count >= 0 && this.#noValue) {
        this.#elements += count;
        return;
      }
      if (written === undefined || written.length > this.#roomOfLine()) {
        yield* this.#decoded(value, base);
        return;
      }
      yield* this.#next();
      out.raw(written);
    } else if (this.#inLine > 0) {
      out.bytes[start] = COMMA[0] as number;
    }
    this.#inLine += count;
    this.#elements += count;
  }

  *#decoded(value: Buffer, base: number): Generator<void, void, undefined> {
    const opened = openValue(this.#head.type, value, { base });
    if (opened.kind === 'list') yield* this.#all(opened.items, writeString);
    else if (opened.kind === 'set') yield* this.#all(opened.members, writeString);
    else if (opened.kind === 'zset') yield* this.#all(opened.entries, writeZsetEntry);
    else if (opened.kind === 'hash') yield* this.#all(opened.fields, writeField);
  }

  *#string(bytes: Buffer): Generator<void, void, undefined> {
    if (this.#noValue) return;
    const piece = this.#carried.length === 0 ? bytes : Buffer.concat([this.#carried, bytes]);
    const whole = wholeCharacters(piece);
    this.#carried = Buffer.from(piece.subarray(whole));
    if (whole > 0) yield* this.#piece(piece, 0, whole);
    else if (piece.length === 0) {
      this.#begin();
      this.#out.text('""');
    }
  }

  /** A line for a piece of a string, or several, where one would be too long. */
  *#piece(bytes: Buffer, start: number, end: number): Generator<void, void, undefined> {
    const out = this.#out;
    if (this.#inLine > 0) yield* this.#next();
    else if (this.#part === 0) this.#begin();
    const before = out.at;
    out.string(bytes, start, end);
    const middle = characterStart(bytes, start, end);
    if (this.#isTooLong() && middle > start) {
      out.at = before;
      yield* this.#piece(bytes, start, middle);
      yield* this.#piece(bytes, middle, end);
      return;
    }
    this.#inLine = 1;
  }

  /** Ends the line that others follow, and begins the next. */
  *#next(): Generator<void, void, undefined> {
    this.#out.raw(this.#close);
    this.#out.text(`,"part":${this.#part}}\n`);
    yield;
    this.#begin();
  }

  #begin(): void {
    const out = this.#out;
    this.#lineStart = out.at;
    this.#inLine = 0;
    out.raw(this.#head.name);
    if (this.#part === 0) out.raw(this.#head.properties);
    this.#part++;
    this.#nameEnd = out.at;
    out.raw(VALUE);
    out.raw(this.#open);
  }

  #isTooLong(): boolean {
    return this.#out.at - this.#lineStart > this.#maxLineBytes - TAIL_BYTES - ELEMENTS_BYTES;
  }

  /** The most bytes of elements that a line of its own can hold. */
  #roomOfLine(): number {
    const { name, properties } = this.#head;
    return this.#maxLineBytes - TAIL_BYTES - ELEMENTS_BYTES - name.length - properties.length - VALUE.length - 16;
  }
}

/** `,"elements":9007199254740991`. */
const ELEMENTS_BYTES = 28;

/** The middle, or where the character before it begins; `start` where there is no other. */
function characterStart(bytes: Buffer, start: number, end: number): number {
  const middle = start + ((end - start) >> 1);
  for (let at = middle; at > middle - 4 && at > start; at--) if (((bytes[at] as number) & 0xc0) !== 0x80) return at;
  return middle;
}
