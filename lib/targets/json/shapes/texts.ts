// Bytes as text, the way of the tools whose shapes are written.
import { ascii, type JsonBuffer } from '../json-buffer.ts';
import { utf8Size, wholeCharacters } from '../utf8.ts';

/** What stands for each byte. */
export type ByteTexts = readonly Buffer[];

/** Bytes are taken so many at a time, so that room for the worst case stays small. */
const BLOCK_BYTES = 4096;
/** The most that a byte becomes: `\u001f`. */
const MOST_GROWTH = 6;
const REPLACEMENT = Buffer.from('\ufffd');

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

const byteTexts = (textOf: (byte: number) => string): ByteTexts =>
  Array.from({ length: 256 }, (_, byte) => ascii(textOf(byte)));

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte <= 0x7e;

/** librdb's: whatever is no printable ASCII as the character of that number, so that any bytes are valid JSON. */
export const LIBRDB_TEXTS = byteTexts((byte) => {
  const escaped = `\\u00${byte.toString(16).padStart(2, '0')}`;
  return NAMED_ESCAPES[byte] ?? (isPrintable(byte) ? String.fromCharCode(byte) : escaped);
});

/** RedisShake's rendering for people: a point for all but `#` to `~`; a backslash is escaped, as its JSON encoder does. */
export const REDISSHAKE_TEXTS = byteTexts((byte) => {
  if (byte < 0x23 || byte > 0x7e) return '.';
  return NAMED_ESCAPES[byte] ?? String.fromCharCode(byte);
});

/** yajl's, for bytes below 0x80: control characters with upper-case digits; DEL and the slash as they are. */
const YAJL_TEXTS = byteTexts((byte) => {
  const escaped = `\\u00${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return NAMED_ESCAPES[byte] ?? (byte >= 0x20 ? String.fromCharCode(byte) : escaped);
});

/** Writes each byte as the table has it. */
export function writeBytes(out: JsonBuffer, bytes: Buffer, texts: ByteTexts): void {
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const to = Math.min(from + BLOCK_BYTES, bytes.length);
    out.reserve((to - from) * MOST_GROWTH);
    let at = out.at;
    for (let i = from; i < to; i++) {
      const text = texts[bytes[i] as number] as Buffer;
      for (let j = 0; j < text.length; j++) out.bytes[at++] = text[j] as number;
    }
    out.at = at;
  }
}

/**
 * Strings as yajl writes them, but always valid: a byte that belongs to no character of UTF-8 becomes U+FFFD, where yajl
 * leaves it as it is. A string may come in pieces.
 */
export class YajlText {
  /** Characters of all strings so far. */
  characters = 0;
  readonly #out: JsonBuffer;
  /** Bytes at the end of the last piece that may be the beginning of a character. */
  #carried: Buffer = Buffer.alloc(0);
  #replaced = false;

  constructor(out: JsonBuffer) {
    this.#out = out;
  }

  /** A whole string in quotes. @returns false where bytes of it were replaced */
  string(bytes: Buffer): boolean {
    this.#out.text('"');
    this.#write(bytes);
    return this.close();
  }

  /** A piece of a string; the quote in front of it is the caller's. */
  piece(bytes: Buffer): void {
    const piece = this.#carried.length === 0 ? bytes : Buffer.concat([this.#carried, bytes]);
    const whole = wholeCharacters(piece);
    this.#carried = Buffer.from(piece.subarray(whole));
    this.#write(piece.subarray(0, whole));
  }

  /** Ends a string that came in pieces, the quote included. @returns false where bytes of it were replaced */
  close(): boolean {
    this.#write(this.#carried);
    this.#carried = Buffer.alloc(0);
    this.#out.text('"');
    const intact = !this.#replaced;
    this.#replaced = false;
    return intact;
  }

  #write(bytes: Buffer): void {
    const out = this.#out;
    for (let i = 0; i < bytes.length; ) {
      out.reserve(BLOCK_BYTES * MOST_GROWTH);
      const to = Math.min(i + BLOCK_BYTES, bytes.length);
      let at = out.at;
      while (i < to) {
        const byte = bytes[i] as number;
        const size = byte < 0x80 ? 1 : utf8Size(bytes, i, bytes.length);
        if (size === 1) {
          const text = YAJL_TEXTS[byte] as Buffer;
          for (let j = 0; j < text.length; j++) out.bytes[at++] = text[j] as number;
        } else if (size === 0) {
          at += REPLACEMENT.copy(out.bytes, at);
          this.#replaced = true;
        } else {
          for (let j = i; j < i + size; j++) out.bytes[at++] = bytes[j] as number;
        }
        i += Math.max(size, 1);
        this.characters++;
      }
      out.at = at;
    }
  }
}
