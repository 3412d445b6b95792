// Tells whether a key came before: 128 bits for each, whatever its length, and no limit to their number (a Set ends at 2^24).
import { createHash, randomBytes } from 'node:crypto';

/** 32-bit words of a mark: two keys with one mark are not to be expected. */
const WORDS = 4;
const FIRST_SLOTS = 1024;
const MOST_FILLED = 0.75;

/** How many keys fit into so many bytes: while a table grows, its predecessor is still there. */
export function mostKeysIn(bytes: number): number {
  let slots = FIRST_SLOTS;
  while (3 * slots * WORDS * Uint32Array.BYTES_PER_ELEMENT <= bytes) slots *= 2;
  return Math.floor(slots * MOST_FILLED);
}

export class KeyMarks {
  /** So that nobody can choose keys whose marks lie together. */
  readonly #salt = randomBytes(8);
  /** Open addressing: a mark in each slot, or zeros. */
  #slots = new Uint32Array(FIRST_SLOTS * WORDS);
  #size = 0;

  /** Enters a key. @returns false when it is there already */
  add(db: number, key: Buffer): boolean {
    const digest = createHash('sha256').update(this.#salt).update(`${db} `).update(key).digest();
    const mark = Uint32Array.from({ length: WORDS }, (_, word) => digest.readUInt32LE(4 * word));
    if (!enter(this.#slots, mark, 0)) return false;
    this.#size++;
    if (this.#size * WORDS > this.#slots.length * MOST_FILLED) this.#grow();
    return true;
  }

  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    for (let at = 0; at < this.#slots.length; at += WORDS) {
      if (!isFree(this.#slots, at)) enter(slots, this.#slots, at);
    }
    this.#slots = slots;
  }
}

/** Puts the mark that stands at `from` into a free slot. @returns false when it stands in one already */
function enter(slots: Uint32Array, marks: Uint32Array, from: number): boolean {
  const last = slots.length / WORDS - 1;
  let slot = (marks[from] as number) & last;
  while (!isFree(slots, WORDS * slot)) {
    if (isSame(slots, WORDS * slot, marks, from)) return false;
    slot = (slot + 1) & last;
  }
  for (let word = 0; word < WORDS; word++) slots[WORDS * slot + word] = marks[from + word] as number;
  return true;
}

function isFree(slots: Uint32Array, at: number): boolean {
  for (let word = 0; word < WORDS; word++) if (slots[at + word] !== 0) return false;
  return true;
}

function isSame(slots: Uint32Array, at: number, marks: Uint32Array, from: number): boolean {
  for (let word = 0; word < WORDS; word++) if (slots[at + word] !== marks[from + word]) return false;
  return true;
}
