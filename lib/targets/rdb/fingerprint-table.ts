// Fingerprints of keys in memory, 128 bits each: entries in the order they came, and an open table of their numbers.
//
// Each key looks up the table somewhere else, where memory is far. So the table is small, 4 bytes a slot, and what is long
// is written one behind the other. It is nearly in the fingerprints' order, so that they are soon sorted.

/** 32-bit words of a fingerprint. */
export const WORDS = 4;
export const FINGERPRINT_BYTES = 4 * WORDS;
/** What may stand beside each: two words. */
const CONTENT_WORDS = 2;
const FIRST_SLOTS = 1 << 12;
const MOST_FILLED = 0.75;
/** Bytes of the table for each entry, at most: it has up to 2 / MOST_FILLED slots for each. */
const SLOT_BYTES = 11;
/** Entries of a chunk, which memory is taken for at once: 1 or 1.5 MiB. */
const CHUNK_BITS = 16;
const CHUNK = 1 << CHUNK_BITS;

export type Known = 'new' | 'same' | 'other';

export class FingerprintTable {
  readonly #stride: number;
  readonly #most: number;
  readonly #chunks: Uint32Array[] = [];
  #size = 0;
  /**
   * 0 for a free slot. Else its low bits are the number of an entry, from 1; the others are bits of the fingerprint, which
   * nearly always tell that it is another one.
   */
  #table: Uint32Array;
  /** Slots, as a power of two: of a fingerprint's first word so many bits say where it stands. */
  #bits: number;

  /**
   * @param contents two words stand beside each fingerprint
   * @param expected how many will come, as far as is known: slots for them are made at once
   */
  constructor(memoryBytes: number, contents: boolean, expected = 0) {
    this.#stride = contents ? WORDS + CONTENT_WORDS : WORDS;
    this.#most = Math.max(FIRST_SLOTS * MOST_FILLED, Math.floor(memoryBytes / (4 * this.#stride + SLOT_BYTES)));
    this.#bits = bitsFor(Math.min(expected, this.#most));
    this.#table = new Uint32Array(2 ** this.#bits);
  }

  get size(): number {
    return this.#size;
  }

  /** True when nothing more is to be entered. */
  get full(): boolean {
    return this.#size >= this.#most;
  }

  /** Enters a fingerprint, or looks whether it has the same content as before; the content becomes this one. */
  enter(words: Uint32Array, low: number, high: number): Known {
    if (this.#size >= this.#table.length * MOST_FILLED) this.#grow();
    const slot = this.#find(words);
    const number = numberOf(this.#table[slot] as number, this.#bits);
    if (number === 0) {
      this.#append(words, low, high);
      this.#table[slot] = tagOf(words[1] as number, this.#bits) | this.#size;
      return 'new';
    }
    if (this.#stride === WORDS) return 'same';
    const chunk = this.#chunkOf(number - 1);
    const content = this.#offsetOf(number - 1) + WORDS;
    const same = chunk[content] === low >>> 0 && chunk[content + 1] === high >>> 0;
    chunk[content] = low;
    chunk[content + 1] = high;
    return same ? 'same' : 'other';
  }

  has(words: Uint32Array): boolean {
    return this.#table[this.#find(words)] !== 0;
  }

  /** Takes all fingerprints out, in their order: by the first word, then the second, and so on. */
  drain(): Uint32Array {
    const sorted = new Uint32Array(this.#size * WORDS);
    let end = 0;
    for (const slot of this.#table) {
      if (slot === 0) continue;
      const number = numberOf(slot, this.#bits) - 1;
      const [chunk, from] = [this.#chunkOf(number), this.#offsetOf(number)];
      // Those of one neighbourhood stand in the order of their arrival: each goes before the greater ones.
      let at = end;
      while (at > 0 && isLess(chunk, from, sorted, at - WORDS)) at -= WORDS;
      sorted.copyWithin(at + WORDS, at, end);
      for (let word = 0; word < WORDS; word++) sorted[at + word] = chunk[from + word] as number;
      end += WORDS;
    }
    this.#size = 0;
    this.#table.fill(0);
    return sorted;
  }

  /** The slot where the fingerprint stands, or would. */
  #find(words: Uint32Array): number {
    const table = this.#table;
    const bits = this.#bits;
    const mask = table.length - 1;
    const tag = tagOf(words[1] as number, bits);
    let slot = (words[0] as number) >>> (32 - bits);
    for (;;) {
      const there = table[slot] as number;
      if (there === 0) return slot;
      if (((there ^ tag) & ~mask) === 0) {
        const number = (there & mask) - 1;
        if (isSame(this.#chunkOf(number), this.#offsetOf(number), words)) return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #append(words: Uint32Array, low: number, high: number): void {
    if (this.#size === this.#chunks.length << CHUNK_BITS) this.#chunks.push(new Uint32Array(CHUNK * this.#stride));
    const number = this.#size++;
    const chunk = this.#chunkOf(number);
    const at = this.#offsetOf(number);
    // One by one: a call would take as long as all of it.
    chunk[at] = words[0] as number;
    chunk[at + 1] = words[1] as number;
    chunk[at + 2] = words[2] as number;
    chunk[at + 3] = words[3] as number;
    if (this.#stride === WORDS) return;
    chunk[at + WORDS] = low;
    chunk[at + WORDS + 1] = high;
  }

  #grow(): void {
    this.#bits++;
    this.#table = new Uint32Array(2 ** this.#bits);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.#size; number++) {
      const [chunk, at] = [this.#chunkOf(number), this.#offsetOf(number)];
      let slot = (chunk[at] as number) >>> (32 - this.#bits);
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = tagOf(chunk[at + 1] as number, this.#bits) | (number + 1);
    }
  }

  #chunkOf(number: number): Uint32Array {
    return this.#chunks[number >>> CHUNK_BITS] as Uint32Array;
  }

  #offsetOf(number: number): number {
    return (number & (CHUNK - 1)) * this.#stride;
  }
}

/** How many slots so many entries need, as a power of two. */
const bitsFor = (entries: number): number => Math.ceil(Math.log2(Math.max(FIRST_SLOTS, (entries + 1) / MOST_FILLED)));

const numberOf = (slot: number, bits: number): number => slot & ((1 << bits) - 1);

/** The bits of a fingerprint's word that have room beside a number. */
const tagOf = (word: number, bits: number): number => (word >>> bits) << bits;

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
