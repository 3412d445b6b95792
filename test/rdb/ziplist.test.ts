import { describe, expect, test } from 'vitest';
import { Cursor } from '../../lib/bytes/cursor.ts';
import { RdbError } from '../../lib/errors.ts';
import { Ziplist } from '../../lib/rdb/decode/ziplist.ts';
import { type PackedItem, ziplist } from '../support/packed-builders.ts';

function open(bytes: Buffer): Ziplist {
  return new Ziplist(new Cursor(bytes, { code: 'RDB_ZIPLIST' }));
}

function texts(bytes: Buffer): string[] {
  const reader = open(bytes);
  return Array.from({ length: reader.count }, () => reader.next().toString('latin1'));
}

describe('the entries of a ziplist', () => {
  test('the numbers that fit into the first byte', () => {
    expect(texts(ziplist([0, 1, 12, 13]))).toEqual(['0', '1', '12', '13']);
  });

  const widths: [8 | 16 | 24 | 32 | 64, bigint][] = [
    [8, 127n],
    [8, -128n],
    [16, 32767n],
    [16, -32768n],
    [24, 8388607n],
    [24, -8388608n],
    [24, -1n],
    [32, 2147483647n],
    [32, -2147483648n],
    [64, 2n ** 63n - 1n],
    [64, -(2n ** 63n)],
  ];
  test.each(widths)('a number of %i bits: %s', (width, number) => {
    expect(texts(ziplist([{ number, width }]))).toEqual([String(number)]);
  });

  test.each([0, 63, 64, 16383, 16384, 70000])('a string of %i bytes', (size) => {
    expect(texts(ziplist(['a', 'x'.repeat(size), 'b'])).map((text) => text.length)).toEqual([1, size, 1]);
  });

  test('the length of the entry before, on both sides of one byte, and wide without need', () => {
    // An entry takes 3 bytes besides a string of 64 to 16,383.
    for (const size of [250, 251, 252]) {
      expect(texts(ziplist(['x'.repeat(size), 'b', 'c']))).toEqual(['x'.repeat(size), 'b', 'c']);
    }
    expect(texts(ziplist(['a', 'b', 'c'], { widePrevious: [1, 2] }))).toEqual(['a', 'b', 'c']);
  });

  test('more than 65,535 entries are all read', () => {
    const items: PackedItem[] = Array.from({ length: 66_000 }, (_, i) => i);
    expect(texts(ziplist(items))).toEqual(items.map(String));
  });
});

describe('a damaged ziplist', () => {
  const good = ziplist(['field', 5, 'x'.repeat(300), -70000]);

  test('one of no entries is fine', () => {
    expect(open(ziplist([])).count).toBe(0);
  });

  test('cut short, or with bytes behind, it is refused', () => {
    for (let end = 0; end < good.length; end++) expect(() => open(good.subarray(0, end))).toThrow(RdbError);
    expect(() => open(Buffer.concat([good, Buffer.of(0xff)]))).toThrow(RdbError);
  });

  test('a wrong count, last entry, or length of an entry before is refused', () => {
    expect(() => open(ziplist(['a', 'b'], { zllen: 3 }))).toThrow(
      expect.objectContaining({ code: 'RDB_ZIPLIST', offset: 8 }),
    );
    for (const at of [0, 4, 8, 10, 11, 17]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 0x02;
      expect(() => open(bad), `byte ${at}`).toThrow(RdbError);
    }
  });

  test('entries of no known kind are refused', () => {
    for (const first of [0x81, 0xbf, 0xc1, 0xd1, 0xe1, 0xff]) {
      const bytes = ziplist(['']);
      bytes[11] = first;
      expect(() => open(bytes)).toThrow(RdbError);
    }
  });
});
