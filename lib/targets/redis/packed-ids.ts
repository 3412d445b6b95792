// Stream ids by the million, 16 bytes each.
import type { StreamId } from '../../rdb/value.ts';

export class PackedIds {
  #times = new BigUint64Array(64);
  #sequences = new BigUint64Array(64);
  #count = 0;
  /** Each was above the one before, so far. */
  #ascends = true;

  get count(): number {
    return this.#count;
  }

  add({ ms, seq }: StreamId): void {
    if (this.#count === this.#times.length) {
      this.#times = grown(this.#times);
      this.#sequences = grown(this.#sequences);
    }
    this.#times[this.#count] = ms;
    this.#sequences[this.#count] = seq;
    this.#count++;
    if (this.#count > 1 && this.#compare(this.#count - 2, this.#count - 1) >= 0) this.#ascends = false;
  }

  /** Each id once, the lowest first. */
  *ascending(): Generator<StreamId, undefined> {
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index);
    if (!this.#ascends) order.sort((a, b) => this.#compare(a, b));
    for (const [nth, index] of order.entries()) {
      if (nth > 0 && this.#compare(order[nth - 1] as number, index) === 0) continue;
      yield { ms: this.#times[index] as bigint, seq: this.#sequences[index] as bigint };
    }
    return undefined;
  }

  #compare(a: number, b: number): number {
    const byTime = compare(this.#times[a] as bigint, this.#times[b] as bigint);
    return byTime === 0 ? compare(this.#sequences[a] as bigint, this.#sequences[b] as bigint) : byTime;
  }
}

/** Below 0 when `a` comes first. */
export function compareIds(a: StreamId, b: StreamId): number {
  return a.ms === b.ms ? compare(a.seq, b.seq) : compare(a.ms, b.ms);
}

function compare(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function grown(numbers: BigUint64Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const larger = new BigUint64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
