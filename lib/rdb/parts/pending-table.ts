// A group's pending entries, packed, and found by id while its consumers name those that they own.
import type { RdbError } from '../../errors.ts';
import type { ValueCursor } from '../decode/value-cursor.ts';
import type { PendingEntry } from '../value.ts';
import type { Run } from './arriving-bytes.ts';

const ID_BYTES = 16;
/** In the file an entry is id, time (8 bytes) and count (a length): here its count takes 8 bytes too. */
const ENTRY_BYTES = 32;
const TIME_AT = 16;
const COUNT_AT = 24;
/** Entries of a block of 1 MiB. Blocks are added as entries come, so that none has to be copied. */
const BLOCK_ENTRIES = 32_768;

/** 32 bytes an entry; one more while owners are looked up, and four where the file has the ids out of order. */
export class PendingTable {
  readonly #blockEntries: number;
  readonly #blocks: Buffer[] = [];
  #size = 0;
  #rises = true;
  /** The entries' numbers in the order of their ids, where these do not rise in the file. */
  #order: Uint32Array | undefined;
  /** 1 for each entry whose owner has come. */
  #owned = new Uint8Array(0);

  /** @param declared how many entries are to come; not believed */
  constructor(declared: number) {
    this.#blockEntries = Math.min(declared, BLOCK_ENTRIES);
  }

  /** Takes in entries of the file. */
  add({ count, cursor }: Run): void {
    for (let i = 0; i < count; i++) {
      const number = this.#size++;
      if (number % BLOCK_ENTRIES === 0) this.#blocks.push(Buffer.allocUnsafeSlow(this.#blockEntries * ENTRY_BYTES));
      const { block, at } = this.#place(number);
      cursor.view(COUNT_AT).copy(block, at);
      block.writeBigUInt64BE(cursor.length64(), at + COUNT_AT);
      if (number > 0 && this.#compare(number - 1, block, at) >= 0) this.#rises = false;
    }
  }

  /**
   * Readies the table for look-ups: all entries have been added.
   *
   * @param place where the group is, for the error
   * @throws {RdbError} `RDB_STREAM` for an id that is pending twice
   */
  seal(place: ValueCursor): void {
    this.#owned = new Uint8Array(this.#size);
    if (this.#rises) return; // as servers write them
    this.#order = Uint32Array.from({ length: this.#size }, (_, number) => number).sort((a, b) => {
      const { block, at } = this.#place(b);
      return this.#compare(a, block, at);
    });
    for (let rank = 1; rank < this.#size; rank++) {
      const { block, at } = this.#place(this.#numberOf(rank));
      if (this.#compare(this.#numberOf(rank - 1), block, at) === 0) throw refused(place, 'an entry is pending twice');
    }
  }

  /**
   * The entry whose id, of 16 bytes, comes next.
   *
   * @throws {RdbError} `RDB_STREAM` where it is not pending, or has been asked for before
   */
  own(cursor: ValueCursor): PendingEntry {
    const idAt = cursor.position;
    const number = this.#find(cursor.bytes, cursor.take(ID_BYTES));
    if (number === undefined) throw refused(cursor, 'a consumer owns an entry that is not pending', idAt);
    if (this.#owned[number] === 1) throw refused(cursor, 'a pending entry has two owners', idAt);
    this.#owned[number] = 1;
    const { block, at } = this.#place(number);
    return {
      id: { ms: block.readBigUInt64BE(at), seq: block.readBigUInt64BE(at + 8) },
      deliveredAt: block.readBigInt64LE(at + TIME_AT),
      count: block.readBigUInt64BE(at + COUNT_AT),
    };
  }

  /** @throws {RdbError} `RDB_STREAM` where an entry was never asked for; `place` is where the group is */
  expectOwned(place: ValueCursor): void {
    if (this.#owned.includes(0)) throw refused(place, 'an entry is pending, but with no consumer');
  }

  #find(bytes: Buffer, at: number): number | undefined {
    let low = 0;
    let high = this.#size - 1;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const number = this.#numberOf(middle);
      const order = this.#compare(number, bytes, at);
      if (order === 0) return number;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #numberOf(rank: number): number {
    return this.#order === undefined ? rank : (this.#order[rank] as number);
  }

  /** Below 0 where an entry's id is below the one at `at`. */
  #compare(number: number, bytes: Buffer, at: number): number {
    const own = this.#place(number);
    for (let i = 0; i < ID_BYTES; i += 4) {
      const difference = own.block.readUInt32BE(own.at + i) - bytes.readUInt32BE(at + i);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #place(number: number): { block: Buffer; at: number } {
    const block = this.#blocks[Math.floor(number / BLOCK_ENTRIES)] as Buffer;
    return { block, at: (number % BLOCK_ENTRIES) * ENTRY_BYTES };
  }
}

function refused(cursor: ValueCursor, message: string, at?: number): RdbError {
  return cursor.error(message, at, 'RDB_STREAM');
}
