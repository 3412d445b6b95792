// Fingerprints of keys in memory: 128 bits each, in an open table that is nearly in their order, so that it is soon sorted.

/** 32-bit words of a fingerprint. */
export const WORDS = 4;
export const FINGERPRINT_BYTES = 4 * WORDS;
/** What may stand beside each: two words. */
const CONTENT_WORDS = 2;
const FIRST_SLOTS = 1 << 12;
const MOST_FILLED = 0.75;

export type Known = 'new' | 'same' | 'other';

export class FingerprintTable {
  readonly #stride: number;
  readonly #mostSlots: number;
  #slots: number;
  /** Of a fingerprint's first word: what is left is the number of its slot. */
  #shift: number;
  #table: Uint32Array;
  #size = 0;

  /**
   * @param contents two words stand beside each fingerprint
   * @param expected how many will come, as far as is known: room for them is made at once
   */
  constructor(memoryBytes: number, contents: boolean, expected = 0) {
    this.#stride = contents ? WORDS + CONTENT_WORDS : WORDS;
    // While it grows, a table and the half as large one before are there.
    const slots = memoryBytes / (4 * this.#stride) / 1.5;
    this.#mostSlots = Math.max(FIRST_SLOTS, 2 ** Math.floor(Math.log2(slots)));
    const slotsExpected = 2 ** Math.ceil(Math.log2(expected / MOST_FILLED + 1));
    this.#slots = Math.max(FIRST_SLOTS, Math.min(slotsExpected, this.#mostSlots));
    this.#shift = shiftFor(this.#slots);
    this.#table = new Uint32Array(this.#slots * this.#stride);
  }

  get size(): number {
    return this.#size;
  }

  /** True when nothing more is to be entered. */
  get full(): boolean {
    return this.#slots === this.#mostSlots && this.#size >= this.#slots * MOST_FILLED;
  }

  /** Enters a fingerprint, or looks whether it has the same content as before; the content becomes this one. */
  enter(words: Uint32Array, low: number, high: number): Known {
    if (this.#size >= this.#slots * MOST_FILLED && this.#slots < this.#mostSlots) this.#grow();
    const table = this.#table;
    const at = this.#find(words);
    const known = !isFree(table, at);
    if (!known) {
      // One by one: a call would take as long as all of it.
      table[at] = words[0] as number;
      table[at + 1] = words[1] as number;
      table[at + 2] = words[2] as number;
      table[at + 3] = words[3] as number;
      this.#size++;
    }
    if (this.#stride === WORDS) return known ? 'same' : 'new';
    const same = table[at + WORDS] === low >>> 0 && table[at + WORDS + 1] === high >>> 0;
    table[at + WORDS] = low;
    table[at + WORDS + 1] = high;
    return known ? (same ? 'same' : 'other') : 'new';
  }

  has(words: Uint32Array): boolean {
    return !isFree(this.#table, this.#find(words));
  }

  /** Takes all fingerprints out, in their order: by the first word, then the second, and so on. */
  drain(): Uint32Array {
    const table = this.#table;
    const sorted = new Uint32Array(this.#size * WORDS);
    let end = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      const from = slot * this.#stride;
      if (isFree(table, from)) continue;
      // Those of one neighbourhood stand in the order of their arrival: each goes before the greater ones.
      let at = end;
      while (at > 0 && isLess(table, from, sorted, at - WORDS)) at -= WORDS;
      sorted.copyWithin(at + WORDS, at, end);
      for (let word = 0; word < WORDS; word++) sorted[at + word] = table[from + word] as number;
      end += WORDS;
    }
    this.#size = 0;
    table.fill(0);
    return sorted;
  }

  /** Where the fingerprint stands, or would. */
  #find(words: Uint32Array): number {
    const table = this.#table;
    const stride = this.#stride;
    const end = table.length;
    const first = words[0] as number;
    // The first bits of a fingerprint say where it stands, so that the table is nearly in order.
    let at = (first >>> this.#shift) * stride;
    for (;;) {
      const there = table[at] as number;
      if (there === first && isSame(table, at, words)) return at;
      if (there === 0 && isFree(table, at)) return at;
      at += stride;
      if (at === end) at = 0;
    }
  }

  #grow(): void {
    const before = this.#table;
    this.#slots *= 2;
    this.#shift = shiftFor(this.#slots);
    this.#table = new Uint32Array(this.#slots * this.#stride);
    for (let from = 0; from < before.length; from += this.#stride) {
      if (isFree(before, from)) continue;
      const entry = before.subarray(from, from + this.#stride);
      this.#table.set(entry, this.#find(entry));
    }
  }
}

/** @param slots a power of two, from 2 to 2^32 */
const shiftFor = (slots: number): number => 32 - Math.log2(slots);

function isFree(table: Uint32Array, at: number): boolean {
  return (table[at] as number) === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0;
}

function isSame(table: Uint32Array, at: number, words: Uint32Array): boolean {
  return (
    table[at] === words[0] && table[at + 1] === words[1] && table[at + 2] === words[2] && table[at + 3] === words[3]
  );
}

/** True when the fingerprint at `a` comes before the one at `b`. */
function isLess(left: Uint32Array, a: number, right: Uint32Array, b: number): boolean {
  for (let word = 0; word < WORDS; word++) {
    const difference = (left[a + word] as number) - (right[b + word] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
