// UTF-8 as strictly as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.

/** Bytes of the character of more than one byte that begins at `at`; 0 where none does, or where it ends beyond `end`. */
export function utf8Size(bytes: Buffer, at: number, end: number): 0 | 2 | 3 | 4 {
  const first = bytes[at] as number;
  if (first < 0xc2) return 0; // no first byte, or an overlong form of ASCII
  if (first < 0xe0) return at + 2 <= end && isContinuation(bytes[at + 1]) ? 2 : 0;
  const second = bytes[at + 1] as number;
  if (first < 0xf0) {
    const lowest = first === 0xe0 ? 0xa0 : 0x80; // overlong below
    const highest = first === 0xed ? 0x9f : 0xbf; // surrogates above
    return at + 3 <= end && second >= lowest && second <= highest && isContinuation(bytes[at + 2]) ? 3 : 0;
  }
  if (first > 0xf4 || at + 4 > end) return 0;
  const lowest = first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xf4 ? 0x8f : 0xbf;
  const fits = second >= lowest && second <= highest && isContinuation(bytes[at + 2]) && isContinuation(bytes[at + 3]);
  return fits ? 4 : 0;
}

/** Where the last whole character ends: `bytes.length`, or up to 3 less where a character's end is still to come. */
export function wholeCharacters(bytes: Buffer): number {
  const { length } = bytes;
  for (let at = length - 1; at >= Math.max(0, length - 3); at--) {
    const byte = bytes[at] as number;
    if (isContinuation(byte)) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return at + size > length ? at : length;
  }
  return length;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
