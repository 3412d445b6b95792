// SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
import { HASH, HASH_KEY, INPUT } from './memory';

const BLOCK_ROUNDS = 2;
const LAST_ROUNDS = 4;

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

/** Hashes the first `length` bytes of INPUT by the 16 bytes in HASH_KEY, into the 16 in HASH. Overwrites what follows them. */
export function sipHash(length: u32): void {
  const k0 = load<u64>(HASH_KEY);
  const k1 = load<u64>(HASH_KEY, 8);
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d ^ 0xee;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
  // The last word: what is left of the bytes, then zeros, and the length in its highest byte.
  const whole = length & ~7;
  store<u64>(INPUT + length, 0);
  store<u8>(INPUT + whole + 7, <u8>length);
  for (let at = INPUT; at <= INPUT + whole; at += 8) {
    const word = load<u64>(at);
    v3 ^= word;
    rounds(BLOCK_ROUNDS);
    v0 ^= word;
  }
  v2 ^= 0xee;
  rounds(LAST_ROUNDS);
  store<u64>(HASH, v0 ^ v1 ^ v2 ^ v3);
  v1 ^= 0xdd;
  rounds(LAST_ROUNDS);
  store<u64>(HASH, v0 ^ v1 ^ v2 ^ v3, 8);
}

// @ts-ignore: decorator
@inline
function rounds(count: i32): void {
  for (let i = 0; i < count; i++) {
    v0 += v1;
    v1 = rotl(v1, 13) ^ v0;
    v0 = rotl(v0, 32);
    v2 += v3;
    v3 = rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl(v1, 17) ^ v2;
    v2 = rotl(v2, 32);
  }
}
