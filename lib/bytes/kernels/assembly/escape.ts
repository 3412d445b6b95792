// Text to the inside of a JSON string. What it does is said more plainly by lib/targets/json/json-buffer.ts.
import { INPUT, INPUT_BYTES, OUTPUT } from './memory';

/** By ASCII byte: the escape sequence, lowest byte first, and its length in the highest byte. */
const ESCAPES: usize = memory.data(128 * 8, 16);

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

for (let byte: u32 = 0; byte < 0x20; byte++) {
  const digit = byte & 15;
  const hex = <u64>(digit < 10 ? 0x30 + digit : 0x57 + digit);
  // \u00XY
  store<u64>(ESCAPES + (byte << 3), 0x0600_0000_3030_755c | (<u64>(0x30 + (byte >> 4)) << 32) | (hex << 40));
}
escapeShortly(8, 0x62); // \b
escapeShortly(9, 0x74); // \t
escapeShortly(10, 0x6e); // \n
escapeShortly(12, 0x66); // \f
escapeShortly(13, 0x72); // \r
escapeShortly(QUOTE, QUOTE);
escapeShortly(BACKSLASH, BACKSLASH);

function escapeShortly(byte: u32, letter: u64): void {
  store<u64>(ESCAPES + (byte << 3), 0x0200_0000_0000_005c | (letter << 8));
}

/**
 * Escapes `length` bytes that begin `start` bytes into OUTPUT; the result goes to INPUT.
 *
 * @returns the length of the result; -1 where the bytes are no UTF-8 or hold a 0, or where the result may not fit
 */
export function escapeText(start: u32, length: u32): i32 {
  const end = escapeTo(OUTPUT + start, OUTPUT + start + length, INPUT, INPUT + INPUT_BYTES - 16);
  return end == 0 ? -1 : <i32>(end - INPUT);
}

/**
 * Escapes what lies from `input` to `end`. Whole vectors are copied, of which what follows an escaped byte is written
 * again: up to 16 bytes behind `outputEnd` are touched.
 *
 * @returns where the result ends; 0 where the bytes are no UTF-8 or hold a 0, or where the result goes beyond `outputEnd`
 */
export function escapeTo(input: usize, end: usize, output: usize, outputEnd: usize): usize {
  while (input < end) {
    if (output > outputEnd) return 0;
    const block = v128.load(input);
    v128.store(output, block);
    // Signed: bytes from 0x80 on are below 0x20 too.
    const special = v128.or(
      i8x16.lt_s(block, i8x16.splat(0x20)),
      v128.or(i8x16.eq(block, i8x16.splat(QUOTE)), i8x16.eq(block, i8x16.splat(BACKSLASH))),
    );
    // A bit above the 16 stops the count where no byte is special.
    const plain = min<u32>(<u32>ctz(i8x16.bitmask(special) | 0x10000), <u32>(end - input));
    input += plain;
    output += plain;
    if (plain == 16 || input >= end) continue;
    const byte = <u32>load<u8>(input);
    if (byte < 0x80) {
      if (byte == 0) return 0;
      const escape = load<u64>(ESCAPES + (byte << 3));
      store<u64>(output, escape);
      output += <usize>(escape >> 56);
      input++;
    } else {
      const size = characterSize(input, end);
      if (size == 0) return 0;
      store<u32>(output, load<u32>(input));
      output += size;
      input += size;
    }
  }
  return output;
}

/** Bytes of the character of more than one byte at `at` (RFC 3629); 0 where there is none. */
function characterSize(at: usize, end: usize): u32 {
  const first = <u32>load<u8>(at);
  const second = <u32>load<u8>(at, 1);
  if (first < 0xc2 || first > 0xf4) return 0;
  const size: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const lowest: u32 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const highest: u32 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at + size > end || second < lowest || second > highest) return 0;
  if (size >= 3 && (load<u8>(at, 2) & 0xc0) != 0x80) return 0;
  if (size == 4 && (load<u8>(at, 3) & 0xc0) != 0x80) return 0;
  return size;
}
