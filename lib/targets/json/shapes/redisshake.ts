// The shape of RedisShake 2's decode: a line for each element, everything in base64 besides a rendering for people.
import { ascii } from '../json-buffer.ts';
import { type KeyFacts, KeyShape, type Piece } from './key-shape.ts';
import { goFloat, notFinite } from './numbers.ts';
import { REDISSHAKE_TEXTS, writeBytes } from './texts.ts';

const KINDS: ReadonlySet<string> = new Set(['string', 'list', 'set', 'zset', 'hash']);
const SCRIPT = 'lua';
/** Bytes that make whole groups of base64. */
const GROUP = 3;

export class RedisShakeShape extends KeyShape {
  readonly parallel = true;
  /** What each line of the key begins with: everything up to its name in base64. */
  #head: Buffer = Buffer.alloc(0);
  #isString = false;
  #index = 0;
  /** Bytes of a string that do not make a whole group of base64. */
  #carried: Buffer = Buffer.alloc(0);

  protected takes(key: KeyFacts): boolean {
    return (KINDS.has(key.type.kind) && key.type.name !== 'PATH_HASH') || this.leaveOut(key);
  }

  protected keyOnly({ db, key, type }: KeyFacts): void {
    this.out.text(`{"db":${db},"type":"${type.kind}"`);
    this.#named('key', key);
    this.out.text('}\n');
  }

  protected begin({ db, key, type, expireAt }: KeyFacts): void {
    const { out } = this;
    const start = out.at;
    out.text(`{"db":${db},"type":"${type.kind}","expireat":${BigInt.asUintN(64, expireAt ?? 0n)}`);
    this.#named('key', key);
    this.#head = Buffer.from(out.bytes.subarray(start, out.at));
    this.#index = 0;
    this.#isString = type.kind === 'string' && !this.noValue;
    if (this.noValue) out.text('}\n');
    else if (this.#isString) out.text(',"value64":"');
    else out.at = start;
  }

  protected *piece(piece: Piece): Generator<void, void, undefined> {
    switch (piece.kind) {
      case 'string':
        this.#text(piece.bytes);
        break;
      case 'list':
        yield* this.each(piece.items, (item) => {
          this.out.raw(this.#head);
          this.out.text(`,"index":${this.#index++},"value64":`);
          this.out.base64(item);
          this.out.text('}\n');
        });
        break;
      case 'set':
        yield* this.each(piece.members, (member) => this.#line('member', member, '}\n'));
        break;
      case 'zset':
        yield* this.each(piece.entries, ({ member, score }) => {
          const word = notFinite(score);
          this.#line('member', member, `,"score":${word === undefined ? goFloat(score) : `"${word}"`}}\n`);
        });
        break;
      case 'hash':
        yield* this.each(piece.fields, ({ field, value, expireAt }) => {
          this.#line('field', field, ',"value64":');
          this.out.base64(value);
          this.out.text('}\n');
          if (expireAt !== undefined) this.lose('expiries of hash fields');
        });
    }
  }

  protected end(whole: boolean): void {
    if (!this.#isString) return; // each element had its line
    this.out.text(`${this.#carried.toString('base64')}"${whole ? '' : ',"damaged":true'}}\n`);
    this.#carried = Buffer.alloc(0);
  }

  override aux(name: Buffer, value: Buffer): void {
    if (name.toString('latin1') !== SCRIPT) {
      super.aux(name, value);
      return;
    }
    this.out.text(`{"type":"aux","key":"${SCRIPT}","value64":`);
    this.out.base64(value);
    this.out.text('}\n');
  }

  #text(bytes: Buffer): void {
    const piece = this.#carried.length === 0 ? bytes : Buffer.concat([this.#carried, bytes]);
    const whole = piece.length - (piece.length % GROUP);
    this.#carried = Buffer.from(piece.subarray(whole));
    const start = this.out.at;
    this.out.base64(piece, 0, whole);
    // Without the quotes, which stand around all pieces.
    this.out.bytes.copyWithin(start, start + 1, this.out.at - 1);
    this.out.at -= 2;
  }

  #line(property: string, bytes: Buffer, behind: string): void {
    this.out.raw(this.#head);
    this.#named(property, bytes);
    this.out.text(behind);
  }

  /** `,"key":"k","key64":"aw=="`. */
  #named(property: string, bytes: Buffer): void {
    const { out } = this;
    out.raw(ascii(`,"${property}":"`));
    writeBytes(out, bytes, REDISSHAKE_TEXTS);
    out.raw(ascii(`","${property}64":`));
    out.base64(bytes);
  }
}
