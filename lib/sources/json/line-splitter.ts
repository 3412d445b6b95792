// Cuts a file that arrives in pieces into lines, none of them longer than a limit.
import { formatCount } from '../../text/count.ts';
import { LineProblem } from './line-problem.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);
const LEAST_CAPACITY = 4096;

/** Lines end with LF or CRLF; the last one may lack its end. A byte order mark in front of the first is left out. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** The beginning of a line whose end is still to come: so many bytes of this. */
  #held: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Number of the line that {@link push} gave last, from 1 on; while it looks for the next, of that one. */
  line = 0;

  /** @param maxLineBytes of a line without its LF */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /**
   * The lines that end in the piece. They are copies: the piece's memory can be used again afterwards.
   *
   * @throws {LineProblem} `JSON_LINE_TOO_LONG` as soon as a line is; no more of it is kept
   */
  *push(piece: Uint8Array): Generator<Buffer, void, undefined> {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.line++;
      this.#check(end - start);
      yield this.#line(bytes.subarray(start, end));
      start = end + 1;
    }
    if (start === bytes.length) return;
    this.#hold(bytes.subarray(start));
  }

  /** The line that the file ends in, if it does not end with a line's end. */
  *finish(): Generator<Buffer, void, undefined> {
    if (this.#length === 0) return;
    this.line++;
    yield this.#line(Buffer.alloc(0));
  }

  #line(tail: Buffer): Buffer {
    let line: Buffer;
    if (this.#length === 0) {
      line = Buffer.from(tail);
    } else {
      this.#append(tail);
      line = this.#held.subarray(0, this.#length);
      this.#held = Buffer.alloc(0);
      this.#length = 0;
    }
    const isMarked = this.line === 1 && line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    const end = line.at(-1) === RETURN ? line.length - 1 : line.length;
    return line.subarray(isMarked ? BYTE_ORDER_MARK.length : 0, end);
  }

  #hold(bytes: Buffer): void {
    if (this.#length + bytes.length > this.#maxLineBytes) this.line++;
    this.#check(bytes.length);
    this.#append(bytes);
  }

  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const capacity = Math.max(length, LEAST_CAPACITY, Math.min(2 * this.#held.length, this.#maxLineBytes));
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#length);
    this.#length = length;
  }

  #check(added: number): void {
    if (this.#length + added <= this.#maxLineBytes) return;
    throw new LineProblem('JSON_LINE_TOO_LONG', `the line is longer than ${formatCount(this.#maxLineBytes)} bytes`);
  }
}
