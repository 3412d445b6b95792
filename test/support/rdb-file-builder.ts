// Builds whole RDB files, record by record.
import { type As, type BuiltValue, type Bytes, counted, length, littleEndian, string } from './rdb-builders.ts';

export class RdbFileBuilder {
  readonly #parts: Buffer[] = [];

  /** @param magic such as `REDIS0011` or `VALKEY080` */
  constructor(magic = 'REDIS0011') {
    this.#parts.push(Buffer.from(magic, 'latin1'));
  }

  /** Bytes as they are, also wrong ones. */
  raw(...bytes: (Buffer | number)[]): this {
    for (const each of bytes) this.#parts.push(typeof each === 'number' ? Buffer.of(each) : each);
    return this;
  }

  aux(name: string, value: Bytes, as: As = 'raw'): this {
    return this.raw(0xfa, string(name), string(value, as));
  }

  selectDb(db: number): this {
    return this.raw(0xfe, length(db));
  }

  resizeDb(keys: number, expires: number): this {
    return this.raw(0xfb, length(keys), length(expires));
  }

  /** The expiry of the next key, ms. */
  expireMs(at: bigint | number): this {
    return this.raw(0xfc, littleEndian(BigInt(at), 64));
  }

  /** The expiry of the next key, seconds, as old servers wrote it. */
  expireSeconds(at: number): this {
    return this.raw(0xfd, littleEndian(BigInt(at), 32));
  }

  idle(seconds: number): this {
    return this.raw(0xf8, length(seconds));
  }

  freq(counter: number): this {
    return this.raw(0xf9, counter);
  }

  key(name: Bytes, { type, value }: BuiltValue, as: As = 'raw'): this {
    return this.raw(type.code, string(name, as), value);
  }

  /** A function library: its source. */
  library(source: Bytes): this {
    return this.raw(0xf5, string(source));
  }

  /** Field names that hashes of the types 30 and 32 refer to. */
  hashTemplate(id: bigint, fields: readonly Bytes[]): this {
    return this.raw(0xf2, length(id), counted(fields.map((field) => string(field))));
  }

  moduleAux(id: bigint, when: 1 | 2, items: readonly Buffer[]): this {
    return this.raw(0xf7, length(id), length(2), length(when), ...items, length(0));
  }

  slotInfo(slot: number, keys: number, expires: number): this {
    return this.raw(0xf4, length(slot), length(keys), length(expires));
  }

  /** Everything so far, without an end mark. */
  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /**
   * The file.
   *
   * @param checksum `true` for the right one, `off` for the zeros of `rdbchecksum no`, `none` for files before version 5
   */
  end(checksum: true | 'off' | 'none' = true): Buffer {
    const body = Buffer.concat([...this.#parts, Buffer.of(0xff)]);
    if (checksum === 'none') return body;
    const crc = checksum === 'off' ? 0n : crc64(body);
    return Buffer.concat([body, littleEndian(crc, 64)]);
  }
}

/** Bit by bit from its definition (rdb-format.md 1.8), to be independent of the library's; slow. */
export function crc64(bytes: Uint8Array): bigint {
  let [high, low] = [0, 0];
  for (const byte of bytes) {
    low ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (odd === 1) {
        high ^= 0x95ac9329;
        low ^= 0xac4bc9b5;
      }
    }
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
