// LZF (rdb-format.md 1.9), expanding only. What it does is said more plainly by walkLzf in lib/bytes/twin.ts.
import { INPUT, OUTPUT } from './memory';

/**
 * Expands the block in INPUT to OUTPUT.
 *
 * Copies go by vectors of 16 bytes and may write beyond a token's end: there the next token writes, or there is slack.
 *
 * @param inputLength at most INPUT_BYTES
 * @param length the expanded size, at most OUTPUT_BYTES
 * @returns whether the block is whole and expands to exactly `length` bytes
 */
export function expandLzf(inputLength: u32, length: u32): bool {
  return expandTo(INPUT, INPUT + inputLength, OUTPUT, OUTPUT + length);
}

/** The same, of the block from `input` to `inputEnd`, to exactly what lies from `start` to `outputEnd`. */
export function expandTo(input: usize, inputEnd: usize, start: usize, outputEnd: usize): bool {
  let output = start;
  while (input < inputEnd) {
    const control = <u32>load<u8>(input++);
    if (control < 32) {
      const count = control + 1;
      if (input + count > inputEnd || output + count > outputEnd) return false;
      v128.store(output, v128.load(input));
      if (count > 16) v128.store(output, v128.load(input, 16), 16);
      input += count;
      output += count;
      continue;
    }
    let count = (control >> 5) + 2;
    if (count == 9) {
      if (input >= inputEnd) return false;
      count += <u32>load<u8>(input++);
    }
    if (input >= inputEnd) return false;
    let from = output - ((control & 31) << 8) - <u32>load<u8>(input++) - 1;
    const end = output + count;
    if (from < start || end > outputEnd) return false;
    // What lies between `from` and `output` repeats: where it is shorter than a vector, each copy doubles it.
    while (output - from < 16 && output < end) {
      const period = output - from;
      v128.store(output, v128.load(from));
      output += period;
    }
    for (; output < end; output += 16, from += 16) v128.store(output, v128.load(from));
    output = end;
  }
  return output == outputEnd;
}
