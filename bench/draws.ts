// What the data sets draw from seeded random numbers: texts that do not compress, and kinds in exact shares.
import type { Random } from '../test/support/random.ts';

/** 64 characters of one byte each, so that six random bits choose one and LZF finds nothing to save. Letters first. */
const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_', 'latin1');
const LETTERS = 52;

/**
 * Fills `target` from `start` to `end` with incompressible printable characters. The first is a letter, so that no text
 * reads as an integer (servers would store it as one); letter number `first` where that is given, so that up to 52 texts
 * of one value differ for certain.
 */
export function fillText(random: Random, target: Uint8Array, start: number, end: number, first?: number): void {
  target[start] = ALPHABET[first === undefined ? random.int(0, LETTERS - 1) : first % LETTERS]!;
  for (let at = start + 1; at < end; ) {
    let bits = random.uint32();
    const stop = Math.min(at + 5, end);
    for (; at < stop; at++, bits >>>= 6) target[at] = ALPHABET[bits & 63]!;
  }
}

/** Draws kinds in random order, each exactly as often as asked. */
export class Urn {
  readonly #left: number[];
  #total = 0;

  /** @param counts how often each kind, by its index, will be drawn */
  constructor(counts: readonly number[]) {
    this.#left = [...counts];
    for (const count of counts) this.#total += count;
  }

  /** The index of the kind drawn. Call it as many times as the counts' sum. */
  draw(random: Random): number {
    let ticket = random.int(0, --this.#total);
    let kind = 0;
    while (ticket >= this.#left[kind]!) ticket -= this.#left[kind++]!;
    this.#left[kind]!--;
    return kind;
  }
}
