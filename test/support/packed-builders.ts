// Builds listpacks, ziplists, zipmaps and intsets byte by byte, written from the format and not from the decoder.

/** Text stands for its UTF-8 bytes. */
export type Bytes = Buffer | string;
/** A number is written in the narrowest encoding, or in the one that `width` says. */
export type PackedItem = Bytes | number | bigint | { number: bigint; width: 'u7' | 'i13' | 8 | 16 | 24 | 32 | 64 };

export function toBuffer(bytes: Bytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}

/** A two's complement number of `bits` bits, little endian. */
export function littleEndian(value: bigint, bits: number): Buffer {
  const bytes = Buffer.alloc(bits / 8);
  let rest = BigInt.asUintN(bits, value);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function fits(value: bigint, bits: number): boolean {
  return BigInt.asIntN(bits, value) === value;
}

/** @param numele what the header says; the number of items when not given */
export function listpack(items: readonly PackedItem[], { numele }: { numele?: number } = {}): Buffer {
  const body = Buffer.concat(items.map(listpackEntry));
  const header = Buffer.alloc(6);
  header.writeUInt32LE(6 + body.length + 1, 0);
  header.writeUInt16LE(numele ?? Math.min(items.length, 0xffff), 4);
  return Buffer.concat([header, body, Buffer.of(0xff)]);
}

export function listpackEntry(item: PackedItem): Buffer {
  const entry = listpackData(item);
  return Buffer.concat([entry, listpackBacklen(entry.length)]);
}

function listpackData(item: PackedItem): Buffer {
  if (typeof item === 'string' || Buffer.isBuffer(item)) {
    const text = toBuffer(item);
    if (text.length < 64) return Buffer.concat([Buffer.of(0x80 | text.length), text]);
    if (text.length < 4096) return Buffer.concat([Buffer.of(0xe0 | (text.length >> 8), text.length & 0xff), text]);
    return Buffer.concat([Buffer.of(0xf0), littleEndian(BigInt(text.length), 32), text]);
  }
  const value = typeof item === 'object' ? item.number : BigInt(item);
  const width = typeof item === 'object' ? item.width : narrowest(value);
  switch (width) {
    case 'u7':
      return Buffer.of(Number(value));
    case 'i13': {
      const low = Number(BigInt.asUintN(13, value));
      return Buffer.of(0xc0 | (low >> 8), low & 0xff);
    }
    case 16:
      return Buffer.concat([Buffer.of(0xf1), littleEndian(value, 16)]);
    case 24:
      return Buffer.concat([Buffer.of(0xf2), littleEndian(value, 24)]);
    case 32:
      return Buffer.concat([Buffer.of(0xf3), littleEndian(value, 32)]);
  }
  return Buffer.concat([Buffer.of(0xf4), littleEndian(value, 64)]);
}

function narrowest(value: bigint): 'u7' | 'i13' | 16 | 24 | 32 | 64 {
  if (value >= 0n && value < 128n) return 'u7';
  if (fits(value, 13)) return 'i13';
  if (fits(value, 16)) return 16;
  if (fits(value, 24)) return 24;
  return fits(value, 32) ? 32 : 64;
}

function listpackBacklen(size: number): Buffer {
  const sevens = [size & 0x7f];
  // The servers' own steps (lpEncodeBacklen): a further byte one early, from 16,383 and not 16,384 on.
  const further = size <= 127 ? 0 : size < 16383 ? 1 : size < 2097151 ? 2 : size < 268435455 ? 3 : 4;
  for (let i = 1; i <= further; i++) sevens.unshift(Math.floor(size / 2 ** (7 * i)) & 0x7f);
  return Buffer.from(sevens.map((seven, i) => (i === 0 ? seven : seven | 0x80)));
}

/** @param widePrevious entries whose length of the one before is written in five bytes though one would do */
export function ziplist(
  items: readonly PackedItem[],
  { zllen, widePrevious = [] }: { zllen?: number; widePrevious?: readonly number[] } = {},
): Buffer {
  const entries: Buffer[] = [];
  items.forEach((item, i) => {
    const previous = entries.at(-1)?.length ?? 0;
    const wide = previous >= 254 || widePrevious.includes(i);
    const head = wide ? Buffer.concat([Buffer.of(0xfe), littleEndian(BigInt(previous), 32)]) : Buffer.of(previous);
    entries.push(Buffer.concat([head, ziplistData(item)]));
  });
  const body = Buffer.concat(entries);
  const header = Buffer.alloc(10);
  header.writeUInt32LE(10 + body.length + 1, 0);
  header.writeUInt32LE(10 + body.length - (entries.at(-1)?.length ?? 0), 4);
  header.writeUInt16LE(zllen ?? Math.min(items.length, 0xffff), 8);
  return Buffer.concat([header, body, Buffer.of(0xff)]);
}

function ziplistData(item: PackedItem): Buffer {
  if (typeof item === 'string' || Buffer.isBuffer(item)) {
    const text = toBuffer(item);
    if (text.length < 64) return Buffer.concat([Buffer.of(text.length), text]);
    if (text.length < 16384) return Buffer.concat([Buffer.of(0x40 | (text.length >> 8), text.length & 0xff), text]);
    const head = Buffer.alloc(5, 0x80);
    head.writeUInt32BE(text.length, 1);
    return Buffer.concat([head, text]);
  }
  const value = typeof item === 'object' ? item.number : BigInt(item);
  const width = typeof item === 'object' ? item.width : undefined;
  if (width === undefined && value >= 0n && value <= 12n) return Buffer.of(0xf1 + Number(value));
  const bits = width ?? [8, 16, 24, 32].find((each) => fits(value, each)) ?? 64;
  const head = { 8: 0xfe, 16: 0xc0, 24: 0xf0, 32: 0xd0, 64: 0xe0 }[bits as 8];
  return Buffer.concat([Buffer.of(head), littleEndian(value, bits as number)]);
}

/** @param free unused bytes behind each value */
export function zipmap(
  pairs: readonly (readonly [Bytes, Bytes])[],
  { free = 0, zmlen }: { free?: number; zmlen?: number } = {},
): Buffer {
  const length = (count: number): Buffer =>
    count < 254 ? Buffer.of(count) : Buffer.concat([Buffer.of(254), littleEndian(BigInt(count), 32)]);
  const parts = pairs.map(([field, value]) => {
    const [f, v] = [toBuffer(field), toBuffer(value)];
    return Buffer.concat([length(f.length), f, length(v.length), Buffer.of(free), v, Buffer.alloc(free, 0x2e)]);
  });
  return Buffer.concat([Buffer.of(zmlen ?? Math.min(pairs.length, 254)), ...parts, Buffer.of(0xff)]);
}

/** Members as given: they are to rise. */
export function intset(members: readonly (number | bigint)[], width?: 2 | 4 | 8): Buffer {
  const values = members.map(BigInt);
  const bytes = width ?? ([2, 4, 8] as const).find((each) => values.every((value) => fits(value, each * 8))) ?? 8;
  const header = Buffer.alloc(8);
  header.writeUInt32LE(bytes, 0);
  header.writeUInt32LE(values.length, 4);
  return Buffer.concat([header, ...values.map((value) => littleEndian(value, bytes * 8))]);
}
