// A small LZF compressor: makes the blocks that a server's own LZF would, for tests of what expands them.

const HASH_BITS = 14;
const MAX_DISTANCE = 8192;
const MAX_MATCH = 264;
const MAX_LITERALS = 32;

/**
 * Compresses greedily with one candidate per hash of three bytes, as liblzf does.
 *
 * @returns the block, or null where it would not be smaller than the input (servers then store the string plain)
 * @see rdb-format.md 1.9
 */
export function compressLzf(input: Uint8Array): Buffer | null {
  const seen = new Int32Array(1 << HASH_BITS).fill(-1);
  const out = Buffer.allocUnsafe(input.length + Math.ceil(input.length / MAX_LITERALS) + 1);
  let written = 0;
  let literalsFrom = 0;

  const flushLiterals = (to: number): void => {
    for (let from = literalsFrom; from < to; from += MAX_LITERALS) {
      const count = Math.min(MAX_LITERALS, to - from);
      out[written++] = count - 1;
      out.set(input.subarray(from, from + count), written);
      written += count;
    }
  };

  let at = 0;
  while (at + 2 < input.length) {
    const slot = hash(input, at);
    const candidate = seen[slot]!;
    seen[slot] = at;
    const length = candidate >= 0 && at - candidate <= MAX_DISTANCE ? matchLength(input, candidate, at) : 0;
    if (length < 3) {
      at++;
      continue;
    }
    flushLiterals(at);
    written = writeMatch(out, written, at - candidate, length);
    // Positions inside the match are candidates too: without them runs would compress badly.
    for (let inside = at + 1; inside < at + length && inside + 2 < input.length; inside++)
      seen[hash(input, inside)] = inside;
    at += length;
    literalsFrom = at;
  }
  flushLiterals(input.length);
  return written < input.length ? Buffer.from(out.subarray(0, written)) : null;
}

function hash(input: Uint8Array, at: number): number {
  const three = (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]!;
  return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function matchLength(input: Uint8Array, candidate: number, at: number): number {
  const limit = Math.min(MAX_MATCH, input.length - at);
  let length = 0;
  while (length < limit && input[candidate + length] === input[at + length]) length++;
  return length;
}

/** Writes a back reference; returns where the next token goes. */
function writeMatch(out: Buffer, at: number, distance: number, length: number): number {
  const back = distance - 1;
  const extra = length - 2;
  let next = at;
  if (extra < 7) {
    out[next++] = (extra << 5) | (back >> 8);
  } else {
    out[next++] = (7 << 5) | (back >> 8);
    out[next++] = extra - 7;
  }
  out[next++] = back & 0xff;
  return next;
}
