// CRC64 and LZF in plain TypeScript: what the WebAssembly kernels do, said so that it can be read, and their measure in
// tests.

/** The polynomial of CRC64 "Jones", lowest power in the highest bit (rdb-format.md 1.8). */
export const CRC64_POLYNOMIAL = 0x95ac9329ac4bc9b5n;

/** The CRC of each single byte. */
const ofByte = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? CRC64_POLYNOMIAL : 0n);
  return crc;
});

/** The CRC64 of `bytes`, or of what had the CRC `state` and `bytes` after it. */
export function crc64Twin(bytes: Uint8Array, state = 0n): bigint {
  let crc = state;
  for (const byte of bytes) crc = (crc >> 8n) ^ ofByte[Number(crc & 0xffn) ^ byte]!;
  return crc;
}

/** What is wrong with an LZF block. */
export interface LzfFault {
  /** Offset in bytes, in the block, of the token that is at fault; the block's length when it ends too early. */
  readonly at: number;
  readonly what: string;
}

/** The expanded block, or what is wrong with it. Takes no memory for a block that is at fault, whatever it declares. */
export function expandLzfTwin(input: Uint8Array, length: number): Buffer | LzfFault {
  const fault = walkLzf(input, length);
  if (fault !== undefined) return fault;
  const output = Buffer.allocUnsafe(length);
  walkLzf(input, length, output);
  return output;
}

/**
 * Goes through a block's tokens (rdb-format.md 1.9), and writes what they stand for where an output is given.
 *
 * @param length the expanded size in bytes
 * @returns what is wrong, `undefined` when the block is whole and expands to exactly `length` bytes
 */
function walkLzf(input: Uint8Array, length: number, output?: Uint8Array): LzfFault | undefined {
  let read = 0;
  let written = 0;
  while (read < input.length) {
    const at = read;
    const control = input[read++]!;
    if (control < 32) {
      const count = control + 1;
      if (read + count > input.length) return { at, what: 'it ends within literal bytes' };
      if (written + count > length) return { at, what: 'it expands to more than that' };
      if (output !== undefined) for (let i = 0; i < count; i++) output[written + i] = input[read + i]!;
      read += count;
      written += count;
    } else {
      const long = control >> 5 === 7;
      if (read + (long ? 2 : 1) > input.length) return { at, what: 'it ends within a back reference' };
      const count = (control >> 5) + 2 + (long ? input[read++]! : 0);
      const distance = ((control & 31) << 8) + input[read++]! + 1;
      if (distance > written) return { at, what: `it refers to ${distance - written} bytes before its own beginning` };
      if (written + count > length) return { at, what: 'it expands to more than that' };
      // Byte by byte: a reference may reach into what it is writing, and then repeats it.
      if (output !== undefined) for (let i = 0; i < count; i++) output[written + i] = output[written + i - distance]!;
      written += count;
    }
  }
  return written === length ? undefined : { at: read, what: `it expands to ${written} bytes` };
}
