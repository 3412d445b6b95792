// LZF compression of millions of short strings: no memory is taken or cleared a call (test/support has a plainer one).

const HASH_BITS = 14;
const LONGEST_LITERAL = 32;
const LONGEST_MATCH = 264;
const FARTHEST = 8192;

/** Positions by hash of three bytes, counted from {@link base}: what an earlier call left behind lies below it. */
const seen = new Int32Array(1 << HASH_BITS);
let base = 1;

/**
 * Compresses `input[start..end)` into `output` from `at` on.
 *
 * @param limit bytes that may be written
 * @returns bytes written; 0 when they would be more than `limit`
 * @see rdb-format.md 1.9
 */
export function compressLzf(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
  limit: number,
): number {
  const stop = at + limit;
  // stored positions are relative to `start`, so that one table serves inputs of any place
  if (base > 0x7000_0000) {
    seen.fill(0);
    base = 1;
  }
  const bias = base - start;
  base += end - start;

  let position = start;
  let literals = start;
  let write = at;
  while (position + 2 < end) {
    const three = (input[position]! << 16) | (input[position + 1]! << 8) | input[position + 2]!;
    const slot = Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = seen[slot]! - bias;
    seen[slot] = position + bias;
    const distance = position - candidate;
    if (
      candidate < start ||
      distance > FARTHEST ||
      input[candidate] !== input[position] ||
      input[candidate + 1] !== input[position + 1] ||
      input[candidate + 2] !== input[position + 2]
    ) {
      position++;
      continue;
    }
    const longest = Math.min(LONGEST_MATCH, end - position);
    let length = 3;
    while (length < longest && input[candidate + length] === input[position + length]) length++;

    write = writeLiterals(input, literals, position, output, write, stop);
    if (write < 0 || write + 3 > stop) return 0;
    const high = (distance - 1) >>> 8;
    if (length - 2 < 7) {
      output[write++] = ((length - 2) << 5) | high;
    } else {
      output[write++] = (7 << 5) | high;
      output[write++] = length - 2 - 7;
    }
    output[write++] = (distance - 1) & 0xff;
    position += length;
    literals = position;
  }
  write = writeLiterals(input, literals, end, output, write, stop);
  return write < 0 ? 0 : write - at;
}

/** Runs of literals, each behind its count; −1 when they do not fit before `stop`. */
function writeLiterals(
  input: Uint8Array,
  from: number,
  to: number,
  output: Uint8Array,
  at: number,
  stop: number,
): number {
  let write = at;
  for (let run = from; run < to; run += LONGEST_LITERAL) {
    const runEnd = Math.min(run + LONGEST_LITERAL, to);
    if (write + 1 + runEnd - run > stop) return -1;
    output[write++] = runEnd - run - 1;
    for (let index = run; index < runEnd; index++) output[write++] = input[index]!;
  }
  return write;
}
