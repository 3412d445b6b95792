// Reads a source from one offset to another in blocks, the next block always under way while the last one is used.
import type { ByteSource } from './byte-source.ts';

/** One block: the bytes `buffer[start, end)`. What stands before `start` is room for the reader's own use. */
export interface Block {
  buffer: Buffer;
  start: number;
  end: number;
}

export interface BlockOptions {
  /** First byte, absolute. Default 0. */
  from?: number;
  /** One past the last byte, absolute. Default: the source's size. */
  to?: number;
  /** Bytes a read. Default 1 MiB, or the range where that is smaller. */
  blockBytes?: number;
  /** Room in front of each block, in bytes. Default 0. */
  headroom?: number;
  /** Where the blocks are to lie: room for three with their headroom, or more. Default: memory of their own. */
  memory?: Buffer | undefined;
}

const DEFAULT_BLOCK_BYTES = 1024 * 1024;

/**
 * Reads blocks in order. Three buffers take turns (one in use, one just handed out, one being filled), so that a block
 * stays good until the call of `next` after the one that gave its successor: a scanner copies what it still needs of a
 * block when it is fed the next one.
 */
export class BlockReader {
  readonly #source: ByteSource;
  readonly #to: number;
  readonly #blockBytes: number;
  readonly #headroom: number;
  readonly #free: Buffer[];
  #at: number;
  #coming: Promise<Block> | undefined;

  constructor(source: ByteSource, options: BlockOptions = {}) {
    this.#source = source;
    this.#at = options.from ?? 0;
    this.#to = options.to ?? source.size;
    this.#headroom = options.headroom ?? 0;
    this.#blockBytes = options.blockBytes ?? Math.max(1, Math.min(DEFAULT_BLOCK_BYTES, this.#to - this.#at));
    const bytes = this.#headroom + this.#blockBytes;
    const { memory } = options;
    this.#free = [0, 1, 2].map((n) => memory?.subarray(n * bytes, (n + 1) * bytes) ?? Buffer.allocUnsafeSlow(bytes));
    this.#coming = this.#read();
  }

  /** The next block; `undefined` at the end. */
  async next(): Promise<Block | undefined> {
    const block = await this.#coming;
    this.#coming = block === undefined ? undefined : this.#read();
    return block;
  }

  /** Waits for the read that is under way, so that its buffer can be used otherwise. No block comes after that. */
  async settle(): Promise<void> {
    const coming = this.#coming;
    this.#at = this.#to;
    this.#coming = undefined;
    await coming?.catch(() => undefined);
  }

  /** The bytes of the next block: a view, valid as long as the block. */
  async nextBytes(): Promise<Buffer | undefined> {
    const block = await this.next();
    return block?.buffer.subarray(block.start, block.end);
  }

  #read(): Promise<Block> | undefined {
    if (this.#at >= this.#to) return undefined;
    const buffer = this.#free.shift() as Buffer;
    this.#free.push(buffer);
    const from = this.#at;
    const to = Math.min(from + this.#blockBytes, this.#to);
    this.#at = to;
    const reading = this.#source
      .read(from, to, buffer.subarray(this.#headroom))
      .then(() => ({ buffer, start: this.#headroom, end: this.#headroom + to - from }));
    // A failure waits for its `next`; without this line it would count as unhandled meanwhile.
    reading.catch(() => undefined);
    return reading;
  }
}
