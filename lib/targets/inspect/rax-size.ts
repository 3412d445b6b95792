// How many nodes a radix tree has (streams and their pending entries are such trees), told from its keys in order.
import type { Allocate } from './allocator.ts';
import type { RaxCounts } from './memory-model.ts';

/** Bytes of a stream's id. */
const KEY_BYTES = 16;
const LEAF_BYTES = 16;

/**
 * A node is made where keys part, one for what a single path has in between, one for each key's end (rax.c). In memory is
 * no more than the last key and the nodes above it.
 */
export class RaxSize implements RaxCounts {
  keys = 0;
  nodes = 1;
  bytes = 8;
  readonly #allocate: Allocate;
  readonly #last = new Uint8Array(KEY_BYTES);
  /** Where keys part above the last one: depths, rising, and how many children are closed. */
  readonly #branches: { depth: number; children: number }[] = [];

  constructor(allocate: Allocate) {
    this.#allocate = allocate;
  }

  /** @param bytes holds the key at `at`; keys come in rising order */
  add(bytes: Uint8Array, at: number): void {
    if (this.keys > 0) this.#close(this.#shared(bytes, at));
    else this.nodes = this.bytes = 0;
    for (let i = 0; i < KEY_BYTES; i++) this.#last[i] = bytes[at + i] as number;
    this.keys++;
  }

  /** No key comes any more: now the counts are whole. */
  end(): this {
    if (this.keys > 0) this.#compressed(this.#closeTo(-1));
    return this;
  }

  #shared(bytes: Uint8Array, at: number): number {
    let depth = 0;
    while (depth < KEY_BYTES && this.#last[depth] === bytes[at + depth]) depth++;
    return Math.min(depth, KEY_BYTES - 1);
  }

  #close(depth: number): void {
    const child = this.#closeTo(depth);
    let branch = this.#branches.at(-1);
    if (branch?.depth !== depth) {
      branch = { depth, children: 0 };
      this.#branches.push(branch);
    }
    branch.children++;
    this.#compressed(child - depth - 1);
  }

  /** Closes the last key and the nodes deeper than `depth`; gives the depth of the topmost of them. */
  #closeTo(depth: number): number {
    this.nodes++;
    this.bytes += LEAF_BYTES;
    let child = KEY_BYTES;
    for (let branch = this.#branches.at(-1); branch !== undefined && branch.depth > depth; ) {
      this.#compressed(child - branch.depth - 1);
      this.nodes++;
      this.bytes += this.#allocate(padded(branch.children + 1) + 8 * (branch.children + 1));
      child = branch.depth;
      this.#branches.pop();
      branch = this.#branches.at(-1);
    }
    return child;
  }

  /** A path of so many bytes without a branch. */
  #compressed(bytes: number): void {
    if (bytes <= 0) return;
    this.nodes++;
    this.bytes += this.#allocate(padded(bytes) + 8);
  }
}

/** A node's header of 4 bytes and its characters, up to where pointers can stand. */
const padded = (characters: number): number => Math.ceil((4 + characters) / 8) * 8;
