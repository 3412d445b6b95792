// Knows which keys of the target are the job's own, and what it wrote to them.
import type { ScanEntry } from '../sources/scan/scan-entry.ts';
import { Fingerprints } from '../targets/rdb/fingerprints.ts';
import { KeyLog } from './key-log.ts';
import type { Ownership } from './rump-writer.ts';

export interface OwnKeysOptions {
  /** Of the log. */
  readonly path: string;
  /** Forgets an earlier log. */
  readonly fresh: boolean;
  /** Where files go that memory has no room for. */
  readonly folder: string;
  readonly memoryBytes: number | undefined;
  /** Keys that will come, as far as is known. */
  readonly expected: number;
  /** False where all keys are replaced without asking. */
  readonly needed: boolean;
}

const FIRST_WORDS = 16 * 1024;
/** Odd, with bits everywhere: value and expiry are not to cancel each other. */
const EXPIRY_FACTOR = 0x9e3779b1;

export class OwnKeys {
  readonly #log: KeyLog | undefined;
  readonly #known: Fingerprints | undefined;
  /** What the log lacks; words, as this machine and the log have them: little endian. */
  #unlogged = new Uint32Array(FIRST_WORDS);
  #at = 0;

  private constructor(log: KeyLog | undefined, known: Fingerprints | undefined) {
    this.#log = log;
    this.#known = known;
  }

  static async open({ path, fresh, folder, memoryBytes, expected, needed }: OwnKeysOptions): Promise<OwnKeys> {
    if (!needed) return new OwnKeys(undefined, undefined);
    const make = (seed?: Buffer) => new Fingerprints({ memoryBytes, folder, contents: true, seed, expected });
    let known = make();
    const log = await KeyLog.open(path, {
      fresh,
      seed: known.seed,
      each: (seed) => {
        const earlier = make(seed);
        known = earlier;
        return async (words) => {
          if (earlier.full) await earlier.makeRoom();
          earlier.enterFingerprint(words);
        };
      },
    });
    return new OwnKeys(log, known);
  }

  /** True when {@link makeRoom} is to be called. */
  get full(): boolean {
    return this.#known?.full ?? false;
  }

  async makeRoom(): Promise<void> {
    await this.#known?.makeRoom();
  }

  /**
   * Decides on a key, and remembers it with what it holds.
   *
   * @param again also what is the same is to be written, since the target may have lost it
   */
  decide(entry: ScanEntry, again: boolean): Ownership {
    if (this.#known === undefined) return 'theirs';
    const words = this.#known.fingerprint(entry.db, entry.key);
    const { crcLow, crcHigh, expireAt } = entry;
    let [low, high] = [crcLow, crcHigh];
    if (expireAt !== undefined) {
      const time = Number(expireAt);
      low ^= time | 0;
      high ^= Math.imul((time / 2 ** 32) | 0, EXPIRY_FACTOR) + Math.imul(low, EXPIRY_FACTOR);
    }
    const known = this.#known.enterFingerprint(words, low, high);
    if (known === 'new') {
      this.#note(words);
      return 'theirs';
    }
    // Of what was read by commands there is no checksum.
    const same = known === 'same' && (crcLow !== 0 || crcHigh !== 0);
    return same && !again ? 'left' : 'ours';
  }

  /** Logs the keys that were decided on: to be awaited before they are written. */
  async flush(): Promise<void> {
    if (this.#at === 0) return;
    const bytes = Buffer.from(this.#unlogged.buffer, 0, this.#at * Uint32Array.BYTES_PER_ELEMENT);
    this.#unlogged = new Uint32Array(FIRST_WORDS);
    this.#at = 0;
    await this.#log?.append(bytes);
  }

  async close(): Promise<void> {
    await this.#log?.close();
    await this.#known?.close();
  }

  /** The job is complete: nobody asks any more. */
  async remove(): Promise<void> {
    await this.#log?.remove();
    await this.#known?.close();
  }

  #note(words: Uint32Array): void {
    if (this.#at + words.length > this.#unlogged.length) {
      const larger = new Uint32Array(2 * this.#unlogged.length);
      larger.set(this.#unlogged);
      this.#unlogged = larger;
    }
    for (let i = 0; i < words.length; i++) this.#unlogged[this.#at++] = words[i] as number;
  }
}
