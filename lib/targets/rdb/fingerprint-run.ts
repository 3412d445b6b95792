// Fingerprints that memory had no room for: a sorted file, and in memory as much as tells that one is not in it.
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { localError } from '../../storage/work-files.ts';
import { FINGERPRINT_BYTES, WORDS } from './fingerprint-table.ts';

/** Fingerprints of a block, which is read as a whole: 4 KiB. */
const BLOCK = 256;
/** Bits a fingerprint in the filter: one lookup in a hundred goes to the file in vain. */
const FILTER_BITS = 10;

export class FingerprintRun {
  readonly #path: string;
  readonly #file: number;
  readonly #count: number;
  /** A Bloom filter: a fingerprint's own words are the hashes. */
  readonly #filter: Uint8Array;
  readonly #filterBits: number;
  /** The first word of each block. */
  readonly #starts: Uint32Array;
  readonly #block = new Uint32Array(BLOCK * WORDS);

  private constructor(path: string, file: number, sorted: Uint32Array) {
    this.#path = path;
    this.#file = file;
    this.#count = sorted.length / WORDS;
    this.#filterBits = Math.max(8, this.#count * FILTER_BITS);
    this.#filter = new Uint8Array(Math.ceil(this.#filterBits / 8));
    this.#starts = new Uint32Array(Math.ceil(this.#count / BLOCK));
    for (let at = 0; at < sorted.length; at += WORDS) {
      if (at % (BLOCK * WORDS) === 0) this.#starts[at / (BLOCK * WORDS)] = sorted[at] as number;
      for (let word = 0; word < WORDS; word++) {
        const bit = (sorted[at + word] as number) % this.#filterBits;
        this.#filter[bit >> 3] = (this.#filter[bit >> 3] as number) | (1 << (bit & 7));
      }
    }
  }

  /** Writes a run. @throws {LocalError} what a failed write means */
  static async write(path: string, sorted: Uint32Array): Promise<FingerprintRun> {
    try {
      const handle = await open(path, 'wx', 0o600);
      try {
        await handle.writeFile(Buffer.from(sorted.buffer, sorted.byteOffset, sorted.byteLength));
      } finally {
        await handle.close();
      }
      return new FingerprintRun(path, openSync(path, 'r'), sorted);
    } catch (error) {
      throw localError(path, error);
    }
  }

  /** @throws {LocalError} */
  has(words: Uint32Array): boolean {
    for (let word = 0; word < WORDS; word++) {
      const bit = (words[word] as number) % this.#filterBits;
      if (((this.#filter[bit >> 3] as number) & (1 << (bit & 7))) === 0) return false;
    }
    for (let block = this.#firstBlock(words[0] as number); block < this.#starts.length; block++) {
      if ((this.#starts[block] as number) > (words[0] as number)) return false;
      if (this.#blockHas(block, words)) return true;
    }
    return false;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** The first block that can hold a fingerprint of this first word. */
  #firstBlock(first: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) < first) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #blockHas(block: number, words: Uint32Array): boolean {
    const from = block * BLOCK;
    const count = Math.min(BLOCK, this.#count - from);
    const view = Buffer.from(this.#block.buffer, 0, count * FINGERPRINT_BYTES);
    try {
      if (readSync(this.#file, view, 0, view.length, from * FINGERPRINT_BYTES) !== view.length) {
        throw new Error('it is shorter than it was written');
      }
    } catch (error) {
      throw localError(this.#path, error);
    }
    for (let at = 0; at < count * WORDS; at += WORDS) {
      if (words.every((word, i) => this.#block[at + i] === word)) return true;
    }
    return false;
  }
}
