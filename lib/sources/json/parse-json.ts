// A strict parser of JSON (RFC 8259) over bytes: strings stay bytes, whole numbers stay exact, no name comes twice.
import { isUtf8 } from 'node:buffer';
import { formatCount } from '../../text/count.ts';
import { LineProblem } from './line-problem.ts';

/** A string is its UTF-8 bytes, a view of the text where it has no escapes. Whole numbers beyond 2^53 − 1 are bigint. */
export type Json = null | boolean | number | bigint | Buffer | readonly Json[] | JsonObject;

/** Names and values in the order of the text; `names[i]` belongs to `values[i]`. */
export class JsonObject {
  readonly names: Buffer[] = [];
  readonly values: Json[] = [];
}

export interface JsonLimits {
  /** How deep arrays and objects may be nested; at most 1,000. */
  readonly maxDepth: number;
  /** How many values there may be, those in others included: a small text can hold many. */
  readonly maxValues: number;
  /** Told how many there were, beside those that it has. */
  readonly meter?: { values: number } | undefined;
  /** Strings may have bytes that are not UTF-8. Default `false`. */
  readonly anyBytes?: boolean | undefined;
}

/** What the stack is sure to hold. */
const DEEPEST = 1000;
/** Longer numbers are refused. A double never takes more than 767 digits, but long ones take long to convert. */
const MAX_NUMBER_BYTES = 1024;
/** Whole numbers of so many digits are doubles exactly. */
const MAX_PLAIN_DIGITS = 15;
/** So many digits may be 64 bits; longer whole numbers are doubles. */
const MAX_EXACT_DIGITS = 20;
/** Up to so many names are compared with each other rather than through a table. */
const FEW_NAMES = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LETTER_U = 0x75;
/** By the byte behind the backslash. */
const ESCAPES: Readonly<Record<number, number>> = {
  [QUOTE]: QUOTE,
  [BACKSLASH]: BACKSLASH,
  47: 47, // slash
  98: 8, // b
  102: 12, // f
  110: 10, // n
  114: 13, // r
  116: 9, // t
};

/**
 * Parses exactly one JSON text. Takes time and memory in proportion to its length.
 *
 * @throws {LineProblem} `JSON_SYNTAX`, with the column
 */
export function parseJson(bytes: Buffer, limits: JsonLimits): Json {
  const parser = new Parser(bytes, limits);
  const value = parser.text();
  if (limits.meter !== undefined) limits.meter.values += parser.values;
  return value;
}

class Parser {
  readonly #bytes: Buffer;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  readonly #anyBytes: boolean;
  #at = 0;
  values = 0;

  constructor(bytes: Buffer, { maxDepth, maxValues, anyBytes = false }: JsonLimits) {
    this.#bytes = bytes;
    this.#maxDepth = Math.min(maxDepth, DEEPEST);
    this.#maxValues = maxValues;
    this.#anyBytes = anyBytes;
  }

  text(): Json {
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#bytes.length) throw this.#problem('something follows the value');
    return value;
  }

  #value(depth: number): Json {
    if (++this.values > this.#maxValues) {
      throw new LineProblem('JSON_TOO_LARGE', `the line holds more than ${formatCount(this.#maxValues)} values`);
    }
    const first = this.#bytes[this.#at];
    switch (first) {
      case QUOTE:
        return this.#string();
      case OPEN_OBJECT:
        return this.#object(depth + 1);
      case OPEN_ARRAY:
        return this.#array(depth + 1);
      case 0x74: // t
        return this.#word('true', true);
      case 0x66: // f
        return this.#word('false', false);
      case 0x6e: // n
        return this.#word('null', null);
      default:
        if (first === MINUS || isDigit(first)) return this.#number();
        throw this.#unexpected('a value');
    }
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    const object = new JsonObject();
    const start = this.#at - 1;
    if (this.#take(CLOSE_OBJECT)) return object;
    do {
      this.#space();
      if (this.#bytes[this.#at] !== QUOTE) throw this.#unexpected('a name in quotes');
      object.names.push(this.#string());
      if (!this.#take(COLON)) throw this.#unexpected('a colon');
      this.#space();
      object.values.push(this.#value(depth));
    } while (this.#take(COMMA));
    if (!this.#take(CLOSE_OBJECT)) throw this.#unexpected('a comma or }');
    if (hasTwins(object.names)) throw this.#problem('a name comes twice in the object', start);
    return object;
  }

  #array(depth: number): Json[] {
    this.#enter(depth);
    const array: Json[] = [];
    if (this.#take(CLOSE_ARRAY)) return array;
    do {
      this.#space();
      array.push(this.#value(depth));
    } while (this.#take(COMMA));
    if (!this.#take(CLOSE_ARRAY)) throw this.#unexpected('a comma or ]');
    return array;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw this.#problem(`values are nested more than ${this.#maxDepth} deep`);
    this.#at++;
  }

  /** Goes past `byte` and the space in front of it, if it is there. */
  #take(byte: number): boolean {
    this.#space();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
  }

  #word<T>(word: string, value: T): T {
    const end = this.#at + word.length;
    if (this.#bytes.toString('latin1', this.#at, end) !== word) throw this.#unexpected('a value');
    this.#at = end;
    return value;
  }

  #number(): number | bigint {
    const bytes = this.#bytes;
    const start = this.#at;
    if (bytes[this.#at] === MINUS) this.#at++;
    const digits = this.#at;
    this.#digits();
    if (bytes[digits] === DIGIT_0 && this.#at > digits + 1) throw this.#problem('a number has a zero in front', start);
    const wholeEnd = this.#at;
    const next = bytes[wholeEnd] ?? 0;
    if (next !== POINT && (next | 0x20) !== 0x65 && wholeEnd - digits <= MAX_PLAIN_DIGITS) {
      let value = 0;
      for (let at = digits; at < wholeEnd; at++) value = 10 * value + (bytes[at] as number) - DIGIT_0;
      return digits > start ? -value : value;
    }
    if (next === POINT) {
      this.#at++;
      this.#digits();
    }
    if (((bytes[this.#at] ?? 0) | 0x20) === 0x65) {
      this.#at++;
      if (bytes[this.#at] === MINUS || bytes[this.#at] === 0x2b) this.#at++;
      this.#digits();
    }
    if (this.#at - start > MAX_NUMBER_BYTES) throw this.#problem('a number has too many digits', start);
    const text = bytes.toString('latin1', start, this.#at);
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#problem('a number is larger than any double', start);
    const isWide = this.#at === wholeEnd && !Number.isSafeInteger(value) && wholeEnd - digits <= MAX_EXACT_DIGITS;
    return isWide ? BigInt(text) : value;
  }

  #digits(): void {
    const start = this.#at;
    while (isDigit(this.#bytes[this.#at])) this.#at++;
    if (this.#at === start) throw this.#unexpected('a digit');
  }

  #string(): Buffer {
    const bytes = this.#bytes;
    const start = ++this.#at;
    let at = start;
    let isAscii = true;
    let escapes = false;
    for (;;) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === undefined) throw this.#problem('the line ends inside a string', start - 1);
      if (byte < 0x20) throw this.#problem('a control character in a string has to be escaped', at);
      if (byte >= 0x80) isAscii = false;
      if (byte === BACKSLASH) {
        escapes = true;
        at++; // an escaped quote ends nothing
        if (at === bytes.length) throw this.#problem('the line ends inside a string', start - 1);
      }
      at++;
    }
    this.#at = at + 1;
    const content = bytes.subarray(start, at);
    if (!isAscii && !this.#anyBytes && !isUtf8(content)) throw this.#problem('a string is not valid UTF-8', start - 1);
    return escapes ? this.#unescaped(start, at) : content;
  }

  #unescaped(start: number, end: number): Buffer {
    const bytes = this.#bytes;
    const text = Buffer.allocUnsafe(end - start); // an escape is never shorter than what it stands for
    let length = 0;
    for (let at = start; at < end; ) {
      const byte = bytes[at] as number;
      if (byte !== BACKSLASH) {
        text[length++] = byte;
        at++;
        continue;
      }
      const kind = bytes[at + 1] as number;
      if (kind !== LETTER_U) {
        const meant = ESCAPES[kind];
        if (meant === undefined) throw this.#problem('a backslash stands before what is no escape', at);
        text[length++] = meant;
        at += 2;
        continue;
      }
      const unit = this.#codeUnit(at, end);
      const isPair = unit >= 0xd800 && unit <= 0xdbff && bytes[at + 6] === BACKSLASH && bytes[at + 7] === LETTER_U;
      const second = isPair ? this.#codeUnit(at + 6, end) : 0;
      if (unit >= 0xd800 && unit <= 0xdfff && (second < 0xdc00 || second > 0xdfff)) {
        throw this.#problem('half of a surrogate pair stands alone', at);
      }
      const point = isPair ? 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00) : unit;
      length += putCharacter(text, length, point);
      at += isPair ? 12 : 6;
    }
    return text.subarray(0, length);
  }

  /** The four hexadecimal digits of the `\u` at `at`. */
  #codeUnit(at: number, end: number): number {
    let unit = 0;
    for (let i = at + 2; i < at + 6; i++) {
      const digit = i < end ? hexDigit(this.#bytes[i] as number) : -1;
      if (digit < 0) throw this.#problem('\\u has to be followed by four hexadecimal digits', at);
      unit = 16 * unit + digit;
    }
    return unit;
  }

  #unexpected(wanted: string): LineProblem {
    const ends = this.#at >= this.#bytes.length;
    return this.#problem(ends ? `the line ends where ${wanted} should be` : `${wanted} should be here`);
  }

  #problem(message: string, at = this.#at): LineProblem {
    return new LineProblem('JSON_SYNTAX', message, { column: at + 1 });
  }
}

/** The space between the tokens of JSON. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= 0x39;
}

/** -1 for what is none. */
function hexDigit(byte: number): number {
  if (byte >= DIGIT_0 && byte <= 0x39) return byte - DIGIT_0;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** Writes a character as UTF-8. @returns its bytes */
function putCharacter(text: Buffer, at: number, point: number): number {
  if (point < 0x80) {
    text[at] = point;
    return 1;
  }
  const continuations = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const mark = continuations === 1 ? 0xc0 : continuations === 2 ? 0xe0 : 0xf0;
  text[at] = mark | (point >> (6 * continuations));
  for (let i = 1; i <= continuations; i++) text[at + i] = 0x80 | ((point >> (6 * (continuations - i))) & 0x3f);
  return continuations + 1;
}

function hasTwins(names: readonly Buffer[]): boolean {
  if (names.length <= FEW_NAMES) {
    return names.some((name, i) => {
      for (let j = 0; j < i; j++) {
        const other = names[j] as Buffer;
        if (other.length === name.length && other.equals(name)) return true;
      }
      return false;
    });
  }
  const seen = new Set<string>();
  // The mark in front keeps V8 from hashing digits by their value, which could be chosen so that all collide.
  for (const name of names) seen.add(marked(name));
  return seen.size < names.length;
}

function marked(name: Buffer): string {
  const text = Buffer.allocUnsafe(name.length + 1);
  text[0] = QUOTE;
  text.set(name, 1);
  return text.toString('latin1');
}
