// A write buffer that grows: numbers and bytes are appended, the whole is taken out or cleared.

/** Bytes appended so far are `bytes[0]` to `bytes[length − 1]`. `clear` keeps the memory. */
export class ByteBuffer {
  bytes: Buffer;
  length = 0;

  /** @param capacity bytes of memory at the start; it doubles when they are used up */
  constructor(capacity = 4096) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  /** What was appended, without a copy: valid until the next append. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for `count` more bytes and returns where they begin; the caller fills them all. */
  grow(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, start);
      this.bytes = larger;
    }
    this.length = end;
    return start;
  }

  u8(value: number): void {
    const at = this.grow(1);
    this.bytes[at] = value;
  }

  u16le(value: number): void {
    const at = this.grow(2);
    this.bytes.writeUInt16LE(value, at);
  }

  u32be(value: number): void {
    const at = this.grow(4);
    this.bytes.writeUInt32BE(value, at);
  }

  /** A whole number of at most 53 bits as 64-bit little endian. */
  u64le(value: number): void {
    const at = this.grow(8);
    this.bytes.writeUInt32LE(value % 0x1_0000_0000, at);
    this.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
  }

  doubleLe(value: number): void {
    const at = this.grow(8);
    this.bytes.writeDoubleLE(value, at);
  }

  append(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.grow(end - start);
    if (end - start < 48) {
      // a native copy costs more than this loop where there are few bytes
      for (let from = start, to = at; from < end; ) this.bytes[to++] = source[from++]!;
    } else {
      this.bytes.set(source.subarray(start, end), at);
    }
  }

  /** Text of one-byte characters. */
  ascii(text: string): void {
    const at = this.grow(text.length);
    for (let index = 0; index < text.length; index++) this.bytes[at + index] = text.charCodeAt(index);
  }
}
