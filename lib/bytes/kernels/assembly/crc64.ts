// CRC64 (Jones, rdb-format.md 1.8) by two methods: tables for what is short, folding for what is long.
import { INPUT, REACH, REST, STATE } from './memory';

/** The polynomial, lowest power in the highest bit, as reflected CRCs have it. */
const POLYNOMIAL: u64 = 0x95AC9329AC4BC9B5;

/** From this length on folding is faster: before, its fixed cost (the tables over the last REACH bytes) outweighs it. */
const FOLD_FROM: u32 = 8 * 1024;

/** 16 tables of 256: the entry for byte b in table t is the CRC of b and t zero bytes after it. */
const TABLES: usize = memory.data(16 * 256 * 8, 16);
/** Bytes of a table. */
const TABLE: usize = 256 * 8;
/** What is left of a word that was shifted so that one of its bytes, times 8, is an entry's place. */
const MASK: u32 = 255 * 8;

for (let byte: u32 = 0; byte < 256; byte++) {
  let crc: u64 = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  store<u64>(TABLES + (byte << 3), crc);
}
for (let entry: u32 = 256; entry < 16 * 256; entry++) {
  const before = load<u64>(TABLES + ((entry - 256) << 3));
  store<u64>(TABLES + (entry << 3), (before >> 8) ^ load<u64>(TABLES + (<u32>(before & 0xff) << 3)));
}

/** Replaces the CRC in STATE by that of the same bytes and `length` more, which are in INPUT. Overwrites INPUT. */
export function crc64(length: u32): void {
  let crc = load<u64>(STATE);
  if (length < FOLD_FROM) {
    crc = byTables(crc, INPUT, INPUT + length);
  } else {
    // A CRC so far is the same as that much added to the next eight bytes.
    store<u64>(INPUT, load<u64>(INPUT) ^ crc);
    fold(length);
    crc = byTables(0, REST, REST + REACH + (length & 15));
  }
  store<u64>(STATE, crc);
}

/** "Slicing": the CRC is linear, so that of 16 bytes is the sum of each byte's own, which do not wait for each other. */
function byTables(crc: u64, at: usize, end: usize): u64 {
  for (; at + 16 <= end; at += 16) crc = eightAndZeros(crc ^ load<u64>(at)) ^ eight(load<u64>(at, 8));
  if (at + 8 <= end) {
    crc = eight(crc ^ load<u64>(at));
    at += 8;
  }
  if (at < end) {
    // Fewer than eight: moved to the end of a word, since zeros before a message add nothing to a CRC.
    const bits = (end - at) << 3;
    crc = eight((crc ^ load<u64>(at)) << (64 - bits)) ^ (crc >> bits);
  }
  return crc;
}

/** The CRC of eight bytes. In halves, since 32-bit shifts and masks are shorter instructions. */
// @ts-ignore: decorator
@inline
function eight(word: u64): u64 {
  const low = <u32>word;
  const high = <u32>(word >> 32);
  return (
    (load<u64>((low << 3) & MASK, TABLES + 7 * TABLE) ^ load<u64>((low >> 5) & MASK, TABLES + 6 * TABLE)) ^
    (load<u64>((low >> 13) & MASK, TABLES + 5 * TABLE) ^ load<u64>((low >> 21) & MASK, TABLES + 4 * TABLE)) ^
    (load<u64>((high << 3) & MASK, TABLES + 3 * TABLE) ^ load<u64>((high >> 5) & MASK, TABLES + 2 * TABLE)) ^
    (load<u64>((high >> 13) & MASK, TABLES + TABLE) ^ load<u64>((high >> 21) & MASK, TABLES))
  );
}

/** The CRC of eight bytes and eight zero bytes. */
// @ts-ignore: decorator
@inline
function eightAndZeros(word: u64): u64 {
  const low = <u32>word;
  const high = <u32>(word >> 32);
  return (
    (load<u64>((low << 3) & MASK, TABLES + 15 * TABLE) ^ load<u64>((low >> 5) & MASK, TABLES + 14 * TABLE)) ^
    (load<u64>((low >> 13) & MASK, TABLES + 13 * TABLE) ^ load<u64>((low >> 21) & MASK, TABLES + 12 * TABLE)) ^
    (load<u64>((high << 3) & MASK, TABLES + 11 * TABLE) ^ load<u64>((high >> 5) & MASK, TABLES + 10 * TABLE)) ^
    (load<u64>((high >> 13) & MASK, TABLES + 9 * TABLE) ^ load<u64>((high >> 21) & MASK, TABLES + 8 * TABLE))
  );
}

/**
 * Makes REACH bytes and the odd ones at the end, left in REST, that have the same CRC as the whole input.
 *
 * The polynomial P divides a polynomial of 13 terms, which says that a bit has the same CRC as twelve later ones do
 * together, 8, 15, 75, 86, 94, 113, 170, 178, 183, 190, 230 and 250 places on. Squaring such a polynomial only doubles
 * its exponents (in GF(2) all cross terms cancel), so the same holds for places of 128 bits: a vector can be cleared if
 * it is added to the twelve vectors at those distances. What reaches the last 250 vectors is what is left. So each vector
 * costs twelve loads and additions, whatever P is, and neither tables nor a carry-less product, which WebAssembly lacks.
 *
 * After S. Russell, "Chorba: A novel CRC32 implementation" (arXiv 2412.16398). The twelve distances were found for this
 * P by a birthday search; the tests prove them. Fewer terms exist only with a longer reach: 9 with 1145 vectors.
 */
function fold(length: u32): void {
  const end = INPUT + (length & ~15);
  const left = end - REACH;
  let at = INPUT;
  for (; at < left; at += 16) v128.store(at, v128.xor(v128.load(at), reaching(at)));
  memory.copy(REST, left, REACH + (length & 15));
  memory.fill(left, 0, REACH);
  for (let rest = REST; at < end; at += 16, rest += 16) v128.store(rest, v128.xor(v128.load(rest), reaching(at)));
}

/** The sum of what earlier vectors add to the one at `at`. Constant distances become part of the load instructions. */
// @ts-ignore: decorator
@inline
function reaching(at: usize): v128 {
  const base = at - REACH;
  const a = v128.xor(v128.load(base, REACH - 8 * 16), v128.load(base, REACH - 15 * 16));
  const b = v128.xor(v128.load(base, REACH - 75 * 16), v128.load(base, REACH - 86 * 16));
  const c = v128.xor(v128.load(base, REACH - 94 * 16), v128.load(base, REACH - 113 * 16));
  const d = v128.xor(v128.load(base, REACH - 170 * 16), v128.load(base, REACH - 178 * 16));
  const e = v128.xor(v128.load(base, REACH - 183 * 16), v128.load(base, REACH - 190 * 16));
  const f = v128.xor(v128.load(base, REACH - 230 * 16), v128.load(base));
  return v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(e, f));
}
