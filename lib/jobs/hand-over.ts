// How one part of the program hands things to another: in order, and not more than the other can hold.

/** What one part gives and another takes, in order. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** Copies of bytes that are under way: no more than there is room for, in buffers that are used again. */
export class Copies {
  readonly #most: number;
  readonly #spare: ArrayBuffer[] = [];
  #underWay = 0;
  #wake: (() => void) | undefined;

  /** @param most bytes that may be under way at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** A buffer that begins with these bytes, as soon as there is room for them. One call at a time. */
  async of(bytes: Buffer): Promise<ArrayBuffer> {
    while (this.#underWay > 0 && this.#underWay + bytes.length > this.#most) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#underWay += bytes.length;
    const at = this.#spare.findIndex(({ byteLength }) => byteLength >= bytes.length);
    const buffer = at === -1 ? new ArrayBuffer(roomFor(bytes.length)) : (this.#spare.splice(at, 1)[0] as ArrayBuffer);
    new Uint8Array(buffer).set(bytes);
    return buffer;
  }

  /** The copy of so many bytes is no longer needed. */
  release(buffer: ArrayBuffer, bytes: number): void {
    this.#underWay -= bytes;
    if (this.#spare.length < MOST_SPARE) this.#spare.push(buffer);
    this.#wake?.();
  }
}

const MOST_SPARE = 2;

/** A little more than what is there, so that the next bytes fit too when the buffer comes back. */
const roomFor = (bytes: number): number => Math.ceil(bytes / 65_536 + 1) * 65_536;
