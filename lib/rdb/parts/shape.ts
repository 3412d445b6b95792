// Where an element ends, told from as many of its bytes as have come.
import { RdbError } from '../../errors.ts';
import { EncodedString, lengthSize, readLength } from '../strings.ts';

/** A primitive of the format (rdb-format.md 1.2), or a number of raw bytes. */
export type Step = 'string' | 'length' | 'text-double' | 'lzf-token' | number;

/** What an element consists of, in order. */
export type Shape = readonly Step[];

/** From here on, the length byte of a score as text stands for the score itself. */
const SCORE_WITHOUT_TEXT = 253;

/**
 * Where the element at `at` ends.
 *
 * @param bytes what has come so far
 * @param base  offset of `bytes[0]` for errors
 * @returns its end; where that is beyond `bytes`, at least so many are needed, and the end may be further on
 * @throws {RdbError} `RDB_STRING`, `RDB_LENGTH` for a byte with which none begins
 */
export function stopOf(shape: Shape, bytes: Buffer, at: number, base: number): number {
  let stop = at;
  for (const step of shape) {
    stop = stepStop(step, bytes, stop, base);
    if (stop > bytes.length) break;
  }
  return stop;
}

function stepStop(step: Step, bytes: Buffer, at: number, base: number): number {
  switch (step) {
    case 'string':
      return stringStop(bytes, at, base);
    case 'length':
      return lengthStop(bytes, at, base);
    case 'text-double': {
      const size = bytes[at] ?? 0;
      return at + 1 + (size < SCORE_WITHOUT_TEXT ? size : 0);
    }
    case 'lzf-token': {
      const control = bytes[at] ?? 0;
      if (control < 32) return at + 2 + control;
      return at + (control >> 5 === 7 ? 3 : 2);
    }
    default:
      return at + step;
  }
}

function stringStop(bytes: Buffer, at: number, base: number): number {
  const first = bytes[at];
  if (first === undefined) return at + 1;
  switch (first) {
    case EncodedString.INT8:
      return at + 2;
    case EncodedString.INT16:
      return at + 3;
    case EncodedString.INT32:
      return at + 5;
    case EncodedString.LZF: {
      const sizesEnd = stopOf(['length', 'length'], bytes, at + 1, base);
      return sizesEnd > bytes.length ? sizesEnd : sizesEnd + readLength(bytes, at + 1, base);
    }
  }
  if (lengthSize(first) === 0) {
    const byte = first.toString(16).padStart(2, '0');
    throw new RdbError('RDB_STRING', `no string begins with the byte 0x${byte}.`, { offset: base + at });
  }
  const start = at + lengthSize(first);
  return start > bytes.length ? start : start + readLength(bytes, at, base);
}

function lengthStop(bytes: Buffer, at: number, base: number): number {
  const first = bytes[at];
  if (first === undefined) return at + 1;
  if (lengthSize(first) === 0) readLength(bytes, at, base); // throws what is wrong with it
  return at + lengthSize(first);
}
