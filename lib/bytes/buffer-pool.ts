// Large buffers that are used again: one freshly allocated for every chunk would wait for the garbage collector in numbers.

export class BufferPool {
  readonly #size: number;
  readonly #free: Buffer[] = [];

  /** @param size bytes of the pooled buffers; larger ones are made and dropped as they come */
  constructor(size: number) {
    this.#size = size;
  }

  /** Lends a view of exactly `bytes` to `use`, and takes it back when `use` has settled. */
  async lend<T>(bytes: number, use: (buffer: Buffer) => Promise<T>): Promise<T> {
    if (bytes > this.#size) return use(Buffer.allocUnsafeSlow(bytes));
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size);
    try {
      return await use(buffer.subarray(0, bytes));
    } finally {
      this.#free.push(buffer);
    }
  }
}
