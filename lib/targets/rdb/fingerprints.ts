// Tells whether a key came before, of however many: fingerprints in memory, and in sorted files beyond a limit.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SipHash } from '../../bytes/siphash.ts';
import { localError } from '../../storage/work-files.ts';
import { FingerprintRun } from './fingerprint-run.ts';
import { FingerprintTable, type Known } from './fingerprint-table.ts';

export type { Known } from './fingerprint-table.ts';

export interface FingerprintOptions {
  /** What the table may take; in files a key still takes 10 bits of memory. Default 64 MiB: some millions of keys. */
  readonly memoryBytes?: number | undefined;
  /** Where files go that memory has no room for. Default: the system's folder for temporary files. */
  readonly folder?: string | undefined;
  /** Remembers beside each key what it held. Default false. */
  readonly contents?: boolean | undefined;
  /** How many keys will come, as far as is known. */
  readonly expected?: number | undefined;
  /** 16 random bytes: nobody can choose keys whose fingerprints meet who does not know them. Default: new ones. */
  readonly seed?: Buffer | undefined;
}

const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;
/** Longer keys are hashed before they are hashed. */
const LONG_KEY_BYTES = 64 * 1024;

export class Fingerprints {
  readonly seed: Buffer;
  readonly #options: FingerprintOptions;
  readonly #hash: SipHash;
  readonly #table: FingerprintTable;
  readonly #runs: FingerprintRun[] = [];
  #folder: string | undefined;

  constructor(options: FingerprintOptions = {}) {
    const { memoryBytes = DEFAULT_MEMORY_BYTES, contents = false, seed = randomBytes(16), expected } = options;
    this.#options = options;
    this.seed = seed;
    this.#hash = new SipHash(seed);
    this.#table = new FingerprintTable(memoryBytes, contents, expected);
  }

  /** True when {@link makeRoom} is to be called before the next key. */
  get full(): boolean {
    return this.#table.full;
  }

  /** True while the content of every key is remembered. */
  get remembersAll(): boolean {
    return this.#runs.length === 0;
  }

  /** Four words that stay until the next call. */
  fingerprint(db: number, key: Buffer): Uint32Array {
    const long = key.length > LONG_KEY_BYTES;
    return this.#hash.hash(long ? createHash('sha512').update(key).digest() : key, long ? ~db : db);
  }

  /**
   * Enters a key.
   *
   * @param low  with `high`: what the key holds, in 64 bits
   * @returns `new` for the first time; else whether the content is the same as the last time, which is not known of keys
   *   that memory had no room for: `other`
   * @throws {LocalError} where a file can't be read
   */
  enter(db: number, key: Buffer, low = 0, high = 0): Known {
    return this.enterFingerprint(this.fingerprint(db, key), low, high);
  }

  enterFingerprint(words: Uint32Array, low = 0, high = 0): Known {
    const known = this.#table.enter(words, low, high);
    if (known !== 'new' || this.#runs.length === 0) return known;
    return this.#runs.some((run) => run.has(words)) ? 'other' : 'new';
  }

  /** Enters a key, in memory or not. @returns false when it came before */
  async add(db: number, key: Buffer): Promise<boolean> {
    if (this.full) await this.makeRoom();
    return this.enter(db, key) === 'new';
  }

  /** Moves what is in memory to a file. @throws {LocalError} */
  async makeRoom(): Promise<void> {
    this.#folder ??= await newFolder(this.#options.folder ?? tmpdir());
    const sorted = this.#table.drain();
    this.#runs.push(await FingerprintRun.write(join(this.#folder, `run-${this.#runs.length}`), sorted));
  }

  /** Removes the files. */
  async close(): Promise<void> {
    for (const run of this.#runs.splice(0)) run.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}

async function newFolder(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'keyferry-keys-'));
  } catch (error) {
    throw localError(parent, error);
  }
}
