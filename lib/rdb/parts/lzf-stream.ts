// Expands an LZF block of any size a few tokens at a time (rdb-format.md 1.9): references reach only 8 KiB back.
import type { Cursor } from '../../bytes/cursor.ts';
import type { RdbError } from '../../errors.ts';

/** How far a reference can reach back, bytes. */
const HISTORY = 8192;
/** The most that one token stands for, bytes. */
const MOST_GROWTH = 264;

export class LzfStream {
  readonly #length: number;
  readonly #room: number;
  /** The last HISTORY bytes of what went before, then what has been expanded since. */
  #output: Buffer;
  #at = HISTORY;
  /** Bytes expanded so far. */
  #written = 0;

  /**
   * @param length expanded size in bytes, as the RDB declares it
   * @param partBytes the most that a part holds; a part of 264 bytes is the smallest
   */
  constructor(length: number, partBytes: number) {
    this.#length = length;
    // A part ends where one more token might not fit: with room to spare a small string is one.
    this.#room = Math.max(MOST_GROWTH, Math.min(partBytes, length + MOST_GROWTH));
    this.#output = Buffer.allocUnsafeSlow(HISTORY + this.#room);
  }

  /**
   * The expanded parts that get full.
   *
   * @param tokens over whole tokens
   * @throws {RdbError} `RDB_LZF` where a token refers to before the beginning or expands beyond the end
   */
  *expand(tokens: Cursor): Generator<Buffer, void, undefined> {
    while (tokens.left > 0) {
      if (this.#at + MOST_GROWTH > this.#output.length && this.#at > HISTORY) yield this.#takePart();
      this.#expandToken(tokens);
    }
  }

  /**
   * What is left; it may be empty.
   *
   * @param block where the block was, for the error
   * @throws {RdbError} `RDB_LZF` when the block expanded to less than it declares
   */
  finish(block: Cursor): Buffer {
    if (this.#written < this.#length) throw damaged(block, `it expands to ${this.#written} bytes, not ${this.#length}`);
    return this.#takePart();
  }

  #expandToken(tokens: Cursor): void {
    const at = tokens.position;
    const control = tokens.u8();
    if (control < 32) {
      const count = control + 1;
      this.#expectRoom(count, tokens, at);
      tokens.bytes.copy(this.#output, this.#at, tokens.take(count), tokens.position);
      this.#at += count;
      return;
    }
    const long = control >> 5 === 7;
    const count = (control >> 5) + 2 + (long ? tokens.u8() : 0);
    const distance = ((control & 31) << 8) + tokens.u8() + 1;
    if (distance > this.#written) {
      throw damaged(tokens, `it refers to ${distance - this.#written} bytes before its own beginning`, at);
    }
    this.#expectRoom(count, tokens, at);
    const output = this.#output;
    const end = this.#at + count;
    // Byte by byte: a reference may reach into what it is writing, and then repeats it.
    for (let to = this.#at; to < end; to++) output[to] = output[to - distance] as number;
    this.#at = end;
  }

  #expectRoom(count: number, tokens: Cursor, at: number): void {
    this.#written += count;
    if (this.#written > this.#length) throw damaged(tokens, `it expands to more than ${this.#length} bytes`, at);
  }

  #takePart(): Buffer {
    const full = this.#output;
    const end = this.#at;
    this.#output = Buffer.allocUnsafeSlow(HISTORY + this.#room);
    full.copy(this.#output, 0, end - HISTORY, end);
    this.#at = HISTORY;
    return full.subarray(HISTORY, end);
  }
}

function damaged(cursor: Cursor, what: string, at?: number): RdbError {
  return cursor.error(`an LZF block is damaged: ${what}`, at, 'RDB_LZF');
}
