// Finds a container's member that comes twice, by the JSON that was written for each: equal bytes give equal JSON.
import { randomInt } from 'node:crypto';
import type { JsonBuffer } from './json-buffer.ts';

/** So that nobody can craft members that all collide. */
const SEED = randomInt(2 ** 32);
const LEAST_CAPACITY = 256;
/** Of a long member so many bytes at each end are hashed. */
const HASHED_BYTES = 32;
/** Members that collide this often are no accident: {@link DistinctTexts.add} gives up. */
const MOST_PROBES = 200;
/** Numbers of entries stay below this. */
const LAST_NUMBER = 2 ** 31 - 2 ** 25;

export class DistinctTexts {
  // Entries have numbers that go on from value to value, so that a slot of an earlier value shows by its number, and
  // nothing has to be cleared.
  #first = 1;
  #count = 0;
  #slots = new Int32Array(2 * LEAST_CAPACITY);
  #mask = 2 * LEAST_CAPACITY - 1;
  #hashes = new Int32Array(LEAST_CAPACITY);
  #starts = new Float64Array(LEAST_CAPACITY);
  #ends = new Float64Array(LEAST_CAPACITY);

  /** Forgets all. */
  clear(): void {
    this.#first += this.#count;
    this.#count = 0;
    this.#mask = 2 * LEAST_CAPACITY - 1;
    if (this.#first < LAST_NUMBER) return;
    this.#slots.fill(0);
    this.#first = 1;
  }

  /** Enters `out.bytes[start, end)`; false where the same is there already, or may be. */
  add({ bytes }: JsonBuffer, start: number, end: number): boolean {
    const hash = hashOf(bytes, start, end);
    let slot = hash & this.#mask;
    for (let probes = 0; ; probes++) {
      const entry = (this.#slots[slot] as number) - this.#first;
      if (entry < 0) break;
      if (this.#hashes[entry] === hash && this.#isAt(entry, bytes, start, end)) return false;
      if (probes === MOST_PROBES) return false;
      slot = (slot + 1) & this.#mask;
    }
    const entry = this.#count++;
    this.#hashes[entry] = hash;
    this.#starts[entry] = start;
    this.#ends[entry] = end;
    this.#slots[slot] = this.#first + entry;
    if (2 * this.#count > this.#mask) this.#grow();
    return true;
  }

  #isAt(entry: number, bytes: Buffer, start: number, end: number): boolean {
    const from = this.#starts[entry] as number;
    if ((this.#ends[entry] as number) - from !== end - start) return false;
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== bytes[j]) return false;
    return true;
  }

  /** At most half of the slots are taken. */
  #grow(): void {
    const capacity = this.#mask + 1;
    if (this.#starts.length < capacity) {
      this.#hashes = grown(this.#hashes, new Int32Array(capacity));
      this.#starts = grown(this.#starts, new Float64Array(capacity));
      this.#ends = grown(this.#ends, new Float64Array(capacity));
    }
    if (this.#slots.length < 2 * capacity) this.#slots = new Int32Array(2 * capacity);
    this.#mask = 2 * capacity - 1;
    this.#first += this.#count; // what the slots hold so far is stale
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = (this.#hashes[entry] as number) & this.#mask;
      while ((this.#slots[slot] as number) >= this.#first) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = this.#first + entry;
    }
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** FNV-1a, then mixed, since the table uses the low bits. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  const middle = end - start > 2 * HASHED_BYTES;
  const headEnd = middle ? start + HASHED_BYTES : end;
  for (let i = start; i < headEnd; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  if (middle) for (let i = end - HASHED_BYTES; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
