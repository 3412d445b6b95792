// The shape of librdb's rdb-cli: one document, an array with an object for each database, key by key.
import type { ArrayItem, StreamEntry } from '../../../rdb/value.ts';
import { type KeyFacts, KeyShape, type Piece } from './key-shape.ts';
import { serverDouble } from './numbers.ts';
import { LIBRDB_TEXTS, writeBytes } from './texts.ts';

const STREAM_OPEN = '{\n      "entries":[';
const CLOSE: Readonly<Record<string, string>> = {
  string: '"',
  list: ']',
  set: ']',
  zset: '}',
  hash: '}',
  stream: '\n   ]}',
  array: ']}',
  module: '',
};
const OPEN: Readonly<Record<string, string>> = {
  string: '"',
  list: '[',
  set: '[',
  zset: '{',
  hash: '{',
  stream: STREAM_OPEN,
};
/** librdb counts a module's id with the nine bytes that it nearly always takes. */
const MODULE_ID_BYTES = 9;

export class RdbCliShape extends KeyShape {
  readonly parallel = false;
  /** The database whose object is open. */
  #db: number | undefined;
  #key: KeyFacts | undefined;
  #count = 0;
  /** Whether the beginning of an array, which depends on its first part, is there. */
  #arrayOpen = false;

  override head(): void {
    this.#db = undefined;
    this.out.text('[');
  }

  override tail(): void {
    this.out.text(this.#db === undefined ? ']\n' : '\n}]\n');
  }

  protected takes(key: KeyFacts): boolean {
    if (key.type.name === 'PATH_HASH') return this.leaveOut(key);
    if (key.expireAt !== undefined) this.lose('expiries of keys');
    return true;
  }

  protected keyOnly(key: KeyFacts): void {
    this.#name(key);
    this.out.text('null');
    this.#db = key.db;
  }

  protected begin(key: KeyFacts): void {
    this.#key = key;
    this.#count = 0;
    this.#arrayOpen = false;
    this.#name(key);
    if (this.noValue) this.out.text('null');
    else this.out.text(OPEN[key.type.kind] ?? '');
  }

  protected *piece(piece: Piece): Generator<void, void, undefined> {
    const { out } = this;
    switch (piece.kind) {
      case 'string':
        writeBytes(out, piece.bytes, LIBRDB_TEXTS);
        break;
      case 'list':
        yield* this.each(piece.items, (item) => this.#element(item));
        break;
      case 'set':
        yield* this.each(piece.members, (member) => this.#element(member));
        break;
      case 'zset':
        yield* this.each(piece.entries, ({ member, score }) => {
          this.#element(member);
          out.text(`:"${Object.is(score, -0) ? '0' : serverDouble(score)}"`);
        });
        break;
      case 'hash':
        yield* this.each(piece.fields, ({ field, value, expireAt }) => {
          this.#element(field);
          out.text(':');
          this.#string(value);
          if (expireAt !== undefined) this.lose('expiries of hash fields');
        });
        break;
      case 'stream':
        yield* this.each(piece.entries, (entry) => this.#streamEntry(entry));
        for (const _ of piece.groups ?? []) this.lose('consumer groups of streams');
        break;
      case 'stream-group':
        this.lose('consumer groups of streams');
        break;
      case 'array':
        this.#openArray(piece.insertIndex);
        yield* this.each(piece.items, (item) => this.#arrayItem(item));
        break;
      case 'module':
        this.#module(piece.name, piece.raw.length);
    }
  }

  protected end(): void {
    const { db, type } = this.#key as KeyFacts;
    this.#db = db;
    if (this.noValue) return;
    if (type.kind === 'array') this.#openArray(undefined); // of an array without items
    this.out.text(CLOSE[type.kind] as string);
  }

  /** What separates the key from the one before, and its name. */
  #name({ db, key }: KeyFacts): void {
    const separator = this.#db === undefined ? '{\n' : this.#db === db ? ',\n' : '\n},{\n';
    this.out.text(`${separator}    `);
    this.#string(key);
    this.out.text(':');
  }

  #element(bytes: Buffer): void {
    if (this.#count++ > 0) this.out.text(',');
    this.#string(bytes);
  }

  #streamEntry({ id, fields }: StreamEntry): void {
    const { out } = this;
    out.text(`${this.#count++ > 0 ? ',' : ' '}\n        { "id":"${id.ms}-${id.seq}", "items":{`);
    let isFirst = true;
    for (const { field, value } of fields) {
      if (!isFirst) out.text(', ');
      isFirst = false;
      this.#string(field);
      out.text(':');
      this.#string(value);
    }
    out.text('} }');
  }

  #openArray(insertIndex: bigint | undefined): void {
    if (this.#arrayOpen) return;
    this.#arrayOpen = true;
    const index = insertIndex === undefined ? '' : `"insert_idx":"${insertIndex}",`;
    this.out.text(`{${index}"elements":[`);
  }

  #arrayItem({ index, value }: ArrayItem): void {
    const { out } = this;
    out.text(`${this.#count++ > 0 ? ',' : ''}{"idx":"${index}","val":`);
    if (value.kind === 'string') this.#string(value.value);
    else out.text(`"${value.kind === 'integer' ? value.value : serverDouble(value.value)}"`);
    out.text('}');
  }

  #module(name: string, payloadBytes: number): void {
    this.lose('module values');
    const bytes = payloadBytes + MODULE_ID_BYTES;
    this.out.text(`"<Content of Module '${name}'. Occupies a serialized size of ${bytes} bytes>"`);
  }

  #string(bytes: Buffer): void {
    this.out.text('"');
    writeBytes(this.out, bytes, LIBRDB_TEXTS);
    this.out.text('"');
  }
}
