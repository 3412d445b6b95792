// Writes intsets: the members of a set of numbers, sorted, in the narrowest width that holds them all.

/** Members up to which servers keep a set of numbers so (set-max-intset-entries). */
export const MOST_MEMBERS = 512;

const HEADER_BYTES = 8;

/** @param members distinct, of up to 64 bits; at least one */
export function intset(members: readonly (number | bigint)[]): Buffer {
  const sorted = members.toSorted((a, b) => (a < b ? -1 : 1));
  const width = Math.max(widthOf(sorted[0] as number | bigint), widthOf(sorted.at(-1) as number | bigint));
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + width * sorted.length);
  bytes.writeUInt32LE(width, 0);
  bytes.writeUInt32LE(sorted.length, 4);
  let at = HEADER_BYTES;
  for (const member of sorted) {
    if (width === 8) at = bytes.writeBigInt64LE(BigInt(member), at);
    else at = bytes.writeIntLE(Number(member), at, width);
  }
  return bytes;
}

function widthOf(member: number | bigint): 2 | 4 | 8 {
  if (member >= -0x8000 && member <= 0x7fff) return 2;
  return member >= -0x8000_0000 && member <= 0x7fff_ffff ? 4 : 8;
}
