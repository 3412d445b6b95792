// Bytes in memory as a source.
import type { ByteSource, SourcePin } from './byte-source.ts';

export class MemorySource implements ByteSource {
  readonly name: string;
  readonly #bytes: Buffer;
  readonly #base: number;

  /** @param base offset of `bytes[0]`: nothing stands before it */
  constructor(name: string, bytes: Buffer, base = 0) {
    this.name = name;
    this.#bytes = bytes;
    this.#base = base;
  }

  get size(): number {
    return this.#base + this.#bytes.length;
  }

  get pin(): SourcePin {
    return { size: this.size };
  }

  async read(start: number, end: number, into = Buffer.allocUnsafe(end - start)): Promise<Buffer> {
    this.#bytes.copy(into, 0, start - this.#base, end - this.#base);
    return into;
  }

  async close(): Promise<void> {}
}
