// keyferry's JSON Lines (docs/json-format.md): one line for each key of an RDB, for its AUX fields and its functions.
import type { TemplateLookup } from '../../rdb/decode.ts';
import type { Entry } from '../../rdb/entry.ts';
import { readString } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { ModuleValue } from '../../rdb/value.ts';
import { writeModule } from './elements.ts';
import { encodingName } from './encoding-names.ts';
import { ascii, type JsonBuffer } from './json-buffer.ts';
import { writeGeneral } from './open-values.ts';
import { GIVEN_UP, QuickValues, TOO_LONG } from './quick-values.ts';

export interface JsonLineOptions {
  /** Only database, key and type: values are not looked at. Default `false`. */
  keysOnly?: boolean | undefined;
  /** All but the value. It is decoded nevertheless: its elements are counted, and its damage is found. Default `false`. */
  noValue?: boolean | undefined;
  /** The field names of the file's templates. */
  templates?: TemplateLookup;
  /** The longest line in bytes, its end included. Default {@link MAX_LINE_BYTES}. */
  maxLineBytes?: number | undefined;
}

export const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** What the lines of a value in parts begin with, up to the type, and what only the first has behind it. */
export interface LineHead {
  readonly type: ValueType;
  readonly name: Buffer;
  readonly properties: Buffer;
}

const DB = '{"db":';
const KEY = ',"key":';
const EXPIRY = ascii(',"expiry":');
const IDLE = ascii(',"idle":');
const FREQ = ascii(',"freq":');
const META = ascii(',"meta":');
const SIZE = ascii(',"size":');
/** The count is put right when the value has been written. */
const ELEMENTS = ascii(',"elements":1');
const VALUE = ascii(',"value":');
const ELEMENTS_VALUE = Buffer.concat([ELEMENTS, VALUE]);
const LINE_END = ascii('}\n');
/** What may be added to a line when its value has been written: a count's further digits, and its end. */
export const TAIL_BYTES = 20;
const DIGIT_0 = 0x30;
const FIRST_STRING_TYPE = 0;
const ENCODED = 0xc0;

export class JsonLines {
  readonly #out: JsonBuffer;
  readonly #quick: QuickValues;
  readonly #keysOnly: boolean;
  readonly #noValue: boolean;
  readonly #templates: TemplateLookup;
  readonly #maxLineBytes: number;

  #db = -1;
  #dbHead: Buffer = Buffer.alloc(0);
  /** By type code: `,"type":"hash"`, and with `,"encoding":"listpack"` behind it. Strings: by the first byte. */
  readonly #typeTexts: (Buffer | undefined)[] = [];
  readonly #encodingTexts: (Buffer | undefined)[] = [];
  readonly #stringTexts: Buffer[] = [];

  constructor(out: JsonBuffer, options: JsonLineOptions = {}) {
    this.#out = out;
    this.#quick = new QuickValues(out);
    this.#keysOnly = options.keysOnly ?? false;
    this.#noValue = options.noValue ?? false;
    this.#templates = options.templates;
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
  }

  /**
   * Writes the line of the key that the scanner stands on.
   *
   * @param bytes what holds the whole record
   * @param base  absolute offset of `bytes[0]`
   * @returns false, with nothing written, where the line would be too long: its value goes in parts, see `partLines`
   * @throws {RdbError} where the value is damaged; nothing is written
   */
  entry(entry: Entry, bytes: Buffer, base: number): boolean {
    const out = this.#out;
    const start = out.at;
    try {
      if (this.#entry(entry, bytes, base, start)) return true;
    } catch (error) {
      out.at = start;
      throw error;
    }
    out.at = start;
    return false;
  }

  #entry(entry: Entry, bytes: Buffer, base: number, start: number): boolean {
    const out = this.#out;
    const type = entry.type as ValueType;
    this.#name(entry, bytes, base);
    if (this.#keysOnly) {
      out.raw(this.#typeText(type));
      out.raw(LINE_END);
      return true;
    }
    this.#properties(entry, bytes, base);
    out.raw(this.#noValue ? ELEMENTS : ELEMENTS_VALUE);
    const elementsEnd = this.#noValue ? out.at : out.at - VALUE.length;
    const value = out.at;
    const limit = start + this.#maxLineBytes - TAIL_BYTES;
    const [from, to] = [entry.valueStart - base, entry.recordEnd - base];
    let count = this.#quick.write(type, bytes, from, to, limit);
    if (count === GIVEN_UP) {
      out.at = value;
      const general = { type, value: bytes.subarray(from, to), base: entry.valueStart, templates: this.#templates };
      count = writeGeneral(out, general, limit);
    }
    if (count === TOO_LONG) return false;
    if (this.#noValue) out.at = elementsEnd;
    if (count !== 1) this.#putCount(elementsEnd, count);
    out.raw(LINE_END);
    return true;
  }

  /**
   * The beginnings of the lines of a value that goes in parts.
   *
   * @param bytes what holds the record's attributes, its key, and its value's first byte
   * @param base  absolute offset of `bytes[0]`
   */
  head(entry: Entry, bytes: Buffer, base: number): LineHead {
    const out = this.#out;
    const start = out.at;
    const type = entry.type as ValueType;
    this.#name(entry, bytes, base);
    const nameEnd = out.at;
    this.#properties(entry, bytes, base);
    const typeText = this.#typeText(type);
    const name = Buffer.concat([out.bytes.subarray(start, nameEnd), typeText]);
    const properties = Buffer.from(out.bytes.subarray(nameEnd + typeText.length, out.at));
    out.at = start;
    return { type, name, properties };
  }

  /** The line of an AUX field. */
  aux(name: Buffer, value: Buffer): void {
    this.#bare('aux', name, value);
  }

  /** The line of a function library; its key is the name in the first line of the code, where there is one. */
  functionLibrary(code: Buffer): void {
    this.#bare('function', libraryName(code), code);
  }

  /** The line of a MODULE_AUX record: what a module keeps beside its keys. */
  moduleAux(value: ModuleValue): void {
    const out = this.#out;
    out.text('{"type":"module-aux"');
    out.text(KEY);
    out.string(Buffer.from(value.name, 'latin1'));
    if (!this.#noValue && !this.#keysOnly) {
      out.raw(VALUE);
      writeModule(out, value);
    }
    out.raw(LINE_END);
  }

  #bare(type: string, key: Buffer | undefined, value: Buffer): void {
    const out = this.#out;
    out.text(`{"type":"${type}"`);
    if (key !== undefined) {
      out.text(KEY);
      out.string(key);
    }
    if (!this.#noValue && !this.#keysOnly) {
      out.raw(VALUE);
      out.string(value);
    }
    out.raw(LINE_END);
  }

  /** Database and key. */
  #name(entry: Entry, bytes: Buffer, base: number): void {
    const out = this.#out;
    if (entry.db !== this.#db) {
      this.#db = entry.db;
      this.#dbHead = ascii(`${DB}${entry.db}${KEY}`);
    }
    out.raw(this.#dbHead);
    const at = entry.keyStart - base;
    if (!this.#quick.string(bytes, at, entry.valueStart - base)) out.string(readString(bytes, at, base).value);
  }

  /** Everything from the type to the size. */
  #properties(entry: Entry, bytes: Buffer, base: number): void {
    const out = this.#out;
    out.raw(this.#encodingText(entry.type as ValueType, bytes[entry.valueStart - base] as number));
    if (!Number.isNaN(entry.expireAt)) {
      out.raw(EXPIRY);
      if (Number.isSafeInteger(entry.expireAt)) out.integer(entry.expireAt);
      else out.wideInteger(entry.expiryMs() as bigint);
    }
    if (entry.idle >= 0) {
      out.raw(IDLE);
      out.integer(entry.idle);
    }
    if (entry.freq >= 0) {
      out.raw(FREQ);
      out.integer(entry.freq);
    }
    if (entry.metaEnd > 0) {
      out.raw(META);
      out.base64(bytes, entry.metaStart - base, entry.metaEnd - base);
    }
    out.raw(SIZE);
    out.integer(entry.recordEnd - entry.keyStart);
  }

  /** Replaces the 1 in front of `end`. */
  #putCount(end: number, count: number): void {
    const out = this.#out;
    if (count < 10) {
      out.bytes[end - 1] = DIGIT_0 + count;
      return;
    }
    const digits = ascii(String(count));
    out.bytes[end - 1] = digits[0] as number;
    out.insert(end, digits.subarray(1));
  }

  #typeText(type: ValueType): Buffer {
    let text = this.#typeTexts[type.code];
    if (text === undefined) {
      text = ascii(`,"type":"${type.kind}"`);
      this.#typeTexts[type.code] = text;
    }
    return text;
  }

  #encodingText(type: ValueType, first: number): Buffer {
    // All first bytes of strings below this one say that they are raw.
    const isString = type.code === FIRST_STRING_TYPE;
    const texts = isString ? this.#stringTexts : this.#encodingTexts;
    const index = isString ? (first < ENCODED ? 0 : first) : type.code;
    let text = texts[index];
    if (text === undefined) {
      text = Buffer.concat([this.#typeText(type), ascii(`,"encoding":"${encodingName(type, first)}"`)]);
      texts[index] = text;
    }
    return text;
  }
}

/** The name in `#!lua name=mylib`. */
function libraryName(code: Buffer): Buffer | undefined {
  const lineEnd = code.indexOf('\n');
  const line = code.toString('latin1', 0, lineEnd === -1 ? code.length : lineEnd);
  const name = /^#!\S+.*?\sname=(\S+)/.exec(line)?.[1];
  return name === undefined ? undefined : Buffer.from(name, 'latin1');
}
