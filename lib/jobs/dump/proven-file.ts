// Writes one RDB as it arrives, proven and hashed on the way. The file has its name only once somebody says that it is good.
import { createHash, type Hash } from 'node:crypto';
import { type RdbFacts, RdbProof } from '../../sources/rdb/proof.ts';
import { type Output, packed } from '../../storage/output.ts';
import type { Packing, PlacedFile } from './place.ts';

const PACKERS = { none: 'none', gzip: 'gz', zstd: 'zst' } as const;

/** What is in the file, once all of it was written and found to be an RDB. */
export interface ProvenRdb {
  readonly facts: RdbFacts;
  /** Of the RDB, not packed. */
  readonly sha256: string;
}

/** What is stored under the file's name. */
export interface StoredFile {
  readonly bytes: number;
  readonly sha256: string;
}

export class ProvenFile {
  readonly name: string;
  readonly packing: Packing;
  readonly #file: PlacedFile;
  readonly #output: Output;
  readonly #proof = new RdbProof();
  readonly #plain = createHash('sha256');
  /** Of what is stored, where that is packed. */
  readonly #stored: Hash | undefined;
  #storedBytes = 0;
  #sha256 = '';
  /** The write that is under way: the next bytes arrive meanwhile. */
  #writing: Promise<void> = Promise.resolve();

  constructor(file: PlacedFile) {
    const stored = file.packing === 'none' ? undefined : createHash('sha256');
    this.name = file.name;
    this.packing = file.packing;
    this.#file = file;
    this.#stored = stored;
    this.#output = packed(file.output, PACKERS[file.packing], (bytes) => {
      this.#storedBytes += bytes.length;
      stored?.update(bytes);
    });
  }

  /** Whether what was written so far is an RDB with its end. */
  whole(): boolean {
    return this.#proof.whole();
  }

  get keys(): number {
    return this.#proof.keys;
  }

  /** @throws {RdbError} on damage; {LocalError} when it cannot be written */
  async write(piece: Buffer): Promise<void> {
    for (const block of this.#proof.take(piece)) await this.#write(block);
  }

  /**
   * All bytes have been written.
   *
   * @throws {RdbError} `RDB_TRUNCATED` when they are no whole RDB; {LocalError}
   */
  async finish(): Promise<ProvenRdb> {
    await this.#write(this.#proof.finish());
    await this.#writing;
    this.#sha256 = this.#plain.digest('hex');
    return { facts: this.#proof.facts(), sha256: this.#sha256 };
  }

  /** After {@link finish}: puts the bytes on disk, and gives them their name. */
  async commit(): Promise<StoredFile> {
    await this.#output.commit();
    this.#proof.end();
    return { bytes: this.#storedBytes, sha256: this.#stored?.digest('hex') ?? this.#sha256 };
  }

  /** Removes what was written. Never rejects. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#output.leave().catch(() => undefined);
    await this.#file.discard();
    this.#proof.end();
  }

  async #write(block: Buffer): Promise<void> {
    this.#plain.update(block);
    await this.#writing;
    this.#writing = this.#output.write(block);
    // Told by the next write, or by the end.
    this.#writing.catch(() => undefined);
  }
}
