// Writes one RDB as it arrives, proven and hashed on the way. The file has its name only once somebody says that it is good.
import { createHash } from 'node:crypto';
import { type RdbFacts, RdbProof, type SavedProof } from '../../sources/rdb/proof.ts';
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

/** A hash of bytes as they come. */
export interface RunningHash {
  update(bytes: Uint8Array): unknown;
  digest(encoding: 'hex'): string;
}

/** Where a file half written stands, but for its hashes and its output. */
export interface PausedFile {
  readonly proof: SavedProof;
  readonly storedBytes: number;
}

export interface ProvenFileOptions {
  /** Of the RDB, and of what is stored, where that is packed. Default: Node's, which cannot be saved. */
  readonly hashes?: { readonly plain: RunningHash; readonly stored: RunningHash | undefined } | undefined;
  /** Goes on behind what {@link ProvenFile.pause} has left. */
  readonly from?: PausedFile | undefined;
}

const newHash = () => createHash('sha256');

export class ProvenFile {
  readonly name: string;
  readonly packing: Packing;
  readonly #file: PlacedFile;
  readonly #output: Output;
  readonly #proof: RdbProof;
  readonly #plain: RunningHash;
  /** Of what is stored, where that is packed. */
  readonly #stored: RunningHash | undefined;
  #storedBytes: number;
  #sha256 = '';
  /** The write that is under way: the next bytes arrive meanwhile. */
  #writing: Promise<void> = Promise.resolve();

  constructor(file: PlacedFile, { hashes, from }: ProvenFileOptions = {}) {
    const { plain, stored } = hashes ?? { plain: newHash(), stored: newHash() };
    this.name = file.name;
    this.packing = file.packing;
    this.#file = file;
    this.#proof = new RdbProof({ from: from?.proof });
    this.#plain = plain;
    this.#stored = file.packing === 'none' ? undefined : stored;
    this.#storedBytes = from?.storedBytes ?? 0;
    this.#output = packed(file.output, PACKERS[file.packing], (bytes) => {
      this.#storedBytes += bytes.length;
      this.#stored?.update(bytes);
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

  /**
   * Stops between two records: what was written goes to the output, which is committed, as one gzip member or zstd frame
   * where it is packed. This file takes nothing more; another one goes on behind it.
   */
  async pause(): Promise<PausedFile> {
    const { block, saved } = this.#proof.pause();
    await this.#write(block);
    await this.#writing;
    await this.#output.commit();
    this.#proof.end();
    return { proof: saved, storedBytes: this.#storedBytes };
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
