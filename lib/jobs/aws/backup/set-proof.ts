// Proves, while the RDB of a set is planned, that each of its files has the bytes that were written: by SHA-256, over as many
// calls as the plan takes.
import { Sha256 } from '../../../bytes/sha256.ts';
import { checkSha256 } from '../../../sources/rdb/sha256.ts';
import type { ByteSource } from '../../../storage/byte-source.ts';
import { ObservedSource } from '../../../storage/observed-source.ts';

/** What of a file stands where in the RDB that is planned. */
export interface Stretch {
  /** What errors call the file. */
  readonly name: string;
  /** Of all of the file. */
  readonly sha256: string;
  readonly file: ByteSource;
  /** Where in the file it begins; what stands around it is read for its hash alone. */
  readonly from: number;
  /** Where it stands in the RDB. */
  readonly start: number;
  readonly end: number;
}

/** A proof half made. */
export interface SavedProof {
  /** The stretch that is being hashed. */
  readonly index: number;
  /** Up to where the RDB has been hashed. */
  readonly at: number;
  /** Of that file; `undefined` before its first byte. */
  readonly hash: Buffer | undefined;
}

/** Bytes that are read at once of what stands around a stretch. */
const READ_BYTES = 1024 * 1024;

export class SetProof {
  /** To be planned in the RDB's place. */
  readonly source: ByteSource;
  readonly #observed: ObservedSource;
  readonly #stretches: readonly Stretch[];
  #index: number;
  #at: number;
  #hash: Sha256 | undefined;

  private constructor(rdb: ByteSource, stretches: readonly Stretch[], saved: SavedProof, hash: Sha256 | undefined) {
    this.#observed = new ObservedSource(rdb, (bytes) => this.#take(bytes), saved.at);
    this.source = this.#observed;
    this.#stretches = stretches;
    this.#index = saved.index;
    this.#at = saved.at;
    this.#hash = hash;
  }

  /** @param saved by a call before */
  static async open(rdb: ByteSource, stretches: readonly Stretch[], saved: SavedProof | undefined): Promise<SetProof> {
    const { index, at, hash } = saved ?? { index: 0, at: 0, hash: undefined };
    return new SetProof(rdb, stretches, { index, at, hash }, hash && (await Sha256.open(hash)));
  }

  save(): SavedProof {
    return { index: this.#index, at: this.#at, hash: this.#hash?.save() };
  }

  /** The RDB has been planned. @throws {InputError} `BACKUP_FILE_CHANGED` */
  async finish(): Promise<void> {
    await this.#observed.finish();
    await this.#endStretches(Number.POSITIVE_INFINITY);
  }

  /** @throws {InputError} `BACKUP_FILE_CHANGED` where a file that ends in these bytes is another */
  async #take(bytes: Buffer): Promise<void> {
    const end = this.#at + bytes.length;
    for (let at = this.#at; at < end; ) {
      await this.#endStretches(at);
      const stretch = this.#stretches[this.#index];
      // What is behind the last is the RDB's own end.
      const to = Math.min(end, stretch?.end ?? end);
      if (stretch !== undefined) (await this.#begun(stretch)).update(bytes.subarray(at - this.#at, to - this.#at));
      at = to;
    }
    this.#at = end;
  }

  /** Those that end here, or before. */
  async #endStretches(at: number): Promise<void> {
    for (let stretch = this.#stretches[this.#index]; stretch !== undefined && stretch.end <= at; ) {
      const { name, sha256, file, from, start, end } = stretch;
      const hash = await this.#begun(stretch);
      await read(file, from + end - start, file.size, hash);
      checkSha256(name, hash.digest('hex'), sha256);
      this.#hash = undefined;
      stretch = this.#stretches[++this.#index];
    }
  }

  /** Its hash, with what stands in front of it. */
  async #begun({ file, from }: Stretch): Promise<Sha256> {
    if (this.#hash !== undefined) return this.#hash;
    const hash = await Sha256.open();
    await read(file, 0, from, hash);
    this.#hash = hash;
    return hash;
  }
}

async function read(file: ByteSource, from: number, to: number, hash: Sha256): Promise<void> {
  for (let at = from; at < to; at += READ_BYTES) hash.update(await file.read(at, Math.min(to, at + READ_BYTES)));
}
