// What listpacks, ziplists, zipmaps and intsets have in common: a value's elements in one block of memory.
import type { Cursor } from '../../bytes/cursor.ts';
import type { RdbError } from '../../errors.ts';

export abstract class Packed {
  /** Number of entries, found by walking through all of them. */
  abstract readonly count: number;
  /** Index in the block where the next entry begins. May be set to any position that was read before. */
  position: number;
  protected readonly bytes: Buffer;
  readonly #cursor: Cursor;

  /** @param cursor over exactly the block's bytes; its code is that of all errors */
  constructor(cursor: Cursor, headerBytes: number) {
    this.#cursor = cursor;
    this.bytes = cursor.bytes;
    this.position = headerBytes;
  }

  /** An error that points at `position` of the block; the caller throws it. `message` without a full stop. */
  error(message: string, position = 0, code?: string): RdbError {
    return this.#cursor.error(message, position, code);
  }
}
