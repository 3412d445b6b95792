// JSON with indentation: sets the tokens of compact JSON apart while it is written.
import type { Output } from '../../storage/output.ts';
import { ascii, JsonBuffer } from './json-buffer.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON_SPACE = ascii(': ');
const NEWLINE = ascii('\n');
const INDENT = ascii('  ');

/**
 * Indents JSON Lines, or one document, by two spaces a level. Strings and numbers stay as they stand, byte by byte; space
 * between tokens is dropped first. What is no JSON comes out as something else that is none.
 */
export class PrettyJson {
  readonly #out = new JsonBuffer();
  #depth = 0;
  #inString = false;
  /** The last byte was a backslash that escapes the next. */
  #escaped = false;
  /** The last token opened an object or an array: an empty one stays in one line. */
  #opened = false;
  /** A number or a word that stands for itself has begun. */
  #bare = false;

  /** @returns what can be told of it: a view, valid until the next call */
  push(bytes: Uint8Array): Buffer {
    this.#out.at = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (this.#inString) this.#stringByte(byte);
      else this.#token(byte);
    }
    return this.#out.written;
  }

  /** @returns what is still to be written: a view */
  end(): Buffer {
    this.#out.at = 0;
    if (this.#bare) this.#out.raw(NEWLINE);
    this.#bare = false;
    return this.#out.written;
  }

  #stringByte(byte: number): void {
    this.#out.byte(byte);
    if (this.#escaped) {
      this.#escaped = false;
    } else if (byte === BACKSLASH) {
      this.#escaped = true;
    } else if (byte === QUOTE) {
      this.#inString = false;
      if (this.#depth === 0) this.#out.raw(NEWLINE);
    }
  }

  #token(byte: number): void {
    const out = this.#out;
    switch (byte) {
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        if (this.#bare) out.raw(NEWLINE);
        this.#bare = false;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#beforeValue();
        out.byte(byte);
        this.#depth++;
        this.#opened = true;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.#depth = Math.max(0, this.#depth - 1);
        if (!this.#opened) this.#newLine();
        this.#opened = false;
        out.byte(byte);
        if (this.#depth === 0) out.raw(NEWLINE);
        break;
      case COMMA:
        out.byte(byte);
        this.#newLine();
        break;
      case COLON:
        out.raw(COLON_SPACE);
        break;
      default:
        this.#beforeValue();
        out.byte(byte);
        this.#inString = byte === QUOTE;
        this.#bare = byte !== QUOTE && this.#depth === 0;
    }
  }

  #beforeValue(): void {
    if (this.#opened) this.#newLine();
    this.#opened = false;
  }

  #newLine(): void {
    this.#out.raw(NEWLINE);
    for (let level = 0; level < this.#depth; level++) this.#out.raw(INDENT);
  }
}

/** Indents everything on its way to another output. */
export class PrettyOutput implements Output {
  readonly #inner: Output;
  readonly #json = new PrettyJson();

  constructor(inner: Output) {
    this.#inner = inner;
  }

  async write(bytes: Buffer): Promise<void> {
    const pretty = this.#json.push(bytes);
    if (pretty.length > 0) await this.#inner.write(pretty);
  }

  async commit(): Promise<void> {
    await this.#finish();
    await this.#inner.commit();
  }

  async leave(): Promise<void> {
    try {
      await this.#finish();
    } finally {
      await this.#inner.leave();
    }
  }

  async #finish(): Promise<void> {
    const rest = this.#json.end();
    if (rest.length > 0) await this.#inner.write(rest);
  }
}
