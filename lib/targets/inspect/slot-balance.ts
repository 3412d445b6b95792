// How evenly keys lie on a cluster's slots, and on shards that have equal ranges of them.
import { keySlot, SLOTS } from '../../redis/slots.ts';
import type { InspectedKey } from './counts.ts';
import type { InspectShard, InspectSlots } from './report.ts';

const HEAVIEST = 10;
/** Numbers a slot, one of them unused. */
const WIDTH = 4;

export class SlotBalance {
  /** Keys, bytes, memory of each slot; side by side, since a key's slot is a place in memory that no other key was at. */
  readonly #sums = new Float64Array(SLOTS * WIDTH);

  add({ bytes, start, end, recordBytes, memory }: InspectedKey): void {
    const sums = this.#sums;
    const at = keySlot(bytes, start, end) * WIDTH;
    sums[at] = (sums[at] as number) + 1;
    sums[at + 1] = (sums[at + 1] as number) + recordBytes;
    sums[at + 2] = (sums[at + 2] as number) + memory;
  }

  result(shards: number): InspectSlots {
    const ranges = Array.from({ length: shards }, (_, shard) => this.#shard(shard, shards));
    const slots = Array.from({ length: SLOTS }, (_, slot) => ({ slot, ...this.#range(slot, slot) }));
    const used = slots.filter(({ keys }) => keys > 0);
    const memory = ranges.map((range) => range.memory);
    const mean = memory.reduce((sum, each) => sum + each, 0) / shards;
    return {
      shards: ranges,
      heaviest: used.sort((a, b) => b.memory - a.memory).slice(0, HEAVIEST),
      used: used.length,
      imbalance: mean === 0 ? 0 : Math.max(...memory) / mean,
    };
  }

  /** Ranges as `redis-cli --cluster create` cuts them. */
  #shard(shard: number, shards: number): InspectShard {
    const perShard = SLOTS / shards;
    const from = Math.round(shard * perShard);
    const to = shard === shards - 1 ? SLOTS - 1 : Math.round((shard + 1) * perShard) - 1;
    return { shard, from, to, ...this.#range(from, to) };
  }

  /** Of the slots from the first to the last, both included. */
  #range(from: number, to: number): { keys: number; bytes: number; memory: number } {
    const range = { keys: 0, bytes: 0, memory: 0 };
    for (let at = from * WIDTH; at <= to * WIDTH; at += WIDTH) {
      range.keys += this.#sums[at] as number;
      range.bytes += this.#sums[at + 1] as number;
      range.memory += this.#sums[at + 2] as number;
    }
    return range;
  }
}
