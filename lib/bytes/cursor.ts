// A bounded reader over bytes: fixed-width numbers and spans, each read checked against the end.
import { RdbError } from '../errors.ts';

/** Where a cursor's bytes come from, for its errors. */
export interface CursorOrigin {
  /** Offset in bytes of the first byte in whatever the errors should count in. Default 0. */
  base?: number | undefined;
  /** The code of its errors, such as `RDB_LISTPACK`. Default `RDB_VALUE`. */
  code?: string | undefined;
  /** The bytes were expanded from a compressed string that begins at `base`, so they have no offsets of their own. */
  expanded?: boolean | undefined;
}

export class Cursor {
  readonly bytes: Buffer;
  /** Index of the next byte. May be set to any position that was read before. */
  position = 0;
  readonly base: number;
  readonly code: string;
  readonly expanded: boolean;

  constructor(bytes: Buffer, origin: CursorOrigin = {}) {
    this.bytes = bytes;
    this.base = origin.base ?? 0;
    this.code = origin.code ?? 'RDB_VALUE';
    this.expanded = origin.expanded ?? false;
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  /** Moves on by `count` bytes and gives the position before them. */
  take(count: number): number {
    const start = this.position;
    if (!(count <= this.bytes.length - start)) {
      throw this.error(`${count} bytes are expected here, but only ${this.bytes.length - start} are left`);
    }
    this.position = start + count;
    return start;
  }

  /** The next `count` bytes: a view, not a copy. */
  view(count: number): Buffer {
    const start = this.take(count);
    return this.bytes.subarray(start, start + count);
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  i64le(): bigint {
    return this.bytes.readBigInt64LE(this.take(8));
  }

  u64be(): bigint {
    return this.bytes.readBigUInt64BE(this.take(8));
  }

  f32le(): number {
    return this.bytes.readFloatLE(this.take(4));
  }

  f64le(): number {
    return this.bytes.readDoubleLE(this.take(8));
  }

  /** @throws {RdbError} unless every byte has been read; `what` is what they belong to */
  expectEnd(what: string): void {
    if (this.left !== 0) throw this.error(`${what} is followed by ${this.left} bytes that belong to nothing`);
  }

  /** An error of this cursor's code that points at `position`; the caller throws it. `message` without a full stop. */
  error(message: string, position: number = this.position, code: string = this.code): RdbError {
    if (this.expanded) {
      return new RdbError(code, `byte ${position} of the expanded string: ${message}.`, { offset: this.base });
    }
    return new RdbError(code, `${message}.`, { offset: this.base + position });
  }
}
