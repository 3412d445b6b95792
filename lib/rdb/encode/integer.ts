// Tells which strings a server keeps as numbers: those that are exactly what printing the number gives.

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Digits of which any number is exact as a double. */
const SAFE_DIGITS = 15;
/** Digits of the largest and smallest numbers of 64 bits. */
const MOST_DIGITS = 19;

/**
 * The number that these bytes are in canonical decimal form (no sign but `-`, no leading zero, no `-0`), a `bigint` where
 * it has more than 15 digits; `undefined` for anything else and for what 64 bits do not hold.
 *
 * @see string2ll in util.c, lpStringToInt64 in listpack.c: the two agree
 */
export function canonicalInteger(bytes: Uint8Array): number | bigint | undefined {
  const start = bytes[0] === MINUS ? 1 : 0;
  const digits = bytes.length - start;
  if (digits < 1 || digits > MOST_DIGITS) return undefined;
  if (bytes[start] === ZERO) return bytes.length === 1 ? 0 : undefined;
  let value = 0;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < ZERO || byte > NINE) return undefined;
    value = value * 10 + (byte - ZERO);
  }
  if (digits <= SAFE_DIGITS) return start === 1 ? -value : value;
  const exact = BigInt(String.fromCharCode(...bytes));
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
}
