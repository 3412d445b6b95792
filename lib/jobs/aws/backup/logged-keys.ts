// Remembers in the bucket which keys a scan has written: their fingerprints in the order they came, 16 bytes each. A later
// call reads them again, and so never writes a key twice.

import { InputError } from '../../../errors.ts';
import { BlockReader } from '../../../storage/block-reader.ts';
import { createObject, type ObjectOutput } from '../../../storage/s3/s3-output.ts';
import { WORDS } from '../../../targets/rdb/fingerprint-table.ts';
import { Fingerprints, type Known } from '../../../targets/rdb/fingerprints.ts';
import type { SeenKeys } from '../../scan-dump.ts';
import type { Cloud } from '../job.ts';
import { openWork } from '../work.ts';

/** The log of one call. */
export interface SavedLog {
  readonly key: string;
  readonly bytes: number;
}

const BLOCK_BYTES = 256 * 1024;
const BLOCK_WORDS = BLOCK_BYTES / Uint32Array.BYTES_PER_ELEMENT;
/** Up to here nothing is sent: most scans end before there is a next call. */
const PART_BYTES = 16 * 1024 * 1024;

export interface LoggedKeysOptions {
  /** Where this call's log goes. */
  readonly key: string;
  /** Of the fingerprints. */
  readonly seed: Buffer | undefined;
  /** What earlier calls have left. */
  readonly logs: readonly SavedLog[];
  readonly expected: number;
  readonly memoryBytes: number;
  readonly signal: AbortSignal;
}

export class LoggedKeys implements SeenKeys {
  readonly #known: Fingerprints;
  readonly #output: ObjectOutput;
  readonly #key: string;
  readonly #signal: AbortSignal;
  /** Words, as this machine and the log have them: little endian. */
  #block = new Uint32Array(BLOCK_WORDS);
  #filled = 0;

  private constructor({ s3, bucket }: Cloud, { key, seed, expected, memoryBytes, signal }: LoggedKeysOptions) {
    this.#known = new Fingerprints({ seed, expected, memoryBytes });
    this.#output = createObject(s3, { bucket, key }, { partBytes: PART_BYTES, signal });
    this.#key = key;
    this.#signal = signal;
  }

  /** @throws {InputError} `WORK_GONE` where a log is no longer there */
  static async open(cloud: Cloud, options: LoggedKeysOptions): Promise<LoggedKeys> {
    const keys = new LoggedKeys(cloud, options);
    try {
      for (const log of options.logs) await keys.#replay(cloud, log);
    } catch (error) {
      await keys.close();
      throw error;
    }
    return keys;
  }

  get seed(): Buffer {
    return this.#known.seed;
  }

  /** True when {@link makeRoom} is to be called before the next key. */
  get full(): boolean {
    return this.#known.full || this.#filled === BLOCK_WORDS;
  }

  async makeRoom(): Promise<void> {
    if (this.#known.full) await this.#known.makeRoom();
    if (this.#filled === BLOCK_WORDS) await this.#write();
  }

  enter(db: number, key: Buffer): Known {
    const words = this.#known.fingerprint(db, key);
    const known = this.#known.enterFingerprint(words);
    if (known === 'new') {
      this.#block.set(words, this.#filled);
      this.#filled += words.length;
    }
    return known;
  }

  /** Makes this call's log whole. */
  async save(): Promise<SavedLog> {
    await this.#write();
    const { bytes } = this.#output;
    await this.#output.commit();
    return { key: this.#key, bytes };
  }

  /** Lets go of files and memory; a log that was not saved is nobody's any more. */
  async close(): Promise<void> {
    await this.#output.leave();
    await this.#known.close();
  }

  async #write(): Promise<void> {
    await this.#output.write(Buffer.from(this.#block.buffer, 0, this.#filled * Uint32Array.BYTES_PER_ELEMENT));
    this.#filled = 0;
  }

  async #replay(cloud: Cloud, { key, bytes }: SavedLog): Promise<void> {
    const log = await openWork(cloud, key);
    if (log?.size !== bytes) {
      await log?.close();
      throw new InputError('WORK_GONE', 'a work file of this backup is not there, or another one.', {
        where: `s3://${cloud.bucket}/${key}`,
        remedy: 'They are kept as many days as retention.work says. Start the machine again: it makes another backup.',
      });
    }
    const blocks = new BlockReader(log, { blockBytes: BLOCK_BYTES });
    try {
      const words = new Uint32Array(BLOCK_WORDS);
      for (let block = await blocks.nextBytes(); block !== undefined; block = await blocks.nextBytes()) {
        this.#signal.throwIfAborted();
        Buffer.from(words.buffer).set(block);
        const end = block.length / Uint32Array.BYTES_PER_ELEMENT;
        for (let at = 0; at < end; at += WORDS) {
          if (this.#known.full) await this.#known.makeRoom();
          this.#known.enterFingerprint(words.subarray(at, at + WORDS));
        }
      }
    } finally {
      await blocks.settle();
      await log.close();
    }
  }
}
