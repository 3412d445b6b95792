// A source that stands before another one, and is called what that is called.
import type { ByteSource, SourcePin } from './byte-source.ts';

export abstract class PassingSource implements ByteSource {
  protected readonly source: ByteSource;

  constructor(source: ByteSource) {
    this.source = source;
  }

  get name(): string {
    return this.source.name;
  }

  get size(): number {
    return this.source.size;
  }

  get pin(): SourcePin {
    return this.source.pin;
  }

  abstract read(start: number, end: number, into?: Buffer): Promise<Buffer>;

  /** Does not close what it reads from. */
  async close(): Promise<void> {}
}
