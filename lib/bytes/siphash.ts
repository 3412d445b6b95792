// SipHash-2-4 with 128 bits: a hash that nobody can steer who does not know its key.
import { kernelHash, kernelHashKey, kernelInput, sipHashKernel } from './kernels.ts';

const KEY_BYTES = 16;
/** The kernel pads what it hashes. */
const MOST_BYTES = kernelInput.length - 16;
/** Up to here bytes copied one by one reach the kernel sooner than by a call. */
const SHORT = 64;

export class SipHash {
  readonly #key = new Uint32Array(KEY_BYTES / 4);

  /** @param key 16 random bytes */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new RangeError(`the key has ${key.length} bytes, not ${KEY_BYTES}`);
    for (let word = 0; word < this.#key.length; word++) this.#key[word] = key.readUInt32LE(4 * word);
  }

  /**
   * Hashes up to 4 MiB.
   *
   * @param tweak is put into the key, so that hashes with two tweaks have nothing to do with each other; 32 bits
   * @returns four words, little endian, that stay until the next call of any hash
   * @throws {RangeError} for more bytes
   */
  hash(bytes: Uint8Array, tweak = 0): Uint32Array {
    const { length } = bytes;
    if (length > MOST_BYTES) throw new RangeError(`${length} bytes are too many to be hashed at once`);
    if (length > SHORT) kernelInput.set(bytes);
    else for (let i = 0; i < length; i++) kernelInput[i] = bytes[i] as number;
    kernelHashKey.set(this.#key);
    kernelHashKey[0] = (kernelHashKey[0] as number) ^ tweak;
    sipHashKernel(length);
    return kernelHash;
  }
}
