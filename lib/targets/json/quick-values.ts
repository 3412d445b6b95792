// The common values straight from their bytes to JSON, without an object for each element.
//
// What is written here is what lib/rdb/decode would find, or nothing: a value that is damaged, or of a rarer encoding,
// is given up, and the general way says what it is (open-values.ts).
import { expandLzfKernel, kernelInput, kernelOutput } from '../../bytes/kernels.ts';
import { EncodedString, lengthSize, readLength } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';
import { DistinctTexts } from './distinct-texts.ts';
import { ascii, expandedText, type JsonBuffer } from './json-buffer.ts';
import { IntsetWalk, ListpackWalk, type PackedWalk, ZiplistWalk } from './packed-walks.ts';

/** In place of a number of elements: nothing is known of the value. */
export const GIVEN_UP = -1;
/** In place of a number of elements: the JSON went beyond the limit. */
export const TOO_LONG = -2;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
export const MEMBER = ascii('{"member":');
export const SCORE = ascii(',"score":');
export const FIELD = ascii('{"field":');
export const VALUE = ascii(',"value":');

/** How a quicklist node of type 18 holds its elements. */
const Node = { PLAIN: 1, PACKED: 2 } as const;

/** The most that a byte of an LZF block becomes (rdb-format.md 1.9). */
const MOST_GROWTH = 264 / 3;
/** Scores as text that are longer go the general way. */
const MOST_SCORE_DIGITS = 40;
/** By byte: 1 for those of which finite decimal numbers consist. */
const SCORE_BYTES = new Uint8Array(256);
for (const byte of ascii('0123456789+-.eE')) SCORE_BYTES[byte] = 1;

const lzfInput = Buffer.from(kernelInput.buffer, kernelInput.byteOffset, kernelInput.length);

export class QuickValues {
  readonly #out: JsonBuffer;
  /** A position in the output that is not to be passed. */
  #limit = 0;
  readonly #seen = new DistinctTexts();
  /** Whether members are checked against those before them. */
  #checks = true;
  readonly #listpack = new ListpackWalk();
  readonly #ziplist = new ZiplistWalk();
  readonly #intset = new IntsetWalk();

  // Where the string is that #locate found: text, or a number.
  #from: Buffer = Buffer.alloc(0);
  #start = 0;
  #stop = 0;
  #isNumber = false;
  #number = 0;
  /** Where what was read last ends in the value. */
  #next = 0;

  constructor(out: JsonBuffer) {
    this.#out = out;
  }

  /**
   * Writes the value `bytes[at, end)`.
   *
   * @param limit position in the output: a value that goes beyond it may be left unfinished
   * @returns the number of its elements, {@link GIVEN_UP} or {@link TOO_LONG}: then what was written means nothing
   */
  write(type: ValueType, bytes: Buffer, at: number, end: number, limit: number): number {
    this.#limit = limit;
    this.#checks = true;
    switch (type.name) {
      case 'STRING':
        return this.#string(bytes, at, end);
      case 'HASH_LISTPACK':
        return this.#packedHash(this.#listpack, bytes, at, end);
      case 'LIST_QUICKLIST_2':
        return this.#quicklist(bytes, at, end, true);
      case 'SET_INTSET':
        return this.#packedSet(this.#intset, bytes, at, end);
      case 'SET_LISTPACK':
        return this.#packedSet(this.#listpack, bytes, at, end);
      case 'ZSET_LISTPACK':
        return this.#packedZset(this.#listpack, bytes, at, end);
      case 'HASH':
        return this.#hash(bytes, at, end);
      case 'SET':
        return this.#strings(bytes, at, end, true);
      case 'ZSET_2':
        return this.#zset(bytes, at, end);
      case 'LIST':
        return this.#strings(bytes, at, end, false);
      case 'HASH_ZIPLIST':
        return this.#packedHash(this.#ziplist, bytes, at, end);
      case 'ZSET_ZIPLIST':
        return this.#packedZset(this.#ziplist, bytes, at, end);
      case 'LIST_QUICKLIST':
        return this.#quicklist(bytes, at, end, false);
      case 'LIST_ZIPLIST':
        return this.#packedList(bytes, at, end);
    }
    return GIVEN_UP;
  }

  /**
   * Writes some elements of a larger value: they stand as a value of the same type, and come as an array, hashes too.
   * That a member comes twice is not found.
   *
   * @returns their number, or {@link GIVEN_UP}
   */
  writeRun(type: ValueType, bytes: Buffer): number {
    this.#limit = Number.POSITIVE_INFINITY;
    this.#checks = false;
    const end = bytes.length;
    switch (type.name) {
      case 'HASH':
        return this.#fields(bytes, end);
      case 'SET':
      case 'LIST':
        return this.#strings(bytes, 0, end, false);
      case 'ZSET_2':
        return this.#zset(bytes, 0, end);
      case 'LIST_QUICKLIST':
        return this.#quicklist(bytes, 0, end, false);
      case 'LIST_QUICKLIST_2':
        return this.#quicklist(bytes, 0, end, true);
    }
    return GIVEN_UP;
  }

  /** Writes the string that begins at `at`, such as a key; false for one that is damaged or very long, and nothing. */
  string(bytes: Buffer, at: number, end: number): boolean {
    this.#limit = Number.POSITIVE_INFINITY;
    return this.#element(bytes, at, end) >= 0;
  }

  #string(bytes: Buffer, at: number, end: number): number {
    const stop = this.#element(bytes, at, end);
    return stop < 0 ? stop : this.#finished(1, stop === end);
  }

  /** A counted list or set. */
  #strings(bytes: Buffer, start: number, end: number, isSet: boolean): number {
    const out = this.#out;
    const count = this.#count(bytes, start, end);
    if (count < 0) return GIVEN_UP;
    let at = this.#next;
    if (isSet) this.#seen.clear();
    out.byte(OPEN_ARRAY);
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(COMMA);
      const mark = out.at;
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      if (isSet && !this.#isNew(mark)) return GIVEN_UP;
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(count, at === end);
  }

  #hash(bytes: Buffer, start: number, end: number): number {
    const out = this.#out;
    const count = this.#count(bytes, start, end);
    if (count < 0) return GIVEN_UP;
    let at = this.#next;
    this.#seen.clear();
    out.byte(OPEN_OBJECT);
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(COMMA);
      const mark = out.at;
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      // A field that is no text makes the hash an array.
      if (out.bytes[mark] !== QUOTE || !this.#isNew(mark)) return GIVEN_UP;
      out.byte(COLON);
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_OBJECT);
    return this.#finished(count, at === end);
  }

  /** The fields of a hash as an array. */
  #fields(bytes: Buffer, end: number): number {
    const out = this.#out;
    const count = this.#count(bytes, 0, end);
    if (count < 0) return GIVEN_UP;
    let at = this.#next;
    out.byte(OPEN_ARRAY);
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(COMMA);
      out.raw(FIELD);
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      out.raw(VALUE);
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      out.byte(CLOSE_OBJECT);
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(count, at === end);
  }

  #zset(bytes: Buffer, start: number, end: number): number {
    const out = this.#out;
    const count = this.#count(bytes, start, end);
    if (count < 0) return GIVEN_UP;
    let at = this.#next;
    this.#seen.clear();
    out.byte(OPEN_ARRAY);
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(COMMA);
      out.raw(MEMBER);
      const mark = out.at;
      at = this.#element(bytes, at, end);
      if (at < 0) return at;
      if (at + 8 > end || !this.#isNew(mark)) return GIVEN_UP;
      out.raw(SCORE);
      out.double(bytes.readDoubleLE(at));
      at += 8;
      out.byte(CLOSE_OBJECT);
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(count, at === end);
  }

  /** @param tagged whether each node says what it is (type 18), or is a ziplist (14) */
  #quicklist(bytes: Buffer, start: number, end: number, tagged: boolean): number {
    const out = this.#out;
    const nodes = this.#count(bytes, start, end);
    if (nodes < 0) return GIVEN_UP;
    let at = this.#next;
    let count = 0;
    out.byte(OPEN_ARRAY);
    for (let i = 0; i < nodes; i++) {
      if (tagged && bytes[at++] === Node.PLAIN) {
        if (count > 0) out.byte(COMMA);
        at = this.#element(bytes, at, end);
        if (at < 0) return at;
        count++;
      } else {
        if (tagged && bytes[at - 1] !== Node.PACKED) return GIVEN_UP;
        const walk = tagged ? this.#listpack : this.#ziplist;
        if (!this.#open(walk, bytes, at, end)) return GIVEN_UP;
        at = this.#next;
        const result = this.#items(walk, count > 0);
        if (result < 0) return result;
        count += result;
      }
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(count, at === end);
  }

  #packedList(bytes: Buffer, at: number, end: number): number {
    if (!this.#open(this.#ziplist, bytes, at, end)) return GIVEN_UP;
    this.#out.byte(OPEN_ARRAY);
    const count = this.#items(this.#ziplist, false);
    this.#out.byte(CLOSE_ARRAY);
    return count < 0 ? count : this.#finished(count, this.#next === end);
  }

  #packedSet(walk: PackedWalk, bytes: Buffer, at: number, end: number): number {
    if (!this.#open(walk, bytes, at, end)) return GIVEN_UP;
    const out = this.#out;
    // An intset's numbers rise, so that none comes twice.
    const isSorted = walk === this.#intset;
    this.#seen.clear();
    out.byte(OPEN_ARRAY);
    while (walk.next()) {
      if (walk.count > 1) out.byte(COMMA);
      const mark = out.at;
      this.#entry(walk);
      if (!isSorted && !this.#isNew(mark)) return GIVEN_UP;
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(walk.count, walk.isWhole() && this.#next === end);
  }

  #packedHash(walk: PackedWalk, bytes: Buffer, at: number, end: number): number {
    if (!this.#open(walk, bytes, at, end)) return GIVEN_UP;
    const out = this.#out;
    this.#seen.clear();
    out.byte(OPEN_OBJECT);
    while (walk.next()) {
      if (walk.count > 1) out.byte(COMMA);
      const mark = out.at;
      this.#entry(walk);
      if (out.bytes[mark] !== QUOTE || !this.#isNew(mark)) return GIVEN_UP;
      out.byte(COLON);
      if (!walk.next()) return GIVEN_UP;
      this.#entry(walk);
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_OBJECT);
    return this.#finished(walk.count / 2, walk.isWhole() && this.#next === end);
  }

  #packedZset(walk: PackedWalk, bytes: Buffer, at: number, end: number): number {
    if (!this.#open(walk, bytes, at, end)) return GIVEN_UP;
    const out = this.#out;
    this.#seen.clear();
    out.byte(OPEN_ARRAY);
    while (walk.next()) {
      if (walk.count > 1) out.byte(COMMA);
      out.raw(MEMBER);
      const mark = out.at;
      this.#entry(walk);
      if (!this.#isNew(mark) || !walk.next()) return GIVEN_UP;
      out.raw(SCORE);
      const score = walk.isText ? finiteScore(walk.bytes, walk.from, walk.to) : walk.value;
      if (Number.isNaN(score)) return GIVEN_UP;
      out.double(score);
      out.byte(CLOSE_OBJECT);
      if (out.at > this.#limit) return TOO_LONG;
    }
    out.byte(CLOSE_ARRAY);
    return this.#finished(walk.count / 2, walk.isWhole() && this.#next === end);
  }

  /** The entries of a container, with commas between and, where others are before, in front. */
  #items(walk: PackedWalk, follows: boolean): number {
    const out = this.#out;
    while (walk.next()) {
      if (follows || walk.count > 1) out.byte(COMMA);
      this.#entry(walk);
      if (out.at > this.#limit) return TOO_LONG;
    }
    return walk.isWhole() ? walk.count : GIVEN_UP;
  }

  #entry(walk: PackedWalk): void {
    if (walk.isText) this.#out.string(walk.bytes, walk.from, walk.to);
    else if (Number.isSafeInteger(walk.value)) this.#out.quotedInteger(walk.value);
    else this.#out.text(`"${walk.wide}"`);
  }

  /** A count, which ends at {@link #next}; `GIVEN_UP` for one that the bytes can't hold. */
  #count(bytes: Buffer, at: number, end: number): number {
    const count = this.#length(bytes, at, end);
    return count <= end - this.#next ? count : GIVEN_UP;
  }

  /** Opens a container that is a string at `at`, which ends at {@link #next}. */
  #open(walk: PackedWalk, bytes: Buffer, at: number, end: number): boolean {
    // How far a compressed container expands says nothing of its JSON: the kernel's room is the limit here.
    const next = this.#locate(bytes, at, end, kernelOutput.length);
    if (next < 0 || this.#isNumber) return false;
    this.#next = next;
    return walk.open(this.#from, this.#start, this.#stop);
  }

  /** Writes the string at `at`, and gives its end. */
  #element(bytes: Buffer, at: number, end: number): number {
    const next = this.#locate(bytes, at, end, this.#limit - this.#out.at);
    if (next < 0) return next;
    if (this.#isNumber) this.#out.quotedInteger(this.#number);
    else this.#out.string(this.#from, this.#start, this.#stop);
    return next;
  }

  /**
   * Finds the bytes of the string at `at`, and its end.
   *
   * @param most how long it may be expanded
   */
  #locate(bytes: Buffer, at: number, end: number, most: number): number {
    const first = at < end ? (bytes[at] as number) : -1;
    const size = first < 0 ? 0 : lengthSize(first);
    if (size === 0) return this.#locateEncoded(bytes, at, end, first, most);
    if (at + size > end) return GIVEN_UP;
    const start = at + size;
    const stop = start + (size === 1 ? first : readLength(bytes, at));
    if (stop > end) return GIVEN_UP;
    this.#isNumber = false;
    this.#from = bytes;
    this.#start = start;
    this.#stop = stop;
    return stop;
  }

  #locateEncoded(bytes: Buffer, at: number, end: number, first: number, most: number): number {
    if (first === EncodedString.LZF) return this.#expand(bytes, at, end, most);
    const size = first === EncodedString.INT8 ? 2 : first === EncodedString.INT16 ? 3 : 5;
    if (first < EncodedString.INT8 || first > EncodedString.INT32 || at + size > end) return GIVEN_UP;
    this.#isNumber = true;
    this.#number = size === 2 ? bytes.readInt8(at + 1) : bytes.readIntLE(at + 1, size - 1);
    return at + size;
  }

  #expand(bytes: Buffer, at: number, end: number, most: number): number {
    const compressed = this.#length(bytes, at + 1, end);
    const expanded = compressed < 0 ? GIVEN_UP : this.#length(bytes, this.#next, end);
    if (expanded < 0) return GIVEN_UP;
    const start = this.#next;
    if (compressed > end - start || compressed > kernelInput.length) return GIVEN_UP;
    if (expanded > most) return expanded > compressed * MOST_GROWTH ? GIVEN_UP : TOO_LONG;
    if (expanded > kernelOutput.length) return GIVEN_UP;
    bytes.copy(lzfInput, 0, start, start + compressed);
    if (!expandLzfKernel(compressed, expanded)) return GIVEN_UP;
    this.#isNumber = false;
    this.#from = expandedText;
    this.#start = 0;
    this.#stop = expanded;
    return start + compressed;
  }

  /** A length, which ends at {@link #next}. */
  #length(bytes: Buffer, at: number, end: number): number {
    const size = at < end ? lengthSize(bytes[at] as number) : 0;
    if (size === 0 || at + size > end) return GIVEN_UP;
    this.#next = at + size;
    return readLength(bytes, at);
  }

  /** Whether the member that was written from `start` on did not come before. */
  #isNew(start: number): boolean {
    return !this.#checks || this.#seen.add(this.#out, start, this.#out.at);
  }

  #finished(count: number, whole: boolean): number {
    if (this.#out.at > this.#limit) return TOO_LONG;
    return whole ? count : GIVEN_UP;
  }
}

/** A score as text; `NaN` for an infinite one, and for what may be none. */
function finiteScore(bytes: Buffer, from: number, to: number): number {
  if (from === to || to - from > MOST_SCORE_DIGITS) return Number.NaN;
  for (let i = from; i < to; i++) if (SCORE_BYTES[bytes[i] as number] === 0) return Number.NaN;
  return Number(bytes.toString('latin1', from, to));
}
