// Compares a string, list, set or sorted set that the target holds with one that comes in parts.
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { ControlReply } from '../../redis/control.ts';
import type { CommandSupport } from './command-support.ts';
import {
  type Check,
  type Comparison,
  type HeldKey,
  isBytes,
  nth,
  REQUEST_BYTES,
  requests,
  strayPart,
  textOf,
} from './held-key.ts';

/** The command that counts the elements, a string's bytes. */
const COUNT = { string: 'STRLEN', list: 'LLEN', set: 'SCARD', zset: 'ZCARD' } as const;

export type ElementKind = keyof typeof COUNT;

const lengthOf = ({ length }: Buffer): number => length;

export class HeldElements implements Comparison {
  readonly #held: HeldKey;
  readonly #kind: ElementKind;
  readonly #support: CommandSupport;
  /** Elements, or bytes, that came so far. */
  #count = 0;

  constructor(held: HeldKey, kind: ElementKind, support: CommandSupport) {
    this.#held = held;
    this.#kind = kind;
    this.#support = support;
  }

  *checks(part: ValuePart): Generator<Check> {
    if (part.kind !== this.#kind) throw strayPart(part, this.#kind);
    switch (part.kind) {
      case 'string':
        for (let at = 0; at < part.bytes.length; at += REQUEST_BYTES) {
          yield this.#range(part.bytes.subarray(at, at + REQUEST_BYTES));
        }
        break;
      case 'list':
        // Servers walk to where a window begins: it should be as wide as its bytes allow.
        for (const items of requests(part.items, lengthOf, Number.POSITIVE_INFINITY)) yield this.#window(items);
        break;
      case 'set':
        for (const members of requests(part.members, lengthOf)) {
          this.#count += members.length;
          yield async () => {
            const replies = await this.#each('SMISMEMBER', 'SISMEMBER', members);
            return members.every((_, i) => replies[i] === '1');
          };
        }
        break;
      case 'zset':
        for (const entries of requests(part.entries, ({ member }) => member.length)) {
          this.#count += entries.length;
          yield async () => {
            const members = entries.map(({ member }) => member);
            const replies = await this.#each('ZMSCORE', 'ZSCORE', members);
            return entries.every(({ score }, i) => isScore(textOf(replies[i]), score));
          };
        }
        break;
    }
  }

  async complete(): Promise<boolean> {
    return (await this.#held.ask(COUNT[this.#kind], this.#held.key)) === String(this.#count);
  }

  #range(bytes: Buffer): Check {
    const from = this.#count;
    this.#count += bytes.length;
    const to = this.#count - 1;
    return async () => isBytes(await this.#held.ask('GETRANGE', this.#held.key, from, to), bytes);
  }

  #window(items: readonly Buffer[]): Check {
    const from = this.#count;
    this.#count += items.length;
    const to = this.#count - 1;
    return async () => {
      const reply = await this.#held.ask('LRANGE', this.#held.key, from, to);
      return items.every((item, i) => isBytes(nth(reply, i), item));
    };
  }

  /** A reply for each member: of one command, or of one each below Redis 6.2, which knows none for many. */
  async #each(many: string, one: string, members: readonly Buffer[]): Promise<readonly ControlReply[]> {
    const { key } = this.#held;
    // XGROUP CREATECONSUMER came with the same release.
    if (!this.#support.createConsumer) return Promise.all(members.map((member) => this.#held.ask(one, key, member)));
    const replies = await this.#held.ask(many, key, ...members);
    return Array.isArray(replies) ? replies : [];
  }
}

/** Scores are told with as many digits as make them exact. As in sameValue, -0 is 0. */
function isScore(text: string | undefined, score: number): boolean {
  if (text === undefined) return false;
  const sign = text.startsWith('-') ? -1 : 1;
  const held = /^-?inf/.test(text) ? sign * Number.POSITIVE_INFINITY : Number(text);
  return held === score || (Number.isNaN(held) && Number.isNaN(score));
}
