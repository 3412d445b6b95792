// Whole records of plain strings to whole lines (docs/json-format.md). What the lines are is said more plainly by
// lib/targets/json/json-lines.ts; how records are built, by rdb-format.md 1.3 and 1.5.
import { escapeTo } from './escape';
import { expandTo } from './lzf';
import { LINE_HEAD, LINES_ANSWER, OUTPUT, OUTPUT_BYTES } from './memory';

const STRING: u32 = 0;
const EXPIRE_MS: u32 = 0xfc;

const INT_8: u32 = 0xc0;
const INT_16: u32 = 0xc1;
const INT_32: u32 = 0xc2;
const LZF: u32 = 0xc3;

/** Expiries beyond are strings in JSON (2^53 − 1). */
const LAST_SAFE: u64 = 0x1f_ffff_ffff_ffff;

/** Of a line all but its strings, and the vectors that go beyond its end. */
const FIXED_BYTES: u64 = 384;
/** The most that a byte becomes: `\u001f`. */
const MOST_GROWTH: u64 = 6;

/** Texts of at most 48 bytes, each in 64 bytes of its own, so that whole vectors of them can be copied. */
const RAW: usize = memory.data(64, 16);
const INT: usize = memory.data(64, 16);
const COMPRESSED: usize = memory.data(64, 16);
const EXPIRY: usize = memory.data(64, 16);
const SIZE: usize = memory.data(64, 16);
const VALUE: usize = memory.data(64, 16);
const RAW_LENGTH = fill(RAW, ',"type":"string","encoding":"raw"');
const INT_LENGTH = fill(INT, ',"type":"string","encoding":"int"');
const COMPRESSED_LENGTH = fill(COMPRESSED, ',"type":"string","encoding":"lzf"');
const EXPIRY_LENGTH = fill(EXPIRY, ',"expiry":');
const SIZE_LENGTH = fill(SIZE, ',"size":');
const VALUE_LENGTH = fill(VALUE, ',"elements":1,"value":"');

function fill(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at + i, text.charCodeAt(i));
  return text.length;
}

// The string that `readString` found: its bytes, or where they end and what their length is when they are expanded.
let from: usize = 0;
let length: u32 = 0;
let next: usize = 0;
let expanded: u32 = 0;

/** Finds the string at `at` without its inside; its first byte, or -1 where it is not whole or not of these kinds. */
function readString(at: usize, end: usize): i32 {
  if (!readLength(at, end)) return -1;
  const first = <u32>load<u8>(at);
  if (first < INT_8) {
    from = next;
  } else if (first == LZF) {
    if (!readLength(at + 1, end)) return -1;
    const compressed = length;
    if (!readLength(next, end)) return -1;
    expanded = length;
    length = compressed;
    from = next;
  } else if (first <= INT_32) {
    length = 1 << (first - INT_8);
    from = at + 1;
  } else {
    return -1;
  }
  if (length > <u32>(end - from)) return -1;
  next = from + length;
  return <i32>first;
}

/** A length of 6, 14 or 32 bits; of another first byte only that one is skipped. */
function readLength(at: usize, end: usize): bool {
  // The longest is five bytes, and reading beyond `end` is harmless; going beyond is not.
  const first = <u32>load<u8>(at);
  if (first < 0x40) {
    length = first;
    next = at + 1;
  } else if (first < 0x80) {
    length = ((first & 0x3f) << 8) | <u32>load<u8>(at, 1);
    next = at + 2;
  } else if (first == 0x80) {
    length = bswap<u32>(load<u32>(at, 1));
    next = at + 5;
  } else if (first >= INT_8) {
    length = 0;
    next = at + 1;
  } else {
    return false;
  }
  return next <= end;
}

/**
 * Writes the lines of whole records of strings whose keys and values are text.
 *
 * @param at         address of the first record, in BLOCKS as all of them
 * @param end        where the block's bytes end
 * @param until      no record that begins here or behind is looked at
 * @param out        address of the first line
 * @param outEnd     where the room for lines ends
 * @param headLength of the text in LINE_HEAD that lines begin with
 * @param limit      no line is longer, its end included
 * @returns the address of the first record that has no line; LINES_ANSWER has where the lines end, and their number
 */
export function writeStrings(at: usize, end: usize, until: usize, out: usize, outEnd: usize, headLength: u32, limit: u32): usize {
  let count: u32 = 0;
  while (at < until) {
    let expireAt: u64 = 0;
    let type = at;
    if (load<u8>(at) == EXPIRE_MS) {
      expireAt = load<u64>(at, 1);
      type = at + 9;
      if (expireAt > LAST_SAFE) break;
    }
    if (type + 2 >= end || load<u8>(type) != STRING) break;
    const keyStart = type + 1;
    const keyFirst = readString(keyStart, end);
    if (keyFirst == -1 || keyFirst >= <i32>INT_8 || next >= end) break;
    const keyFrom = from;
    const keyEnd = next;
    const first = readString(next, end);
    if (first == -1) break;
    const recordEnd = next;
    const text = first == <i32>LZF ? expanded : length;
    if (text > OUTPUT_BYTES) break;
    const most = FIXED_BYTES + <u64>headLength + MOST_GROWTH * (<u64>(keyEnd - keyFrom) + <u64>text);
    if (most > <u64>(outEnd - out)) break;

    let to = put(out, LINE_HEAD, headLength);
    store<u8>(to++, 0x22);
    to = escapeTo(keyFrom, keyEnd, to, outEnd);
    if (to == 0) break;
    store<u8>(to++, 0x22);
    if (first < <i32>INT_8) to = put(to, RAW, RAW_LENGTH);
    else if (first == <i32>LZF) to = put(to, COMPRESSED, COMPRESSED_LENGTH);
    else to = put(to, INT, INT_LENGTH);
    if (type != at) {
      to = put(to, EXPIRY, EXPIRY_LENGTH);
      to = putNumber(to, expireAt);
    }
    to = put(to, SIZE, SIZE_LENGTH);
    to = putNumber(to, recordEnd - keyStart);
    to = put(to, VALUE, VALUE_LENGTH);
    if (first < <i32>INT_8) {
      to = escapeTo(from, recordEnd, to, outEnd);
    } else if (first == <i32>LZF) {
      if (!expandTo(from, recordEnd, OUTPUT, OUTPUT + text)) break;
      to = escapeTo(OUTPUT, OUTPUT + text, to, outEnd);
    } else {
      to = putInteger(to, first);
    }
    if (to == 0) break;
    // `"}` and the line's end
    store<u32>(to, 0x0a7d22);
    to += 3;
    if (to - out > limit) break;
    out = to;
    at = recordEnd;
    count++;
  }
  store<u32>(LINES_ANSWER, out, 4);
  store<u32>(LINES_ANSWER, count, 8);
  return at;
}

/** Copies whole vectors; returns where the text ends. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function put(to: usize, text: usize, textLength: usize): usize {
  v128.store(to, v128.load(text));
  if (textLength > 16) {
    v128.store(to, v128.load(text, 16), 16);
    if (textLength > 32) v128.store(to, v128.load(text, 32), 32);
    if (textLength > 48) v128.store(to, v128.load(text, 48), 48);
  }
  return to + textLength;
}

function putInteger(to: usize, first: i32): usize {
  const value: i64 =
    first == <i32>INT_8 ? <i64>load<i8>(from) : first == <i32>INT_16 ? <i64>load<i16>(from) : <i64>load<i32>(from);
  if (value < 0) store<u8>(to++, 0x2d);
  return putNumber(to, <u64>(value < 0 ? -value : value));
}

function putNumber(to: usize, value: u64): usize {
  let end = to + digits(value);
  const after = end;
  let high = value;
  while (high > u32.MAX_VALUE) {
    store<u8>(--end, 0x30 + <u8>(high % 10));
    high /= 10;
  }
  let low = <u32>high;
  do {
    store<u8>(--end, 0x30 + <u8>(low % 10));
    low /= 10;
  } while (low != 0);
  return after;
}

function digits(value: u64): u32 {
  let count: u32 = 1;
  for (let bound: u64 = 10; value >= bound && count < 20; bound *= 10) count++;
  return count;
}
