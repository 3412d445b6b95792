// Remembers on disk which keys a job has begun to write, so that a run after a kill knows them for its own.
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { localError } from '../storage/work-files.ts';
import { FINGERPRINT_BYTES } from '../targets/rdb/fingerprint-table.ts';

const SEED_BYTES = 16;

/** The seed, then fingerprints. What a power failure cuts off is missed by nobody but a key that then looks foreign. */
export class KeyLog {
  readonly seed: Buffer;
  readonly #path: string;
  readonly #handle: FileHandle;
  #position: number;

  private constructor(path: string, handle: FileHandle, seed: Buffer, position: number) {
    this.#path = path;
    this.#handle = handle;
    this.seed = seed;
    this.#position = position;
  }

  /**
   * Goes on with a log, or begins one.
   *
   * @param seed of a new one
   * @param each told every fingerprint that stands there; the words are overwritten by the next
   * @throws {LocalError}
   */
  static async open(
    path: string,
    {
      fresh,
      seed,
      each,
    }: { fresh: boolean; seed: Buffer; each: (seed: Buffer) => (words: Uint32Array) => Promise<void> },
  ): Promise<KeyLog> {
    try {
      const earlier = fresh ? Buffer.alloc(0) : await readFile(path).catch(() => Buffer.alloc(0));
      const goesOn = earlier.length > SEED_BYTES;
      const handle = await open(path, goesOn ? 'r+' : 'w', 0o600);
      if (!goesOn) {
        await handle.write(seed, 0, seed.length, 0);
        return new KeyLog(path, handle, seed, SEED_BYTES);
      }
      const take = each(earlier.subarray(0, SEED_BYTES));
      const whole = earlier.length - ((earlier.length - SEED_BYTES) % FINGERPRINT_BYTES);
      const words = new Uint32Array(FINGERPRINT_BYTES / 4);
      for (let at = SEED_BYTES; at < whole; at += FINGERPRINT_BYTES) {
        for (let word = 0; word < words.length; word++) words[word] = earlier.readUInt32LE(at + 4 * word);
        await take(words);
      }
      return new KeyLog(path, handle, earlier.subarray(0, SEED_BYTES), whole);
    } catch (error) {
      throw localError(path, error);
    }
  }

  /** Appends fingerprints; when it has resolved, they outlast the process. @throws {LocalError} */
  async append(fingerprints: Buffer): Promise<void> {
    const at = this.#position;
    this.#position += fingerprints.length;
    try {
      await this.#handle.write(fingerprints, 0, fingerprints.length, at);
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** The job is complete. */
  async remove(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}
