// LZF, the compression inside RDB strings: expanding only, both cursors bounded.
import { KeyferryError } from '../errors.ts';
import { expandLzfKernel, kernelInput, kernelOutput } from './kernels.ts';
import { expandLzfTwin } from './twin.ts';

/** The most that a byte can become: a back reference of three bytes stands for up to 264 (rdb-format.md 1.9). */
const MOST_GROWTH = 264 / 3;

/** An LZF block that is damaged. Code `RDB_LZF`. */
export class LzfError extends KeyferryError {
  /** Offset in bytes, in the block, of the token at fault; the block's length when it ends too early. */
  readonly at: number;

  constructor(input: Uint8Array, length: number, at: number, what: string) {
    super('RDB_LZF', `an LZF block of ${input.length} bytes, declared to expand to ${length}, is damaged: ${what}.`, {
      where: `byte ${at} of the block`,
    });
    this.at = at;
  }
}

/**
 * Expands an LZF block.
 *
 * No memory is taken for what a damaged block declares: small blocks are expanded in the kernel's own memory first,
 * larger ones are walked through first.
 *
 * @param input compressed bytes, exactly the block
 * @param length expanded size in bytes, as the RDB declares it; nothing needs to be known of it
 * @returns a Buffer of its own, of `length` bytes
 * @throws {LzfError} when the block reads or writes past an end, or expands to another length
 * @see rdb-format.md 1.9 (liblzf's lzf_d.c)
 */
export function expandLzf(input: Uint8Array, length: number): Buffer {
  if (length > input.length * MOST_GROWTH) throw new LzfError(input, length, 0, 'no block of that size expands so far');
  if (input.length <= kernelInput.length && length <= kernelOutput.length) {
    kernelInput.set(input);
    if (expandLzfKernel(input.length, length)) return Buffer.from(kernelOutput.subarray(0, length));
  }
  // Beyond what the kernel takes, or damaged: the twin says how.
  const expanded = expandLzfTwin(input, length);
  if (!Buffer.isBuffer(expanded)) throw new LzfError(input, length, expanded.at, expanded.what);
  return expanded;
}
