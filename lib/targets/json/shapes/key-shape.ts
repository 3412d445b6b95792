// What the shapes have in common: a key is begun, its value comes in pieces, and it is ended.
import { openValue, type TemplateLookup } from '../../../rdb/decode.ts';
import type { Entry } from '../../../rdb/entry.ts';
import { readString } from '../../../rdb/strings.ts';
import type { ValueType } from '../../../rdb/types.ts';
import type { ModuleValue, OpenValue, StreamEntry, StreamGroup } from '../../../rdb/value.ts';
import type { JsonBuffer } from '../json-buffer.ts';
import type { LinePart } from '../line-parts.ts';
import type { Shape, ShapeOptions } from '../shape.ts';

/** A record apart from its value. */
export interface KeyFacts {
  readonly db: number;
  readonly key: Buffer;
  readonly type: ValueType;
  /** ms since the epoch. */
  readonly expireAt: bigint | undefined;
  /** Bytes of key and value in the RDB. */
  readonly size: number;
  /** Bytes of the value in the RDB. */
  readonly valueSize: number;
}

/** Some of a value, in order: all of one at hand, or a part of a large one. */
export type Piece =
  | Exclude<OpenValue, { readonly kind: 'stream' }>
  | { readonly kind: 'stream'; readonly entries: Iterable<StreamEntry>; readonly groups?: readonly StreamGroup[] }
  | Extract<LinePart, { readonly kind: `stream-${string}` }>;

/** What the shapes have no place for, as the report says it. */
export type Loss =
  | 'aux fields'
  | 'function libraries'
  | 'global data of modules'
  | 'streams'
  | 'consumer groups of streams'
  | 'module values'
  | 'arrays'
  | 'path hashes'
  | 'expiries of keys'
  | 'expiries of hash fields'
  | 'keys that have expired'
  | 'strings that are not UTF-8'
  | 'infinite scores';

/** Longer records are not decoded at once: LZF could make 5.8 MB of this. */
const AT_ONCE_BYTES = 64 * 1024;
/** Longer text is not written at once: where a key stands in each line, a small record makes a lot of it. */
const MOST_TEXT_BYTES = 8 * 1024 * 1024;

const LOSS_OF_KIND: Readonly<Record<string, Loss>> = {
  stream: 'streams',
  module: 'module values',
  array: 'arrays',
};

export abstract class KeyShape implements Shape {
  abstract readonly parallel: boolean;
  readonly lossy = new Map<Loss, number>();
  protected readonly out: JsonBuffer;
  protected readonly noValue: boolean;
  readonly #keysOnly: boolean;
  readonly #templates: TemplateLookup;
  /** Where the buffer is to be emptied. */
  #fullAt = 0;
  /** Of a key that is written at once: taken back where that fails. */
  #lost: Loss[] | undefined;

  constructor(out: JsonBuffer, options: ShapeOptions = {}) {
    this.out = out;
    this.noValue = options.noValue ?? false;
    this.#keysOnly = options.keysOnly ?? false;
    this.#templates = options.templates;
  }

  head(): void {}

  tail(): void {}

  /** @returns false where the shape has no place for the key; the loss is counted */
  protected abstract takes(key: KeyFacts): boolean;

  /** The key alone. */
  protected abstract keyOnly(key: KeyFacts): void;

  /** Everything in front of the value. */
  protected abstract begin(key: KeyFacts): void;

  /**
   * Some of the value; yields where the buffer is to be emptied, as {@link each} does. What is written here is dropped
   * where values are not asked for.
   */
  protected abstract piece(piece: Piece): Iterable<void>;

  /** Writes item after item. */
  protected *each<T>(items: Iterable<T>, write: (item: T) => void): Generator<void, void, undefined> {
    for (const item of items) {
      write(item);
      if (this.out.at > this.#fullAt) yield;
    }
  }

  /** Everything behind the value. @param whole false where it is damaged, and some of it written already */
  protected abstract end(whole: boolean): void;

  entry(entry: Entry, bytes: Buffer, base: number): boolean {
    const { out } = this;
    const start = out.at;
    // A module's value can't be taken apart.
    const isLarge = entry.recordEnd - entry.recordStart > AT_ONCE_BYTES && entry.type?.kind !== 'module';
    if (isLarge && !this.#keysOnly) return false;
    this.#lost = [];
    this.#fullAt = start + MOST_TEXT_BYTES;
    try {
      if (this.#entry(entry, bytes, base)) return true;
    } catch (error) {
      this.#takeBack(start);
      throw error;
    }
    this.#takeBack(start);
    return false;
  }

  async *large(
    entry: Entry,
    bytes: Buffer,
    base: number,
    parts: AsyncIterable<LinePart> | Iterable<LinePart>,
  ): AsyncGenerator<void, void, undefined> {
    this.#lost = undefined;
    const key = keyFacts(entry, bytes, base);
    if (!this.takes(key)) return;
    this.begin(key);
    try {
      for await (const part of parts) {
        this.#fullAt = this.out.at + MOST_TEXT_BYTES;
        const piece = part.kind === 'run' ? openValue(key.type, part.value, { base: part.base }) : part;
        for (const _ of this.#put(piece)) {
          yield;
          this.#fullAt = this.out.at + MOST_TEXT_BYTES;
        }
        yield;
      }
    } catch (error) {
      this.end(false);
      yield;
      throw error;
    }
    this.end(true);
    yield;
  }

  /** @returns false where its text is too long */
  #entry(entry: Entry, bytes: Buffer, base: number): boolean {
    const key = keyFacts(entry, bytes, base);
    if (!this.takes(key)) return true;
    if (this.#keysOnly) {
      this.keyOnly(key);
      return true;
    }
    this.begin(key);
    const value = bytes.subarray(entry.valueStart - base, entry.recordEnd - base);
    const piece = openValue(key.type, value, { base: entry.valueStart, templates: this.#templates });
    for (const _ of this.#put(piece)) return false;
    this.end(true);
    return true;
  }

  #takeBack(start: number): void {
    this.out.at = start;
    for (const loss of this.#lost ?? []) {
      const left = (this.lossy.get(loss) as number) - 1;
      if (left === 0) this.lossy.delete(loss);
      else this.lossy.set(loss, left);
    }
  }

  aux(_name: Buffer, _value: Buffer): void {
    this.lose('aux fields');
  }

  functionLibrary(_code: Buffer): void {
    this.lose('function libraries');
  }

  moduleAux(_value: ModuleValue): void {
    this.lose('global data of modules');
  }

  protected lose(loss: Loss): void {
    this.lossy.set(loss, (this.lossy.get(loss) ?? 0) + 1);
    this.#lost?.push(loss);
  }

  /** Counts the key as one of a kind that the shape has no place for. @returns false */
  protected leaveOut({ type }: KeyFacts): false {
    this.lose(LOSS_OF_KIND[type.kind] ?? 'path hashes');
    return false;
  }

  *#put(piece: Piece): Generator<void, void, undefined> {
    const before = this.out.at;
    for (const _ of this.piece(piece)) {
      if (this.noValue) this.out.at = before;
      else yield;
    }
    if (this.noValue) this.out.at = before;
  }
}

function keyFacts(entry: Entry, bytes: Buffer, base: number): KeyFacts {
  return {
    db: entry.db,
    key: readString(bytes, entry.keyStart - base, base).value,
    type: entry.type as ValueType,
    expireAt: entry.expiryMs(),
    size: entry.recordEnd - entry.keyStart,
    valueSize: entry.recordEnd - entry.valueStart,
  };
}
