// CRC64 "Jones", the checksum of RDB files and DUMP payloads: running, of a range, of two ranges joined.
//
// Init 0, no final XOR, stored little endian (rdb-format.md 1.8). So zeros before a message do not change its CRC, and
// the CRC is linear: that is what joining two rests on.
import { crc64Kernel, kernelInput, kernelInputWords, kernelState, kernelStateHalves } from './kernels.ts';
import { CRC64_POLYNOMIAL } from './twin.ts';

/** Bytes that go to the kernel at once: few calls, and both copies stay in the processor's second cache. */
const BLOCK = 128 * 1024;

/** Up to here words copied one by one reach the kernel sooner than a view made and copied. */
const SHORT = 128;

/** A running CRC64. Saved as its `value`, resumed by `new Crc64(value)`. */
export class Crc64 {
  #value: bigint;

  /** @param state the CRC of what went before, unsigned */
  constructor(state = 0n) {
    this.#value = BigInt.asUintN(64, state);
  }

  /** Takes in `bytes` from `start` up to `end`. @throws {RangeError} when there are no such bytes */
  update(bytes: Uint8Array, start = 0, end = bytes.length): this {
    checkRange(bytes, start, end);
    kernelState[0] = this.#value;
    run(bytes, start, end);
    this.#value = kernelState[0];
    return this;
  }

  /** The CRC of all bytes so far, unsigned. */
  get value(): bigint {
    return this.#value;
  }
}

/** The CRC64 of `bytes` from `start` up to `end`, unsigned. @throws {RangeError} when there are no such bytes */
export function crc64(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  return new Crc64().update(bytes, start, end).value;
}

/** A view of the buffer that was written last: a writer fills one buffer for long. */
let viewed: ArrayBufferLike = new ArrayBuffer(0);
let view: DataView<ArrayBufferLike> = new DataView(viewed);

/**
 * Writes the CRC64 of `into[from..to)` as 8 bytes, little endian, at `at`.
 *
 * Made for one call a key: no bigint, and up to 128 bytes no allocation while the buffer stays the same.
 *
 * @throws {RangeError} when either range is not within `into`
 */
export function writeCrc64(into: Uint8Array, at: number, from: number, to: number): void {
  checkRange(into, from, to);
  checkRange(into, at, at + 8);
  if (into.buffer !== viewed) {
    viewed = into.buffer;
    view = new DataView(viewed);
  }
  kernelStateHalves[0] = 0;
  kernelStateHalves[1] = 0;
  const base = into.byteOffset;
  if (to - from <= SHORT) runShort(base + from, to - from);
  else run(into, from, to);
  view.setInt32(base + at, kernelStateHalves[0]!, true);
  view.setInt32(base + at + 4, kernelStateHalves[1]!, true);
}

/** Takes a range, which the caller has checked, into the kernel's state. */
function run(bytes: Uint8Array, start: number, end: number): void {
  for (let from = start; from < end; from += BLOCK) {
    const to = Math.min(from + BLOCK, end);
    kernelInput.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
    crc64Kernel(to - from);
  }
}

/** The same for `count` bytes of the view, at most SHORT. */
function runShort(start: number, count: number): void {
  const words = count >> 2;
  for (let word = 0; word < words; word++) kernelInputWords[word] = view.getInt32(start + word * 4, true);
  for (let byte = words * 4; byte < count; byte++) kernelInput[byte] = view.getUint8(start + byte);
  crc64Kernel(count);
}

function checkRange(bytes: Uint8Array, start: number, end: number): void {
  if (!(start >= 0 && start <= end && end <= bytes.length)) {
    throw new RangeError(`bytes ${start} to ${end} are not within ${bytes.length}`);
  }
}

/**
 * The CRC64 of A and B after it, from the CRC64 of each.
 *
 * @param first CRC of A
 * @param second CRC of B
 * @param secondBytes length of B in bytes, up to 2^53
 */
export function combineCrc64(first: bigint, second: bigint, secondBytes: number): bigint {
  if (!Number.isSafeInteger(secondBytes) || secondBytes < 0) {
    throw new RangeError(`${secondBytes} is no length in bytes`);
  }
  // B's CRC does not know of A, and A's then goes on over as many zeros as B has bytes: times x^8 for each, modulo P.
  let shifted = first;
  for (let power = 0, rest = secondBytes; rest > 0; power++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shifted = multiply(shifted, zeroBytes(power));
  }
  return shifted ^ second;
}

/** x^8, x^16, x^32, … modulo P: each the square of the one before. x^0 is the highest bit. */
const powers = [1n << 55n];

/** What appending 2^power zero bytes multiplies a CRC by. */
function zeroBytes(power: number): bigint {
  for (let last = powers.length - 1; last < power; last++) powers.push(multiply(powers[last]!, powers[last]!));
  return powers[power]!;
}

/** The product of two polynomials modulo P, lowest power in the highest bit. */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 63n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = (shifted >> 1n) ^ (shifted & 1n ? CRC64_POLYNOMIAL : 0n);
  }
  return product;
}
