// The shape of delano/redis-dump 0.4 and above: a line for each key, with its remaining seconds and a character count.
import type { JsonBuffer } from '../json-buffer.ts';
import type { ShapeOptions } from '../shape.ts';
import { type KeyFacts, KeyShape, type Piece } from './key-shape.ts';
import { notFinite, rubyFloat } from './numbers.ts';
import { YajlText } from './texts.ts';

const BRACKETS: Readonly<Record<string, readonly [open: string, close: string]>> = {
  string: ['"', ''], // the text closes its quotes itself
  list: ['[', ']'],
  set: ['[', ']'],
  zset: ['[', ']'],
  hash: ['{', '}'],
};

export class RedisDumpShape extends KeyShape {
  readonly parallel = true;
  readonly #text: YajlText;
  readonly #now: bigint;
  #kind = '';
  /** Elements of the value so far. */
  #count = 0;

  constructor(out: JsonBuffer, options: ShapeOptions = {}) {
    super(out, options);
    this.#text = new YajlText(out);
    this.#now = BigInt(Math.trunc(options.now ?? Date.now()));
  }

  protected takes(key: KeyFacts): boolean {
    if (!(key.type.kind in BRACKETS) || key.type.name === 'PATH_HASH') return this.leaveOut(key);
    // A server that is asked deletes it; and redis-load would let it live for ever.
    const expired = key.expireAt !== undefined && key.expireAt <= this.#now;
    if (expired) this.lose('keys that have expired');
    return !expired;
  }

  protected keyOnly(key: KeyFacts): void {
    this.#name(key);
    this.out.text(`,"type":"${key.type.kind}"}\n`);
  }

  protected begin(key: KeyFacts): void {
    const { out } = this;
    this.#kind = key.type.kind;
    this.#count = 0;
    this.#name(key);
    out.text(`,"ttl":${this.#secondsTo(key.expireAt)},"type":"${this.#kind}"`);
    if (!this.noValue) out.text(`,"value":${BRACKETS[this.#kind]?.[0]}`);
    this.#text.characters = 0;
  }

  protected *piece(piece: Piece): Generator<void, void, undefined> {
    switch (piece.kind) {
      case 'string':
        this.#text.piece(piece.bytes);
        break;
      case 'list':
        yield* this.each(piece.items, (item) => this.#element(item));
        break;
      case 'set':
        yield* this.each(piece.members, (member) => this.#element(member));
        break;
      case 'zset':
        yield* this.each(piece.entries, ({ member, score }) => this.#scored(member, score));
        break;
      case 'hash':
        yield* this.each(piece.fields, ({ field, value, expireAt }) => {
          this.#element(field);
          this.out.text(':');
          this.#string(value);
          if (expireAt !== undefined) this.lose('expiries of hash fields');
        });
    }
  }

  protected end(whole: boolean): void {
    const { out } = this;
    const before = out.at;
    if (this.#kind === 'string' && !this.#text.close()) this.lose('strings that are not UTF-8');
    out.text(BRACKETS[this.#kind]?.[1] ?? '');
    if (this.noValue) out.at = before;
    out.text(whole ? `,"size":${this.#text.characters}}\n` : ',"damaged":true}\n');
  }

  #name({ db, key }: KeyFacts): void {
    this.out.text(`{"db":${db},"key":`);
    this.#string(key);
  }

  /** As TTL rounds it; but never 0, which redis-load takes for none. */
  #secondsTo(expireAt: bigint | undefined): bigint {
    if (expireAt === undefined) return -1n;
    const seconds = (expireAt - this.#now + 500n) / 1000n;
    return seconds > 0n ? seconds : 1n;
  }

  #element(bytes: Buffer): void {
    if (this.#count++ > 0) this.out.text(',');
    this.#string(bytes);
  }

  #scored(member: Buffer, score: number): void {
    const { out } = this;
    if (this.#count++ > 0) out.text(',');
    out.text('[');
    this.#string(member);
    const word = notFinite(score);
    const text = word ?? rubyFloat(score);
    out.text(word === undefined ? `,${text}]` : `,"${word}"]`);
    if (word !== undefined) this.lose('infinite scores');
    this.#text.characters += text.length;
  }

  #string(bytes: Buffer): void {
    if (!this.#text.string(bytes)) this.lose('strings that are not UTF-8');
  }
}
