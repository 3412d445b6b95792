// The bytes of a value while they arrive: whole elements are cut out of a window that moves over them.
import { RdbError } from '../../errors.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { type Shape, stopOf } from './shape.ts';

/** Gives a value's bytes in order, in pieces of any size. */
export interface PieceSource {
  /** The next bytes; `undefined` behind the last. They need to stay as they are only until the next call. */
  next(): Promise<Uint8Array | undefined>;
}

/** Some elements that follow each other. */
export interface Run {
  readonly count: number;
  /** Over exactly their bytes (and the head that was asked for before them), which nobody will overwrite while they may be read. */
  readonly cursor: ValueCursor;
}

/** Room in front of each window for the head of a run: the longest is an expiry and a count. */
const HEADROOM = 32;

/** The most that is held for one element, 4 GiB: no server takes a longer one, and blobs count their bytes in 32 bits. */
const MOST_HELD = 2 ** 32;

/**
 * Each piece is copied into a window, and what is handed out are views of it. So a window is left behind when it has been
 * read (or, where the caller has done with a run before it asks for the next, two windows take turns), and only the
 * beginning of an element that goes on is copied into the next.
 *
 * A window is as large as the caller says, up to twice that for an element that needs it. For larger ones it doubles as
 * their bytes arrive: no memory is taken on the word of a declared length.
 */
export class ArrivingBytes {
  readonly #source: PieceSource;
  readonly #windowBytes: number;
  readonly #takesTurns: boolean;
  #window = Buffer.alloc(0);
  /** The window before, where windows take turns. */
  #spare = Buffer.alloc(0);
  /** The part of the window that has arrived. */
  #arrived = this.#window;
  /** Index in the window of the next byte to be read. */
  #start = 0;
  /** Offset of the window's first byte, for errors. */
  #base: number;
  /** What is left of the piece that came last; `undefined` behind the last. */
  #piece: Uint8Array | undefined = Buffer.alloc(0);

  /**
   * @param windowBytes at least 1
   * @param base offset of the value's first byte, for errors
   * @param takesTurns a run stays as it is only until the next is asked for
   */
  constructor(source: PieceSource, windowBytes: number, base: number, takesTurns = false) {
    this.#source = source;
    this.#takesTurns = takesTurns;
    this.#windowBytes = windowBytes;
    this.#base = base;
  }

  /** Offset of the next byte, for errors. */
  get offset(): number {
    return this.#base + this.#start;
  }

  /**
   * As many whole elements as are there: at least one is waited for.
   *
   * @param most at most so many
   * @param head gives up to 32 bytes to be put before those of the elements. They overwrite what stood there: nothing of
   *             it may be in use, which holds for runs with nothing read between, and for a first run where what was
   *             read before it has been copied.
   * @throws {RdbError} `RDB_TRUNCATED`, `RDB_LIMIT`, and as {@link stopOf}
   */
  async run(shape: Shape, most: number, head?: (count: number) => Buffer): Promise<Run> {
    let end = await this.#wholeElement(shape);
    let count = 1;
    while (count < most) {
      const stop = stopOf(shape, this.#arrived, end, this.#base);
      if (stop > this.#arrived.length) break;
      end = stop;
      count++;
    }
    const before = head?.(count);
    const start = this.#start - (before?.length ?? 0);
    before?.copy(this.#window, start);
    this.#start = end;
    return { count, cursor: new ValueCursor(this.#window.subarray(start, end), { base: this.#base + start }) };
  }

  /** `count` elements in runs; `head` as for {@link run}. */
  async *runs(shape: Shape, count: number, head?: (count: number) => Buffer): AsyncGenerator<Run, void, undefined> {
    for (let left = count; left > 0; ) {
      const run = await this.run(shape, left, head);
      left -= run.count;
      yield run;
    }
  }

  /** A cursor over one element. */
  async one(shape: Shape): Promise<ValueCursor> {
    return (await this.run(shape, 1)).cursor;
  }

  async length(): Promise<number> {
    return (await this.one(['length'])).length();
  }

  /** The next byte, which stays unread. */
  async peek(): Promise<number> {
    await this.#wholeElement([1]);
    return this.#arrived[this.#start] as number;
  }

  /** At least one of the next `most` bytes. */
  async some(most: number): Promise<Buffer> {
    await this.#wholeElement([1]);
    const start = this.#start;
    this.#start = Math.min(start + most, this.#arrived.length);
    return this.#arrived.subarray(start, this.#start);
  }

  /** A cursor over all bytes that are left. */
  async rest(): Promise<ValueCursor> {
    while (await this.#fill(2 * this.#held + 1));
    const cursor = new ValueCursor(this.#arrived.subarray(this.#start), { base: this.offset });
    this.#start = this.#arrived.length;
    return cursor;
  }

  /** @throws {RdbError} `RDB_VALUE` unless every byte has been read; `what` is what they belong to */
  async expectEnd(what: string): Promise<void> {
    if (this.#held === 0 && !(await this.#hasPiece())) return;
    throw new RdbError('RDB_VALUE', `${what} is followed by bytes that belong to nothing.`, { offset: this.offset });
  }

  get #held(): number {
    return this.#arrived.length - this.#start;
  }

  /** Waits until the next element is there as a whole, and gives its end in the window. */
  async #wholeElement(shape: Shape): Promise<number> {
    for (;;) {
      const stop = stopOf(shape, this.#arrived, this.#start, this.#base);
      if (stop <= this.#arrived.length) return stop;
      const needed = stop - this.#start;
      if (await this.#fill(needed)) continue;
      const offset = this.#base + this.#arrived.length;
      const message = `the value ends here, but an element of at least ${needed} bytes begins at ${this.offset}.`;
      throw new RdbError('RDB_TRUNCATED', message, { offset });
    }
  }

  /**
   * Fills a window with what is held and what comes then, up to `needed` bytes or as far as memory may be taken for them.
   *
   * @returns false when the value ends before
   */
  async #fill(needed: number): Promise<boolean> {
    if (needed > MOST_HELD) {
      const message = `an element of at least ${needed} bytes, more than can be held.`;
      throw new RdbError('RDB_LIMIT', message, { offset: this.offset });
    }
    const trusted = 2 * Math.max(this.#windowBytes, this.#held);
    const goal = Math.max(this.#windowBytes, Math.min(needed, trusted));
    const window = this.#newWindow(HEADROOM + goal);
    let end = HEADROOM + this.#arrived.copy(window, HEADROOM, this.#start);
    while (end < window.length && (await this.#hasPiece())) {
      const piece = this.#piece as Uint8Array;
      const taken = piece.subarray(0, window.length - end);
      window.set(taken, end);
      end += taken.length;
      this.#piece = piece.subarray(taken.length);
    }
    this.#base += this.#start - HEADROOM;
    this.#start = HEADROOM;
    this.#window = window;
    this.#arrived = window.subarray(0, end);
    return end === window.length || this.#held >= needed;
  }

  #newWindow(bytes: number): Buffer<ArrayBuffer> {
    if (!this.#takesTurns) return Buffer.allocUnsafeSlow(bytes);
    const spare = this.#spare;
    this.#spare = this.#window;
    return spare.length === bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  }

  /** Sees to it that there is a piece with bytes in it; false behind the last. */
  async #hasPiece(): Promise<boolean> {
    while (this.#piece?.length === 0) this.#piece = await this.#source.next();
    return this.#piece !== undefined;
  }
}
