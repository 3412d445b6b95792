// Past whole key records, without looking into them. What it does is said more plainly by lib/rdb/scanner.ts; the layouts
// are those of lib/rdb/layouts.ts, and come from there.
import { LAYOUT_TABLE, LAYOUTS, SKIP_ANSWER, SKIPPED_BYTES, SKIPPED_KEYS } from './memory';

const EXPIRE_MS: u32 = 0xfc;
const EXPIRE_SECONDS: u32 = 0xfd;
const FREQ: u32 = 0xf9;
const IDLE: u32 = 0xf8;

// lib/rdb/layouts.ts, Op
const DONE: i32 = 0;
const STRING: i32 = 1;
const LENGTH: i32 = 2;
const BYTES: i32 = 3;
const TEXT_DOUBLE: i32 = 4;
const LOOP: i32 = 5;
const END: i32 = 6;
const VALUE: i32 = 8;

/** Rounds that are left of each loop that is open; a layout has four inside each other at most. */
const REMAINING: usize = memory.data(8 * 4, 16);

// What `readLength` found.
let length: u64 = 0;

/** The bytes that a length takes; 0 where it is cut off or none. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function readLength(at: usize, end: usize): usize {
  const first = <u32>load<u8>(at);
  let size: usize;
  if (first < 0x40) {
    length = first;
    size = 1;
  } else if (first < 0x80) {
    length = ((first & 0x3f) << 8) | <u32>load<u8>(at, 1);
    size = 2;
  } else if (first == 0x80) {
    length = bswap<u32>(load<u32>(at, 1));
    size = 5;
  } else if (first == 0x81) {
    length = bswap<u64>(load<u64>(at, 1));
    size = 9;
  } else {
    return 0;
  }
  return at + size <= end ? size : 0;
}

/** Where the string at `at` ends; 0 where that is beyond `end`, or where there is none. */
function stringEnd(at: usize, end: usize): usize {
  const first = <u32>load<u8>(at);
  let next: usize;
  if (first < 0xc0) {
    const size = readLength(at, end);
    if (size == 0) return 0;
    next = at + size;
  } else if (first < 0xc3) {
    next = at + 1;
    length = 1 << (first - 0xc0);
  } else if (first == 0xc3) {
    const packed = readLength(at + 1, end);
    if (packed == 0) return 0;
    const bytes = length;
    const unpacked = readLength(at + 1 + packed, end);
    // What is larger than a double holds is for the scanner to refuse.
    if (unpacked == 0 || length >= 1 << 53) return 0;
    next = at + 1 + packed + unpacked;
    length = bytes;
  } else {
    return 0;
  }
  return next <= end && length <= <u64>(end - next) ? next + <usize>length : 0;
}

/** Runs a layout from `at` on; where the record ends, or 0 where that is not sure. */
function recordEnd(layout: usize, at: usize, end: usize): usize {
  let pc = layout;
  let depth: usize = 0;
  while (true) {
    const op = load<i32>(pc);
    if (op == STRING) {
      if (at >= end) return 0;
      const first = <u32>load<u8>(at);
      at = first < 0x40 ? at + 1 + first : stringEnd(at, end);
      if (at == 0 || at > end) return 0;
    } else if (op == END) {
      const open = REMAINING + ((depth - 1) << 2);
      const left = load<u32>(open) - 1;
      if (left > 0) {
        store<u32>(open, left);
        pc = layout + (<usize>load<i32>(pc, 4) << 2);
        continue;
      }
      depth--;
    } else if (op == BYTES) {
      at += load<i32>(pc, 4);
      if (at > end) return 0;
    } else if (op == DONE) {
      return at;
    } else if (op != VALUE) {
      if (at >= end) return 0;
      if (op == TEXT_DOUBLE) {
        const first = <u32>load<u8>(at);
        at += first >= 253 ? 1 : 1 + first;
        if (at > end) return 0;
      } else {
        const size = readLength(at, end);
        if (size == 0) return 0;
        at += size;
        if (op == LOOP) {
          // Every round takes a byte at least.
          if (length > <u64>(end - at)) return 0;
          if (length == 0) {
            pc = layout + (<usize>load<i32>(pc, 4) << 2) + 8;
            continue;
          }
          store<u32>(REMAINING + (depth << 2), <u32>length);
          depth++;
        } else if (op != LENGTH) {
          return 0;
        }
      }
    }
    pc += 8;
  }
}

/**
 * Goes past whole records of keys whose types have a layout in LAYOUT_TABLE.
 *
 * @param at    address of the first record, in BLOCKS as all of them
 * @param end   no record is gone past that ends behind it
 * @param until no record that begins here or behind is looked at
 * @returns the address of the first record that was not gone past; SKIP_ANSWER, SKIPPED_KEYS and SKIPPED_BYTES say of what
 *   kind the others were
 */
export function skipRecords(at: usize, end: usize, until: usize): usize {
  let count: u32 = 0;
  let expiring: u32 = 0;
  let idle: u32 = 0;
  let freq: u32 = 0;
  let largest = load<u32>(SKIP_ANSWER, 16);
  while (at < until) {
    let type = at;
    let hasExpiry: u32 = 0;
    let hasIdle: u32 = 0;
    let hasFreq: u32 = 0;
    let first = <u32>load<u8>(type);
    if (first == EXPIRE_MS || first == EXPIRE_SECONDS) {
      hasExpiry = 1;
      type += first == EXPIRE_MS ? 9 : 5;
      first = <u32>load<u8>(type);
    }
    if (first == FREQ) {
      hasFreq = 1;
      type += 2;
      first = <u32>load<u8>(type);
    } else if (first == IDLE) {
      const size = readLength(type + 1, end);
      if (size == 0) break;
      hasIdle = 1;
      type += 1 + size;
      first = <u32>load<u8>(type);
    }
    if (type >= end) break;
    const layout = load<u32>(LAYOUT_TABLE + (first << 2));
    if (layout == 0) break;
    const next = recordEnd(LAYOUTS + (layout << 2), type + 1, end);
    if (next == 0) break;
    const bytes = <u32>(next - at);
    const keys = SKIPPED_KEYS + (first << 3);
    store<u64>(keys, load<u64>(keys) + 1);
    const sum = SKIPPED_BYTES + (first << 3);
    store<u64>(sum, load<u64>(sum) + bytes);
    if (bytes > largest) largest = bytes;
    count++;
    expiring += hasExpiry;
    idle += hasIdle;
    freq += hasFreq;
    at = next;
  }
  store<u32>(SKIP_ANSWER, count);
  store<u32>(SKIP_ANSWER, expiring, 4);
  store<u32>(SKIP_ANSWER, idle, 8);
  store<u32>(SKIP_ANSWER, freq, 12);
  store<u32>(SKIP_ANSWER, largest, 16);
  return at;
}
