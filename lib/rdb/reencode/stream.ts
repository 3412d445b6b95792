// Writes a stream in an older encoding: entries and pending entries are copied byte for byte, and what the older one has
// no place for is left out (rdb-format.md 1.6).
import { streamValue } from '../decode/stream.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { ValueWriter } from '../encode-primitives.ts';
import type { ValueType } from '../types.ts';
import type { StreamGroup, StreamIdempotence, StreamState } from '../value.ts';
import { type Reencoded, reencoded, type TypedValue } from './reencoded.ts';
import { streamLosses } from './stream-losses.ts';

const ID_BYTES = 16;
const TIME_BYTES = 8;

/** The consumer that gets pending entries without an owner. Where the name is taken it is followed by a number. */
export const NACKED_CONSUMER = 'keyferry-nacked';
/** The time of something that never was, as servers write it. */
const NEVER = -1n;

/**
 * Writes the stream of encoding `from` in the encoding `to`, which is older.
 *
 * A pending entry that was given back (XNACK) has no owner. In older encodings it must have one: Redis 6.0 to 8.0 and
 * Valkey 8.1 RESTORE it without, but crash at the next XPENDING; Valkey 9.1 refuses it. To drop it would lose the
 * message, so it goes to a consumer of its own, last seen at 0, where XAUTOCLAIM finds it at once.
 *
 * @throws {RdbError} for damage outside the entries; these the target checks
 */
export function asOlderStream(source: TypedValue, from: number, to: number, toType: ValueType): Reencoded {
  const { type, value } = source;
  const state = streamValue(type, new ValueCursor(value));
  return reencoded(toType, new Transcript(value, from, to).of(state), streamLosses(state, to));
}

/** Reads the old value from front to back and copies what the new one keeps. */
class Transcript {
  readonly #value: Buffer;
  readonly #from: number;
  readonly #to: number;
  readonly #cursor: ValueCursor;
  readonly #writer = new ValueWriter();

  constructor(value: Buffer, from: number, to: number) {
    this.#value = value;
    this.#from = from;
    this.#to = to;
    this.#cursor = new ValueCursor(value);
  }

  of({ groups, idempotence }: StreamState): Buffer {
    const cursor = this.#cursor;
    this.#counted(() => {
      cursor.skipString(); // a node's key
      cursor.skipString(); // and its listpack
    });
    this.#lengths(3); // number of entries, last id
    const entries = this.#value.subarray(0, cursor.position);
    this.#since(2, () => this.#lengths(5)); // first id, highest deleted id, entries added
    this.#copy(() => cursor.length());
    for (const group of groups) this.#group(group);
    if (idempotence !== undefined) this.#since(4, () => this.#idempotence(idempotence));
    return Buffer.concat([entries, this.#writer.written]);
  }

  #group({ consumers, nacked }: StreamGroup): void {
    const cursor = this.#cursor;
    this.#copy(() => {
      cursor.skipString();
      this.#lengths(2); // last id
    });
    this.#since(2, () => this.#lengths(1)); // entries read
    this.#copy(() =>
      this.#counted(() => {
        cursor.take(ID_BYTES + TIME_BYTES);
        this.#lengths(1); // deliveries
      }),
    );
    const adopts = this.#to < 5 && !isEmpty(nacked);
    cursor.length();
    this.#writer.length(consumers.length + (adopts ? 1 : 0));
    for (const _ of consumers) {
      this.#copy(() => {
        cursor.skipString();
        cursor.take(TIME_BYTES); // last attempt
      });
      this.#since(3, () => cursor.take(TIME_BYTES)); // last success
      this.#copy(() => this.#ids());
    }
    if (adopts) {
      this.#writer.string(freeName(consumers.map(({ name }) => name))).i64le(0n);
      if (this.#to >= 3) this.#writer.i64le(NEVER);
      this.#copy(() => this.#ids());
    } else {
      this.#since(5, () => this.#ids());
    }
  }

  #idempotence({ producers }: StreamIdempotence): void {
    this.#lengths(3); // duration, limit, number of producers
    for (const _ of producers) {
      this.#cursor.skipString();
      this.#counted(() => {
        this.#cursor.skipString();
        this.#lengths(2); // the entry's id
      });
    }
    this.#lengths(2); // messages added, duplicates
  }

  /** Reads what encodings have from `version` on, and keeps it where the new one is one of them. */
  #since(version: number, read: () => void): void {
    if (this.#from < version) return;
    if (this.#to < version) read();
    else this.#copy(read);
  }

  #copy(read: () => void): void {
    const start = this.#cursor.position;
    read();
    this.#writer.bytes(this.#value.subarray(start, this.#cursor.position));
  }

  #counted(read: () => void): void {
    for (let left = this.#cursor.length(); left > 0; left--) read();
  }

  #ids(): void {
    this.#counted(() => this.#cursor.take(ID_BYTES));
  }

  #lengths(count: number): void {
    for (let left = count; left > 0; left--) this.#cursor.length64();
  }
}

function freeName(taken: readonly Buffer[]): Buffer {
  for (let number = 1; ; number++) {
    const name = Buffer.from(number === 1 ? NACKED_CONSUMER : `${NACKED_CONSUMER}-${number}`);
    if (!taken.some((each) => each.equals(name))) return name;
  }
}

function isEmpty(items: Iterable<unknown>): boolean {
  for (const _ of items) return false;
  return true;
}
