// Sums over groups of keys.
import type { InspectCounts } from './report.ts';

/** A key as the accumulators take it. One object serves for all keys: what is to stay is to be copied. */
export interface InspectedKey {
  db: number;
  /** The value's kind: `hash`. */
  type: string;
  encoding: string;
  /** The key is `bytes[start, end)`. */
  bytes: Buffer;
  start: number;
  end: number;
  /** Bytes of its record in the file. */
  recordBytes: number;
  valueBytes: number;
  /** Bytes: what MEMORY USAGE tells. */
  memory: number;
  elements: number;
  /** ms, `NaN` for none. */
  expireAt: number;
  /** Seconds, -1 where the file has none. */
  idle: number;
  /** -1 where the file has none. */
  freq: number;
}

export class Counts {
  keys = 0;
  bytes = 0;
  memory = 0;
  expiring = 0;
  elements = 0;

  add(key: InspectedKey): void {
    this.keys++;
    this.bytes += key.recordBytes;
    this.memory += key.memory;
    this.elements += key.elements;
    if (!Number.isNaN(key.expireAt)) this.expiring++;
  }

  get counts(): InspectCounts {
    const { keys, bytes, memory, expiring } = this;
    return { keys, bytes, memory, expiring };
  }
}

/** The value at a key of a map, made where there is none yet. */
export function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

export const byMemory = (a: InspectCounts, b: InspectCounts): number => b.memory - a.memory || b.keys - a.keys;
