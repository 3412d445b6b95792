// Where a command's output goes: a file that has its name only when it is whole, or a stream; packed by the file's name.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
// Not by name: where an older Node lacks zstd, the program is to start all the same, and say so.
import zlib from 'node:zlib';
import { type ByteSink, createFile } from './file-sink.ts';

export interface Output extends ByteSink {
  /** All has been written: the output is whole. */
  commit(): Promise<void>;
  /** No more comes, and it is not whole: a file keeps the name `PATH.partial`. */
  leave(): Promise<void>;
}

/** Level of zstd: about a third of the speed of level 1 for a tenth less; zlib's own default is as good a middle. */
const ZSTD_LEVEL = 3;

/**
 * Begins a file; `.gz` and `.zst` are packed.
 *
 * @param onStored told the bytes of the file as they are written
 * @throws {LocalError} when it can't be written
 */
export async function openOutput(path: string, onStored?: (bytes: Buffer) => void): Promise<Output> {
  // A device or a pipe is written to as it stands: there is nothing to give a name to.
  const there = await stat(path).catch(() => undefined);
  const special = there !== undefined && !there.isFile() && !there.isDirectory();
  const file = special ? new StreamOutput(createWriteStream(path)) : await createFile(path);
  const packing = path.endsWith('.gz') ? 'gz' : path.endsWith('.zst') ? 'zst' : 'none';
  return packed(file, packing, onStored);
}

export type Packing = 'none' | 'gz' | 'zst';

/**
 * An output that packs what goes to another one. The same writes give the same bytes.
 *
 * @param onStored told the packed bytes as they are written
 */
export function packed(output: Output, packing: Packing, onStored?: (bytes: Buffer) => void): Output {
  const inner = onStored === undefined ? output : new WatchedOutput(output, onStored);
  if (packing === 'none') return inner;
  if (packing === 'gz') return new PackedOutput(inner, zlib.createGzip());
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  return new PackedOutput(inner, zlib.createZstdCompress({ params }));
}

/** Whoever reads the stream has read enough, as `head` does: no failure, and nothing more to do. */
export class ReaderGone extends Error {}

/** A stream such as standard output; whoever reads it sees what there is. */
export class StreamOutput implements Output {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Each write is told of its own failure.
    stream.on('error', () => {});
  }

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      // The bytes are the caller's again when this has been called.
      this.#stream.write(bytes, (error) => {
        if (error == null) resolve();
        else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ReaderGone() : error);
      });
    });
  }

  async commit(): Promise<void> {}

  async leave(): Promise<void> {}
}

class WatchedOutput implements Output {
  readonly #inner: Output;
  readonly #onStored: (bytes: Buffer) => void;

  constructor(inner: Output, onStored: (bytes: Buffer) => void) {
    this.#inner = inner;
    this.#onStored = onStored;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#inner.write(bytes);
    this.#onStored(bytes);
  }

  commit(): Promise<void> {
    return this.#inner.commit();
  }

  leave(): Promise<void> {
    return this.#inner.leave();
  }
}

type Packer = ReturnType<typeof zlib.createGzip> | ReturnType<typeof zlib.createZstdCompress>;

class PackedOutput implements Output {
  readonly #inner: Output;
  readonly #packer: Packer;
  readonly #pumped: Promise<void>;
  #failure: unknown;

  constructor(inner: Output, packer: Packer) {
    this.#inner = inner;
    this.#packer = packer;
    this.#pumped = this.#pump();
    // Told by the next write, or by the end.
    this.#pumped.catch((error: unknown) => {
      this.#failure ??= error;
      packer.destroy();
    });
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      this.#packer.write(bytes, (error) => (error == null ? resolve() : reject(this.#failure ?? error)));
    });
  }

  async commit(): Promise<void> {
    await this.#finish();
    await this.#inner.commit();
  }

  async leave(): Promise<void> {
    await this.#finish().catch(() => undefined); // it is not whole in any case
    await this.#inner.leave();
  }

  async #finish(): Promise<void> {
    if (!this.#packer.destroyed) {
      this.#packer.end();
      await Promise.race([once(this.#packer, 'end'), this.#pumped]);
    }
    await this.#pumped;
  }

  async #pump(): Promise<void> {
    for await (const packed of this.#packer) await this.#inner.write(packed as Buffer);
  }
}
