// keyferry's own shape of decoded records: JSON Lines that lose nothing (docs/json-format.md).
import type { Entry } from '../../rdb/entry.ts';
import type { ModuleValue } from '../../rdb/value.ts';
import type { JsonBuffer } from './json-buffer.ts';
import { type JsonLineOptions, JsonLines } from './json-lines.ts';
import { type LinePart, partLines } from './part-lines.ts';
import type { Shape } from './shape.ts';

export class KeyferryShape implements Shape {
  readonly parallel = true;
  readonly lossy: ReadonlyMap<string, number> = new Map();
  readonly #out: JsonBuffer;
  readonly #options: JsonLineOptions;
  readonly #lines: JsonLines;

  constructor(out: JsonBuffer, options: JsonLineOptions = {}) {
    this.#out = out;
    this.#options = options;
    this.#lines = new JsonLines(out, options);
  }

  head(): void {}

  tail(): void {}

  entry(entry: Entry, bytes: Buffer, base: number): boolean {
    return this.#lines.entry(entry, bytes, base);
  }

  /** Writes into an empty buffer, and yields with whole lines in it. */
  async *large(
    entry: Entry,
    bytes: Buffer,
    base: number,
    parts: AsyncIterable<LinePart> | Iterable<LinePart>,
  ): AsyncGenerator<void, void, undefined> {
    const head = this.#lines.head(entry, bytes, base);
    try {
      yield* partLines(head, parts, this.#out, this.#options);
    } catch (error) {
      this.#out.empty(); // a line that was begun
      throw error;
    }
  }

  aux(name: Buffer, value: Buffer): void {
    this.#lines.aux(name, value);
  }

  functionLibrary(code: Buffer): void {
    this.#lines.functionLibrary(code);
  }

  moduleAux(value: ModuleValue): void {
    this.#lines.moduleAux(value);
  }
}
