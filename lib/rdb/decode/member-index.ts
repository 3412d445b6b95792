// Finds members of a container by their bytes. It keeps where each member stands, not the member: 20 to 40 bytes for one
// of whatever size, and no limit to their number (a Set holds no more than 2^24).
import { randomInt } from 'node:crypto';

/** So that nobody can craft members that all collide. */
const SEED = randomInt(2 ** 32);

const LEAST_CAPACITY = 8;

export class MemberIndex {
  #size = 0;
  #hashes = new Uint32Array(LEAST_CAPACITY);
  #positions = new Float64Array(LEAST_CAPACITY);
  /** Open addressing, at most half full: 1 + number of the entry, or 0. */
  #slots = new Uint32Array(2 * LEAST_CAPACITY);
  readonly #memberAt: (position: number) => Buffer;

  /** @param memberAt gives the member again that was entered with this position */
  constructor(memberAt: (position: number) => Buffer) {
    this.#memberAt = memberAt;
  }

  get size(): number {
    return this.#size;
  }

  /** Enters a member; false when it is there already. */
  add(member: Buffer, position: number): boolean {
    const hash = hashOf(member);
    const slot = this.#slotOf(member, hash);
    if (this.#slots[slot] !== 0) return false;
    const entry = this.#size++;
    this.#hashes[entry] = hash;
    this.#positions[entry] = position;
    this.#slots[slot] = entry + 1;
    if (this.#size === this.#hashes.length) this.#grow();
    return true;
  }

  /** The number of the entry (0 for the first that was entered), or -1 when the member is not there. */
  find(member: Buffer): number {
    return (this.#slots[this.#slotOf(member, hashOf(member))] as number) - 1;
  }

  /** The position of an entry. */
  positionOf(entry: number): number {
    return this.#positions[entry] as number;
  }

  /** The slot of this member, or the empty one where it belongs. */
  #slotOf(member: Buffer, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1;
      if (entry < 0) return slot;
      if (this.#hashes[entry] === hash && this.#memberAt(this.#positions[entry] as number).equals(member)) return slot;
    }
  }

  #grow(): void {
    const hashes = new Uint32Array(2 * this.#size);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const positions = new Float64Array(2 * this.#size);
    positions.set(this.#positions);
    this.#positions = positions;
    const slots = new Uint32Array(4 * this.#size);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = (hashes[entry] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}

/** FNV-1a over the bytes, then mixed, since the table uses the low bits. */
function hashOf(bytes: Buffer): number {
  let hash = SEED;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
