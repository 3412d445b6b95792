// A file written front to back through one buffer; it gets its name only when it is whole.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { ByteBuffer } from './byte-buffer.ts';

const FLUSH_BYTES = 1 << 20;

/** Append to `buffer`, call `flushIfFull` now and then. Memory is bounded by 1 MiB and the largest single append. */
export class OutputFile {
  readonly buffer = new ByteBuffer(2 * FLUSH_BYTES);
  readonly #path: string;
  readonly #file: number;
  readonly #seen: (bytes: Buffer) => void;
  #written = 0;

  /** @param seen is shown every byte in order, just before it is written */
  constructor(path: string, seen: (bytes: Buffer) => void = () => {}) {
    this.#path = path;
    this.#file = openSync(partial(path), 'w');
    this.#seen = seen;
  }

  flushIfFull(): void {
    if (this.buffer.length >= FLUSH_BYTES) this.flush();
  }

  flush(): void {
    this.#write(this.buffer.view());
    this.buffer.clear();
  }

  /** Bytes that need no copy through the buffer. */
  writeThrough(bytes: Buffer): void {
    this.flush();
    this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    this.#seen(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    this.#written += bytes.length;
  }

  /** Brings the file to disk, so that no write-back disturbs a measurement, and names it. Returns its bytes. */
  finish(): number {
    this.flush();
    fsyncSync(this.#file);
    closeSync(this.#file);
    renameSync(partial(this.#path), this.#path);
    return this.#written;
  }
}

const partial = (path: string): string => `${path}.part`;
