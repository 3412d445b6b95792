// The shape of redis-rdb-tools' memory report: a row of CSV for each key. Its size is that in the file.

import { encodingName } from '../encoding-names.ts';
import type { JsonBuffer } from '../json-buffer.ts';
import type { ShapeOptions } from '../shape.ts';
import { type KeyFacts, KeyShape, type Piece } from './key-shape.ts';

const COLUMNS = 'database,type,key';
const MORE_COLUMNS = 'size_in_bytes,encoding,num_elements,len_largest_element,expiry';
const TYPE_NAMES: Readonly<Record<string, string>> = { zset: 'sortedset' };
/** What redis-rdb-tools calls an encoding where it is not what `OBJECT ENCODING` says. */
const ENCODINGS: Readonly<Record<string, string>> = { string: 'string', list: 'quicklist', stream: 'listpack' };
const SPECIAL = /[",\r\n]/;

export class RdbtoolsCsvShape extends KeyShape {
  readonly parallel = true;
  readonly #keysOnly: boolean;
  #key: KeyFacts | undefined;
  #encoding = '';
  #count = 0;
  /** Bytes of the longest string in the value. */
  #longest = 0;

  constructor(out: JsonBuffer, options: ShapeOptions = {}) {
    super(out, options);
    this.#keysOnly = options.keysOnly ?? false;
  }

  override head(): void {
    this.out.text(this.#keysOnly ? `${COLUMNS}\n` : `${COLUMNS},${MORE_COLUMNS}\n`);
  }

  protected takes(): boolean {
    return true;
  }

  protected keyOnly(key: KeyFacts): void {
    this.#columns(key);
    this.out.text('\n');
  }

  protected begin(key: KeyFacts): void {
    this.#key = key;
    this.#encoding = ENCODINGS[key.type.kind] ?? encodingName(key.type, 0);
    this.#count = 0;
    this.#longest = 0;
  }

  /** Only counts. */
  protected piece(piece: Piece): Iterable<void> {
    switch (piece.kind) {
      case 'string':
        // Both are the length, which may come in pieces.
        this.#count += piece.bytes.length;
        this.#longest = this.#count;
        break;
      case 'list':
        for (const item of piece.items) this.#element(item);
        break;
      case 'set':
        for (const member of piece.members) this.#element(member);
        break;
      case 'zset':
        for (const { member } of piece.entries) this.#element(member);
        break;
      case 'hash':
        for (const { field, value, expireAt } of piece.fields) {
          this.#element(field, value);
          if (expireAt !== undefined) this.lose('expiries of hash fields');
        }
        break;
      case 'path-hash':
        for (const { fields } of piece.paths) for (const { field, value } of fields) this.#element(field, value);
        break;
      case 'stream':
        for (const { fields } of piece.entries) {
          this.#element(...fields.flatMap(({ field, value }) => [field, value]));
        }
        break;
      case 'array':
        for (const { value } of piece.items) this.#element(...(value.kind === 'string' ? [value.value] : []));
        break;
      case 'module':
        this.#encoding = piece.name;
        this.#element(piece.raw);
    }
    return [];
  }

  /** A key whose value is damaged has no row. */
  protected end(whole: boolean): void {
    if (!whole) return;
    const key = this.#key as KeyFacts;
    this.#columns(key);
    const expiry = key.expireAt === undefined ? '' : isoTime(key.expireAt);
    this.out.text(`,${key.size},${this.#encoding},${this.#count},${this.#longest},${expiry}\n`);
  }

  #columns({ db, type, key }: KeyFacts): void {
    this.out.text(`${db},${TYPE_NAMES[type.kind] ?? type.kind},`);
    const text = key.toString('latin1');
    const quoted = SPECIAL.test(text) ? Buffer.from(`"${text.replaceAll('"', '""')}"`, 'latin1') : key;
    this.out.raw(quoted);
  }

  #element(...strings: readonly Buffer[]): void {
    this.#count++;
    for (const { length } of strings) if (length > this.#longest) this.#longest = length;
  }
}

/** As Python's isoformat has it: UTC without saying so, microseconds where there are any. ms where it is no date. */
function isoTime(at: bigint): string {
  const date = new Date(Number(at));
  if (Number.isNaN(date.getTime())) return String(at);
  const text = date.toISOString().slice(0, -1);
  return text.endsWith('.000') ? text.slice(0, -4) : `${text}000`;
}
