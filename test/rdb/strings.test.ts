import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { lengthSize, readLength, readLength64, readString, stringEncoding, stringEnd } from '../../lib/rdb/strings.ts';
import { length, string } from '../support/rdb-builders.ts';

/** The text at the start of `bytes`, which must end with it. */
function only(bytes: Buffer): string {
  const { value, end } = readString(bytes, 0);
  expect(end).toBe(bytes.length);
  expect(stringEnd(bytes, 0)).toBe(bytes.length);
  return value.toString('latin1');
}

describe('lengths', () => {
  test.each([
    [0n, 1],
    [63n, 1],
    [64n, 2],
    [16383n, 2],
    [16384n, 5],
    [2n ** 32n - 1n, 5],
    [2n ** 32n, 9],
    [2n ** 53n, 9],
  ])('%s takes %i bytes and is read back', (value, size) => {
    const bytes = length(value);
    expect(bytes.length).toBe(size);
    expect(lengthSize(bytes[0] as number)).toBe(size);
    expect(readLength(bytes, 0)).toBe(Number(value));
    expect(readLength64(bytes, 0)).toBe(value);
  });

  test('the counters that servers write as -1 keep all of their 64 bits', () => {
    expect(readLength64(length(2n ** 64n - 1n), 0)).toBe(2n ** 64n - 1n);
  });

  test('a length may take more bytes than it needs', () => {
    for (const width of [2, 5, 9] as const) expect(readLength(length(5, width), 0)).toBe(5);
  });

  test.each([['4'], ['800000'], ['8100000000000000']])('one that is cut short (%s) is refused', (hex) => {
    const bytes = Buffer.from(hex.padEnd(hex.length + (hex.length % 2), '0'), 'hex');
    expect(() => readLength(bytes, 0, 500)).toThrow(expect.objectContaining({ code: 'RDB_LENGTH', offset: 500 }));
  });

  test('first bytes that no length has are refused', () => {
    for (const first of [0x82, 0x9f, 0xbf, 0xc0, 0xff]) {
      expect(() => readLength(Buffer.alloc(10, first), 0)).toThrow(RdbError);
      expect(lengthSize(first)).toBe(0);
    }
  });
});

describe('strings', () => {
  test.each([0, 1, 63, 64, 16383, 16384, 70000])('one of %i bytes is a view of the input', (size) => {
    const bytes = Buffer.concat([Buffer.of(1, 2, 3), string(Buffer.alloc(size, 0xe9)), Buffer.of(9)]);
    const { value, end } = readString(bytes, 3);
    expect(value.equals(Buffer.alloc(size, 0xe9))).toBe(true);
    expect(value.buffer).toBe(bytes.buffer);
    expect(end).toBe(bytes.length - 1);
  });

  test.each([0, -1, 127, -128, 128, -129, 32767, -32768, 32768, 2147483647, -2147483648])(
    'the integer %i comes as its decimal text',
    (value) => {
      const bytes = string(String(value), 'int');
      expect(only(bytes)).toBe(String(value));
      expect(stringEncoding(bytes[0] as number)).toBe('int');
    },
  );

  test('a compressed one is expanded', () => {
    const text = 'abcabcabcabcabcabc, and so on: '.repeat(300);
    const bytes = string(text, 'lzf');
    expect(bytes.length).toBeLessThan(text.length / 4);
    expect(only(bytes)).toBe(text);
    expect(stringEncoding(bytes[0] as number)).toBe('lzf');
  });

  test('the encoding is told by the first byte', () => {
    expect([0, 0x3f, 0x40, 0x7f, 0x80, 0x81].map(stringEncoding)).toEqual(Array(6).fill('raw'));
    expect([0x82, 0xbf, 0xc4, 0xff].map(stringEncoding)).toEqual(Array(4).fill(undefined));
  });

  test('one that is longer than its bytes is refused, in whatever encoding', () => {
    for (const whole of [
      string('hello'),
      string('x'.repeat(100)),
      string('123456', 'int'),
      string('a'.repeat(99), 'lzf'),
    ]) {
      for (let end = 0; end < whole.length; end++) {
        expect(() => readString(whole.subarray(0, end), 0, 40)).toThrow(
          expect.objectContaining({ offset: expect.any(Number) }),
        );
        expect(() => readString(whole.subarray(0, end), 0, 40)).toThrow(RdbError);
      }
    }
  });

  test('a size that no memory holds is refused without trying', () => {
    const huge = Buffer.concat([length(2n ** 64n - 1n), Buffer.from('abc')]);
    expect(() => readString(huge, 0)).toThrow(expect.objectContaining({ code: 'RDB_STRING' }));
  });

  test('a compressed string that declares more than LZF can expand to takes no memory', () => {
    const block = Buffer.from('e0ff00', 'hex');
    const bomb = Buffer.concat([Buffer.of(0xc3), length(block.length), length(2 ** 31), block]);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readString(bomb, 0, 9)).toThrow(expect.objectContaining({ code: 'RDB_LZF', offset: 9 + 7 }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test('a damaged block is reported where the damage is', () => {
    const bytes = Buffer.concat([Buffer.of(0xc3), length(2), length(50), Buffer.of(0x40, 0x10)]);
    expect(() => readString(bytes, 0, 1234)).toThrow(expect.objectContaining({ code: 'RDB_LZF', offset: 1237 }));
  });
});
