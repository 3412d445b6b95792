// The entries of a stream's node: a listpack that opens with a master entry, whose id and fields the others refer to.
import type { StreamEntry, StreamId } from '../value.ts';
import { Listpack } from './listpack.ts';
import type { ValueCursor } from './value-cursor.ts';

const NODE_KEY_BYTES = 16;

/** Bits of an entry's flags (stream.h). */
const Flag = { DELETED: 1, SAME_FIELDS: 2 } as const;
const ALL_FLAGS = Flag.DELETED | Flag.SAME_FIELDS;

/** Entries of an entry's listpack besides fields and values: flags and the two parts of the id; else the count too. */
const SAME_FIELDS_OVERHEAD = 3;
const OWN_FIELDS_OVERHEAD = 4;

/** Sees to it that ids rise from entry to entry, through all nodes of a stream. */
export class StreamOrder {
  #last: StreamId | undefined;

  /** False when `id` is not above all before it. */
  follows(id: StreamId): boolean {
    const last = this.#last;
    this.#last = id;
    return last === undefined || id.ms > last.ms || (id.ms === last.ms && id.seq > last.seq);
  }
}

/**
 * Reads a node's key and listpack; the entries come when asked for. Deleted ones are passed over.
 *
 * @param cursor stands at the node and is left behind it
 * @throws {RdbError} `RDB_STREAM`, `RDB_LISTPACK`
 */
export function nodeEntries(cursor: ValueCursor, order: StreamOrder): Generator<StreamEntry, void, undefined> {
  const at = cursor.position;
  const key = cursor.string();
  if (key.length !== NODE_KEY_BYTES) {
    throw cursor.error(`a stream node's key has 16 bytes, not ${key.length}`, at, 'RDB_STREAM');
  }
  const listpack = new Listpack(cursor.blob('RDB_STREAM'));
  return entriesOf(listpack, { ms: key.readBigUInt64BE(0), seq: key.readBigUInt64BE(8) }, order);
}

function* entriesOf(listpack: Listpack, master: StreamId, order: StreamOrder): Generator<StreamEntry, void, undefined> {
  listpack.nextInteger(); // entries that are not deleted, as the server counted them
  listpack.nextInteger(); // those that are
  const masterFields = names(listpack);
  expectNumber(listpack, 0, "a node's master entry ends with 0");
  while (!listpack.atEnd) {
    const at = listpack.position;
    const flags = listpack.nextCount(ALL_FLAGS);
    const id = {
      ms: BigInt.asUintN(64, master.ms + listpack.nextInteger()),
      seq: BigInt.asUintN(64, master.seq + listpack.nextInteger()),
    };
    const same = (flags & Flag.SAME_FIELDS) !== 0;
    const fields = same
      ? masterFields.map((field) => ({ field, value: listpack.next() }))
      : Array.from({ length: fieldCount(listpack) }, () => ({ field: listpack.next(), value: listpack.next() }));
    const size = same ? fields.length + SAME_FIELDS_OVERHEAD : 2 * fields.length + OWN_FIELDS_OVERHEAD;
    expectNumber(listpack, size, 'an entry ends with the number of its parts');
    if (!order.follows(id)) throw listpack.error(`the id ${id.ms}-${id.seq} is not above the one before it`, at);
    if ((flags & Flag.DELETED) === 0) yield { id, fields };
  }
}

function names(listpack: Listpack): Buffer[] {
  return Array.from({ length: fieldCount(listpack) }, () => listpack.next());
}

function fieldCount(listpack: Listpack): number {
  return listpack.nextCount(listpack.count);
}

function expectNumber(listpack: Listpack, expected: number, rule: string): void {
  const at = listpack.position;
  const value = listpack.nextInteger();
  if (value !== BigInt(expected)) throw listpack.error(`${rule}: ${expected} is expected, not ${value}`, at);
}
