// A cursor over a value's bytes that also reads the RDB's own primitives: lengths, strings, stream ids.
import { Cursor } from '../../bytes/cursor.ts';
import { lengthSize, readLength, readLength64, readString, stringEncoding, stringEnd } from '../strings.ts';
import type { StreamId } from '../value.ts';

export class ValueCursor extends Cursor {
  /** A length that is used as a number. Beyond 2^53 it is damage. */
  length(): number {
    const at = this.position;
    const length = readLength(this.bytes, at, this.base);
    if (length > Number.MAX_SAFE_INTEGER) throw this.error('a length beyond 2^53', at);
    this.position = at + lengthSize(this.bytes[at] as number);
    return length;
  }

  /** A length whose 64 bits all count. */
  length64(): bigint {
    const at = this.position;
    const length = readLength64(this.bytes, at, this.base);
    this.position = at + lengthSize(this.bytes[at] as number);
    return length;
  }

  /** How many elements follow, each of at least `leastBytes`: a count that the bytes left can't hold is damage. */
  count(leastBytes: number): number {
    const at = this.position;
    const count = this.length();
    if (count > this.left / leastBytes) {
      throw this.error(`${count} elements are declared, more than the ${this.left} bytes that are left can hold`, at);
    }
    return count;
  }

  string(): Buffer {
    const { value, end } = readString(this.bytes, this.position, this.base);
    this.position = end;
    return value;
  }

  skipString(): void {
    this.position = stringEnd(this.bytes, this.position, this.base);
  }

  /** A string that holds a data structure of its own, with a cursor over it whose errors have `code`. */
  blob(code: string): Cursor {
    const start = this.position;
    const content = this.string();
    const stored = stringEncoding(this.bytes[start] as number) === 'raw';
    const base = this.base + (stored ? this.position - content.length : start);
    return new Cursor(content, { base, code, expanded: !stored });
  }

  /** A stream id as two lengths. */
  streamId(): StreamId {
    const ms = this.length64();
    return { ms, seq: this.length64() };
  }

  /** A stream id as 16 bytes. */
  rawStreamId(): StreamId {
    const ms = this.u64be();
    return { ms, seq: this.u64be() };
  }
}
