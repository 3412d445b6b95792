// A source that is read from one end to the other, in front of one that answers late: what comes next is fetched already.
import type { ByteSource } from './byte-source.ts';
import { PassingSource } from './passing-source.ts';

/** Bytes fetched at once, and how many such windows are under way or held. */
const WINDOW_BYTES = 16 * 1024 * 1024;
const WINDOWS = 3;

interface Window {
  readonly start: number;
  readonly end: number;
  readonly bytes: Promise<Buffer>;
}

/** Reads have to come in rising order; one that goes back is made anew. */
export class ReadAhead extends PassingSource {
  readonly #windowBytes: number;
  readonly #to: number;
  /** In rising order, without gaps. */
  #windows: Window[] = [];
  readonly #spare: Buffer[] = [];

  /** @param to nothing behind this is fetched before it is asked for */
  constructor(source: ByteSource, windowBytes: number = WINDOW_BYTES, to: number = source.size) {
    super(source);
    this.#windowBytes = windowBytes;
    this.#to = to;
  }

  async read(start: number, end: number, into: Buffer = Buffer.allocUnsafeSlow(end - start)): Promise<Buffer> {
    if (start < (this.#windows[0]?.start ?? start) || end > this.#to) return this.source.read(start, end, into);
    let at = start;
    while (at < end) {
      const window = this.#windowAt(at);
      const bytes = await window.bytes;
      const to = Math.min(end, window.end);
      bytes.copy(into, at - start, at - window.start, to - window.start);
      at = to;
    }
    return into;
  }

  override async close(): Promise<void> {
    await Promise.allSettled(this.#windows.map(({ bytes }) => bytes));
    this.#windows = [];
    this.#spare.length = 0;
  }

  #windowAt(offset: number): Window {
    while (this.#windows[0] !== undefined && this.#windows[0].end <= offset) {
      void this.#windows.shift()?.bytes.then(
        (bytes) => void this.#spare.push(bytes),
        () => {},
      );
    }
    while (this.#windows.length < WINDOWS) {
      const start = this.#windows.at(-1)?.end ?? offset;
      if (start >= this.#to) break;
      const end = Math.min(start + this.#windowBytes, this.#to);
      const bytes = this.source.read(start, end, this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#windowBytes));
      bytes.catch(() => {}); // told by the read that needs it
      this.#windows.push({ start, end, bytes });
    }
    return this.#windows[0] as Window;
  }
}
