// Compares a hash that the target holds with one that comes in parts.
//
// Fields expire while they are compared, each server removes them in its own time, and HLEN counts them until then. So
// it is counted what was found, and where HLEN says more, the target's fields are counted one by one.
import type { HashField } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { ControlReply } from '../../redis/control.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { CommandSupport } from './command-support.ts';
import { type Check, type Comparison, type HeldKey, isBytes, nth, requests, strayPart, textOf } from './held-key.ts';

/** HPEXPIRETIME's words for a field that never expires, and for one that is not there. */
const NEVER = '-1';
const NO_FIELD = '-2';

export class HeldHash implements Comparison {
  readonly #held: HeldKey;
  readonly #latest: bigint | undefined;
  readonly #clock: Clock;
  /** Fields of ours that the target has, and those that it has no more because their time has come. */
  #found = 0;
  #gone = 0;
  /** When the first of those found goes; ms since the epoch. */
  #soonest: bigint | undefined;

  constructor(held: HeldKey, support: CommandSupport, clock: Clock) {
    this.#held = held;
    this.#latest = support.latestFieldExpiry;
    this.#clock = clock;
  }

  *checks(part: ValuePart): Generator<Check> {
    if (part.kind !== 'hash') throw strayPart(part, 'hash');
    for (const fields of requests(part.fields, ({ field, value }) => field.length + value.length)) {
      yield () => this.#compare(fields);
    }
  }

  async complete(): Promise<boolean> {
    let count = Number(await this.#held.ask('HLEN', this.#held.key));
    if (count > this.#found && count <= this.#found + this.#gone && this.#latest !== undefined) {
      count = await this.#living();
    }
    // What went since it was found may hide as many fields that are not ours: not worth a second reading.
    return count === this.#found || (count < this.#found && this.#hasCome(this.#soonest));
  }

  async #compare(fields: readonly HashField[]): Promise<boolean> {
    const names = fields.map(({ field }) => field);
    const { key } = this.#held;
    const [values, times] = await Promise.all([
      this.#held.ask('HMGET', key, ...names),
      this.#latest === undefined ? undefined : this.#held.ask('HPEXPIRETIME', key, 'FIELDS', names.length, ...names),
    ]);
    return fields.every((field, i) => this.#same(field, nth(values, i), textOf(nth(times, i))));
  }

  #same({ value, expireAt }: HashField, held: ControlReply | undefined, time: string | undefined): boolean {
    if (held === null || time === NO_FIELD) {
      this.#gone++;
      return this.#hasCome(expireAt);
    }
    this.#found++;
    if (!isBytes(held, value)) return false;
    // The target keeps no times, or none so late.
    if (this.#latest === undefined) return true;
    if (expireAt === undefined) return time === NEVER;
    const keeps = expireAt < this.#latest ? expireAt : this.#latest;
    if (this.#soonest === undefined || keeps < this.#soonest) this.#soonest = keeps;
    return time === String(keeps);
  }

  #hasCome(time: bigint | undefined): boolean {
    return time !== undefined && time <= BigInt(this.#clock.now());
  }

  /** Counts the fields whose time has not come: HSCAN passes over the others. */
  async #living(): Promise<number> {
    let count = 0;
    let cursor = '0';
    do {
      const reply = await this.#held.ask('HSCAN', this.#held.key, cursor, 'COUNT', 1000, 'NOVALUES');
      const fields = nth(reply, 1);
      count += Array.isArray(fields) ? fields.length : 0;
      cursor = textOf(nth(reply, 0)) ?? '0';
    } while (cursor !== '0');
    return count;
  }
}
