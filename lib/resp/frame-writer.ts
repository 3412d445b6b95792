// Writes RESP commands into one buffer, byte for byte, without an object for each command.

const CR = 0x0d;
const LF = 0x0a;
/** Below this many bytes a loop copies faster than a call of `copy` or `set`. */
const SMALL_COPY_BYTES = 40;

/** The bytes of an ASCII text, for constants that are written often. */
export const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The most bytes that the framing of one argument takes: `$`, ten digits, CR LF, and CR LF behind it. */
export const ARGUMENT_OVERHEAD_BYTES = 16;

/** A buffer with a position. The caller sees to it that there is room: nothing is checked on the way. */
export class FrameWriter {
  readonly buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /** Bytes that are left. */
  get room(): number {
    return this.buffer.length - this.at;
  }

  /** Bytes as they are. */
  raw(bytes: Buffer): void {
    this.copy(bytes, 0, bytes.length);
  }

  copy(bytes: Buffer, start: number, end: number): void {
    const { buffer } = this;
    let at = this.at;
    if (end - start < SMALL_COPY_BYTES) {
      for (let i = start; i < end; i++) buffer[at++] = bytes[i] as number;
      this.at = at;
    } else {
      // No view for each copy: at millions of keys they are what the garbage collector would be busy with.
      bytes.copy(buffer, at, start, end);
      this.at = at + end - start;
    }
  }

  /** A whole number as digits; 0 or more, below 2^53. */
  digits(value: number): void {
    const { buffer } = this;
    if (value < 10) {
      buffer[this.at++] = 0x30 + value;
      return;
    }
    const end = this.at + digitCount(value);
    let left = value;
    for (let at = end - 1; at >= this.at; at--) {
      const tens = Math.floor(left / 10);
      buffer[at] = 0x30 + (left - tens * 10);
      left = tens;
    }
    this.at = end;
  }

  crlf(): void {
    this.buffer[this.at++] = CR;
    this.buffer[this.at++] = LF;
  }

  /** `*count`: the head of a command of that many arguments. */
  array(count: number): void {
    this.buffer[this.at++] = 0x2a;
    this.digits(count);
    this.crlf();
  }

  /** `$length`: the head of an argument. */
  bulkHead(length: number): void {
    this.buffer[this.at++] = 0x24;
    this.digits(length);
    this.crlf();
  }

  /** One argument: the bytes from `start` to `end`. */
  bulk(bytes: Buffer, start = 0, end: number = bytes.length): void {
    this.bulkHead(end - start);
    this.copy(bytes, start, end);
    this.crlf();
  }

  /** One argument: a number as text. */
  bulkNumber(value: number): void {
    this.bulkHead(digitCount(value));
    this.digits(value);
    this.crlf();
  }

  /** One argument: ASCII text. */
  bulkText(text: string): void {
    this.bulkHead(text.length);
    this.at += this.buffer.write(text, this.at, 'latin1');
    this.crlf();
  }
}

/** Decimal digits of a whole number, 0 or more, below 2^53. */
export function digitCount(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  let digits = 4;
  for (let bound = 10_000; value >= bound; bound *= 10) digits++;
  return digits;
}

/** A whole command as one buffer; for the few that are not worth a writer. */
export function command(...parts: (string | Uint8Array | number)[]): Buffer {
  const pieces: Buffer[] = [ascii(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes =
      typeof part === 'object' ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.from(String(part));
    pieces.push(ascii(`$${bytes.length}\r\n`), bytes, ascii('\r\n'));
  }
  return Buffer.concat(pieces);
}
