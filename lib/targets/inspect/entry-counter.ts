// Counts the entries of a container whose own count was too small a field for them, while its bytes arrive in pieces.

export type PackedKind = 'listpack' | 'ziplist' | 'zipmap';

/** Bytes in front of the first entry. */
const HEADER_BYTES: Readonly<Record<PackedKind, number>> = { listpack: 6, ziplist: 10, zipmap: 1 };
const END = 0xff;
/** The longest head of an entry: ziplist, a length of the entry before and one of its own, five bytes each. */
const HEAD_BYTES = 10;

export class EntryCounter {
  /** Entries so far; of a zipmap its strings, two for each pair. */
  count = 0;
  readonly #kind: PackedKind;
  /** Bytes to pass before the next entry begins. */
  #skip: number;
  /** The bytes of a head that a piece's end cut through. */
  #held = Buffer.alloc(0);
  #ended = false;

  constructor(kind: PackedKind) {
    this.#kind = kind;
    this.#skip = HEADER_BYTES[kind];
  }

  push(piece: Buffer, last = false): void {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let at = this.#skip;
    while (!this.#ended && (at + HEAD_BYTES <= bytes.length || (last && at < bytes.length))) {
      if (bytes[at] === END) {
        this.#ended = true;
        break;
      }
      at += this.#entryBytes(bytes, at);
      this.count++;
    }
    this.#held = at < bytes.length && !last ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0);
    this.#skip = Math.max(0, at - bytes.length);
  }

  /** Says that no piece follows. */
  end(): number {
    this.push(Buffer.alloc(0), true);
    return this.count;
  }

  #entryBytes(bytes: Buffer, at: number): number {
    switch (this.#kind) {
      case 'listpack':
        return listpackEntry(bytes, at);
      case 'ziplist': {
        const previous = bytes[at] === 0xfe ? 5 : 1;
        return previous + ziplistEntry(bytes, at + previous);
      }
      case 'zipmap': {
        const wide = bytes[at] === 0xfe;
        const length = wide ? u32(bytes, at + 1, true) : (bytes[at] as number);
        const head = wide ? 5 : 1;
        // Behind a value's length stands how many bytes behind the value are not used.
        const value = this.count % 2 === 1;
        return head + length + (value ? 1 + (bytes[at + head] ?? 0) : 0);
      }
    }
  }
}

/** An entry and the length behind it (rdb-format.md 1.7). */
function listpackEntry(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  let size = 1;
  if (first < 0x80) size = 1;
  else if (first < 0xc0) size = 1 + (first & 0x3f);
  else if (first < 0xe0) size = 2;
  else if (first < 0xf0) size = 2 + (((first & 0x0f) << 8) | (bytes[at + 1] ?? 0));
  else if (first === 0xf0) size = 5 + u32(bytes, at + 1, true);
  else size = [3, 4, 5, 9][first - 0xf1] ?? 1;
  return size + (size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5);
}

function ziplistEntry(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x40) return 1 + first;
  if (first < 0x80) return 2 + (((first & 0x3f) << 8) | (bytes[at + 1] ?? 0));
  if (first === 0x80) return 5 + u32(bytes, at + 1, false);
  return ({ 192: 3, 208: 5, 224: 9, 240: 4, 254: 2 } as Record<number, number>)[first] ?? 1;
}

function u32(bytes: Buffer, at: number, littleEndian: boolean): number {
  if (at + 4 > bytes.length) return 0;
  return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}
