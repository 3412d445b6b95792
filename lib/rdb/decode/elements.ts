// A container's elements: each read when it is asked for, and again by its position, so that none has to be kept.
import { RdbError } from '../../errors.ts';

/** A reader that stands somewhere in the bytes of a container. */
export interface Positioned {
  position: number;
  error(message: string, position: number, code?: string): RdbError;
}

export class Elements<T> implements Iterable<T> {
  readonly count: number;
  /** Where the element that was read last begins: a value for {@link at}. */
  position: number;
  readonly #source: Positioned;
  readonly #start: number;
  readonly #read: () => T;
  readonly #finish: () => void;

  /**
   * @param source stands at the first element
   * @param count  how many there are
   * @param read   reads one element from where `source` stands and leaves `source` behind it
   * @param finish called behind the last one: throws when what is there should not be
   */
  constructor(source: Positioned, count: number, read: () => T, finish: () => void = () => {}) {
    this.count = count;
    this.position = source.position;
    this.#source = source;
    this.#start = source.position;
    this.#read = read;
    this.#finish = finish;
  }

  /** Elements that are in memory already; `offset` is where errors point. */
  static over<T>(items: readonly T[], offset = 0): Elements<T> {
    const source: Positioned = {
      position: 0,
      error: (message, _, code = 'RDB_VALUE') => new RdbError(code, `${message}.`, { offset }),
    };
    return new Elements(source, items.length, () => items[source.position++] as T);
  }

  /** Reads an element again. A running iteration is not disturbed. */
  at(position: number): T {
    this.position = position;
    this.#source.position = position;
    return this.#read();
  }

  /** An error that points at the element at `position`; the caller throws it. `message` without a full stop. */
  error(message: string, position: number, code?: string): RdbError {
    return this.#source.error(message, position, code);
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    let next = this.#start;
    for (let i = 0; i < this.count; i++) {
      const element = this.at(next);
      next = this.#source.position;
      yield element;
    }
    this.#source.position = next;
    this.#finish();
  }
}
