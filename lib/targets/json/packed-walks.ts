// Walks through listpacks, ziplists and intsets where they lie, entry by entry, without an object for each.
//
// A walk proves all that lib/rdb/decode's readers of the same containers prove, but it proves it on the way, and does
// not say what is wrong: who walks drops what he made of a container that turns out to be damaged, and lets those
// readers name the error.

/** One entry after the other. Where an entry is text, it is `bytes[from, to)`. */
export abstract class PackedWalk {
  bytes: Buffer = Buffer.alloc(0);
  isText = false;
  from = 0;
  to = 0;
  /** A number's value; rounded where it is beyond 2^53, and then {@link wide} has it. */
  value = 0;
  /** Entries so far. */
  count = 0;
  protected at = 0;
  /** Where the end mark is to be, or the end of a container that has none. */
  protected last = 0;

  /** Begins with `bytes[start, end)`; false for damage. */
  abstract open(bytes: Buffer, start: number, end: number): boolean;

  /** Goes to the next entry; false at the end, and for damage. */
  abstract next(): boolean;

  /** After the last entry: whether the container was whole. */
  abstract isWhole(): boolean;

  /** The exact value of a number that is beyond 2^53. */
  get wide(): bigint {
    return this.bytes.readBigInt64LE(this.from);
  }

  protected text(from: number, to: number): void {
    this.isText = true;
    this.from = from;
    this.to = to;
  }

  protected number(value: number): void {
    this.isText = false;
    this.value = value;
  }

  protected number64(at: number): void {
    this.number(this.bytes.readInt32LE(at + 4) * 2 ** 32 + this.bytes.readUInt32LE(at));
    this.from = at;
  }
}

const END = 0xff;
/** In a header: more entries than it can say. */
const UNKNOWN_COUNT = 0xffff;

/** rdb-format.md 1.7 (listpack.c). */
export class ListpackWalk extends PackedWalk {
  #declared = 0;

  open(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 7 || bytes.readUInt32LE(start) !== end - start || bytes[end - 1] !== END) return false;
    this.bytes = bytes;
    this.#declared = bytes.readUInt16LE(start + 4);
    this.at = start + 6;
    this.last = end - 1;
    this.count = 0;
    return true;
  }

  next(): boolean {
    const { bytes, at, last } = this;
    const first = bytes[at] as number;
    if (first === END) return false;
    let size = 1;
    if (first < 0x80) {
      this.number(first);
    } else if (first < 0xc0) {
      size += first & 0x3f;
      this.text(at + 1, at + size);
    } else if (first < 0xe0) {
      size = 2;
      const value = ((first & 0x1f) << 8) | (bytes[at + 1] as number);
      this.number(value < 0x1000 ? value : value - 0x2000);
    } else if (first < 0xf0) {
      size = 2 + (((first & 0x0f) << 8) | (bytes[at + 1] as number));
      this.text(at + 2, at + size);
    } else {
      size = this.#wideEntry(first);
      if (size === 0) return false;
    }
    if (size <= 127) {
      if (at + size >= last || bytes[at + size] !== size) return false;
      this.at = at + size + 1;
    } else if (!this.#takeBacklen(at + size, size)) {
      return false;
    }
    this.count++;
    return true;
  }

  isWhole(): boolean {
    return this.at === this.last && (this.#declared === UNKNOWN_COUNT || this.#declared === this.count);
  }

  /** An entry whose length or number stands behind its first byte: its size, 0 where none begins so. */
  #wideEntry(first: number): number {
    const { bytes, at, last } = this;
    if (at + (WIDE_SIZES[first - 0xf0] as number) > last) return 0;
    switch (first) {
      case 0xf0: {
        const size = 5 + bytes.readUInt32LE(at + 1);
        this.text(at + 5, at + size);
        return size;
      }
      case 0xf1:
        this.number(bytes.readInt16LE(at + 1));
        return 3;
      case 0xf2:
        this.number(bytes.readIntLE(at + 1, 3));
        return 4;
      case 0xf3:
        this.number(bytes.readInt32LE(at + 1));
        return 5;
      case 0xf4:
        this.number64(at + 1);
        return 9;
    }
    return 0;
  }

  /** The length behind an entry: seven bits a byte, the lowest in the last. */
  #takeBacklen(start: number, size: number): boolean {
    const width = size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
    if (start + width > this.last) return false;
    let rest = size;
    for (let i = width - 1; i >= 0; i--) {
      if (this.bytes[start + i] !== ((rest % 128) | (i === 0 ? 0 : 0x80))) return false;
      rest = Math.floor(rest / 128);
    }
    this.at = start + width;
    return true;
  }
}

/** Bytes of a listpack's entries that begin with 0xf0 to 0xf4, up to where a text begins; no others begin so. */
const WIDE_SIZES = Float64Array.of(5, 3, 4, 5, 9, ...new Array<number>(11).fill(Number.POSITIVE_INFINITY));

/** rdb-format.md 1.7 (ziplist.c). */
export class ZiplistWalk extends PackedWalk {
  #declared = 0;
  #declaredTail = 0;
  #start = 0;
  /** Where the entry before began. */
  #tail = 0;

  open(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 11 || bytes.readUInt32LE(start) !== end - start || bytes[end - 1] !== END) return false;
    this.bytes = bytes;
    this.#start = start;
    this.#declaredTail = bytes.readUInt32LE(start + 4);
    this.#declared = bytes.readUInt16LE(start + 8);
    this.at = start + 10;
    this.#tail = this.at;
    this.last = end - 1;
    this.count = 0;
    return true;
  }

  next(): boolean {
    const { bytes, at, last } = this;
    const previous = bytes[at] as number;
    if (previous === END) return false;
    const wide = previous === 0xfe;
    const from = at + (wide ? 5 : 1);
    if (from >= last || (wide ? bytes.readUInt32LE(at + 1) : previous) !== at - this.#tail) return false;
    const first = bytes[from] as number;
    let end = from + 1;
    if (first < 0x40) {
      end += first;
      this.text(from + 1, end);
    } else if (first < 0x80) {
      end = from + 2 + (((first & 0x3f) << 8) | (bytes[from + 1] as number));
      this.text(from + 2, end);
    } else if (first >= 0xf1 && first <= 0xfd) {
      this.number(first - 0xf1);
    } else {
      end = this.#wideEntry(from, first);
    }
    if (end > last) return false;
    this.#tail = at;
    this.at = end;
    this.count++;
    return true;
  }

  isWhole(): boolean {
    const counted = this.#declared === UNKNOWN_COUNT || this.#declared === this.count;
    return this.at === this.last && counted && this.#tail - this.#start === this.#declaredTail;
  }

  /** Where the entry ends whose encoding stands at `at`; beyond all bytes where none begins so, or it goes too far. */
  #wideEntry(at: number, first: number): number {
    const { bytes, last } = this;
    const end = at + (ZIPLIST_SIZES[first] ?? Number.POSITIVE_INFINITY);
    if (end > last) return end;
    switch (first) {
      case 0x80:
        this.text(at + 5, end + bytes.readUInt32BE(at + 1));
        return this.to;
      case 0xc0:
        this.number(bytes.readInt16LE(at + 1));
        break;
      case 0xd0:
        this.number(bytes.readInt32LE(at + 1));
        break;
      case 0xe0:
        this.number64(at + 1);
        break;
      case 0xf0:
        this.number(bytes.readIntLE(at + 1, 3));
        break;
      case 0xfe:
        this.number(bytes.readInt8(at + 1));
        break;
    }
    return end;
  }
}

/** Bytes of a ziplist's entries from the encoding on, up to where a text begins. */
const ZIPLIST_SIZES: Readonly<Record<number, number>> = { 128: 5, 192: 3, 208: 5, 224: 9, 240: 4, 254: 2 };

/** rdb-format.md 1.7 (intset.c). */
export class IntsetWalk extends PackedWalk {
  #width = 0;
  #previous = Number.NEGATIVE_INFINITY;

  open(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 8) return false;
    const width = bytes.readUInt32LE(start);
    if (width !== 2 && width !== 4 && width !== 8) return false;
    this.bytes = bytes;
    this.at = start + 8;
    this.last = end;
    this.#width = width;
    this.#previous = Number.NEGATIVE_INFINITY;
    this.count = 0;
    return end - this.at === bytes.readUInt32LE(start + 4) * width;
  }

  next(): boolean {
    const { bytes, at } = this;
    if (at === this.last) return false;
    if (this.#width === 2) this.number(bytes.readInt16LE(at));
    else if (this.#width === 4) this.number(bytes.readInt32LE(at));
    else this.number64(at);
    // Numbers that rise as doubles rise; beyond 2^53 they may be equal as doubles, and that is left to the reader.
    if (this.value <= this.#previous) return false;
    this.#previous = this.value;
    this.at = at + this.#width;
    this.count++;
    return true;
  }

  isWhole(): boolean {
    return this.at === this.last;
  }
}
