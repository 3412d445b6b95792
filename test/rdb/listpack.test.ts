import { describe, expect, test } from 'vitest';
import { Cursor } from '../../lib/bytes/cursor.ts';
import { RdbError } from '../../lib/errors.ts';
import { Listpack } from '../../lib/rdb/decode/listpack.ts';
import { listpack, type PackedItem } from '../support/packed-builders.ts';

function open(bytes: Buffer): Listpack {
  return new Listpack(new Cursor(bytes, { code: 'RDB_LISTPACK' }));
}

function texts(bytes: Buffer): string[] {
  const reader = open(bytes);
  return Array.from({ length: reader.count }, () => reader.next().toString('latin1'));
}

describe('the entries of a listpack', () => {
  const numbers: [string, bigint, 'u7' | 'i13' | 16 | 24 | 32 | 64][] = [
    ['u7', 0n, 'u7'],
    ['u7', 127n, 'u7'],
    ['i13', 4095n, 'i13'],
    ['i13', -4096n, 'i13'],
    ['i13', -1n, 'i13'],
    ['16 bits', 32767n, 16],
    ['16 bits', -32768n, 16],
    ['24 bits', 8388607n, 24],
    ['24 bits', -8388608n, 24],
    ['24 bits', -1n, 24],
    ['32 bits', 2147483647n, 32],
    ['32 bits', -2147483648n, 32],
    ['64 bits', 2n ** 63n - 1n, 64],
    ['64 bits', -(2n ** 63n), 64],
    ['64 bits', -1n, 64],
  ];
  test.each(numbers)('a number of %s: %s', (_, number, width) => {
    const bytes = listpack([{ number, width }]);
    expect(texts(bytes)).toEqual([String(number)]);
    expect(open(bytes).nextInteger()).toBe(number);
  });

  test.each([0, 1, 63, 64, 4095, 4096, 65536])('a string of %i bytes', (size) => {
    const text = 'é'.repeat(size).slice(0, size);
    expect(texts(listpack([Buffer.from(text, 'latin1'), 'next']))).toEqual([text, 'next']);
  });

  // Each side of where the length behind the entry takes another byte; an entry of 16,383 bytes takes three already.
  test.each([126, 127, 128, 16381, 16382, 16383, 16384, 2097150, 2097151, 2097152])(
    'an entry of %i bytes with its length behind it',
    (size) => {
      const overhead = size <= 64 ? 1 : size <= 4097 ? 2 : 5;
      expect(texts(listpack(['a', 'x'.repeat(size - overhead), 'b'])).map((text) => text.length)).toEqual([
        1,
        size - overhead,
        1,
      ]);
    },
  );

  test('the bytes that a server wrote', () => {
    // From the DUMP of HSET h 1 -1 5000 hello 1099511627776 x on Redis 7.0.15.
    const header = '240000000600';
    const entries = ['0101', 'dfff02', 'f1881303', '8568656c6c6f06', 'f4000000000001000009', '817802'];
    const bytes = Buffer.from(`${header}${entries.join('')}ff`, 'hex');
    expect(texts(bytes)).toEqual(['1', '-1', '5000', 'hello', '1099511627776', 'x']);
    expect(listpack([1, -1, 5000, 'hello', 2n ** 40n, 'x']).equals(bytes)).toBe(true);
  });

  test('more than 65,535 entries are all read, though the header no longer counts them', () => {
    const items: PackedItem[] = Array.from({ length: 70_000 }, (_, i) => (i % 2 === 0 ? i : `f${i}`));
    const bytes = listpack(items);
    expect(bytes.readUInt16LE(4)).toBe(0xffff);
    expect(texts(bytes)).toEqual(items.map(String));
  });

  test('a count that is not known is not believed for a small one either', () => {
    expect(texts(listpack(['a', 'b'], { numele: 0xffff }))).toEqual(['a', 'b']);
  });
});

describe('a damaged listpack', () => {
  const good = listpack(['field', 5, 'x'.repeat(70), -70000]);

  test('one of no entries is fine', () => {
    expect(open(listpack([])).count).toBe(0);
  });

  test('a count that disagrees with the entries is refused', () => {
    expect(() => open(listpack(['a', 'b'], { numele: 3 }))).toThrow(
      expect.objectContaining({ code: 'RDB_LISTPACK', offset: 4 }),
    );
    expect(() => open(listpack(['a', 'b'], { numele: 1 }))).toThrow(RdbError);
  });

  test('cut short, or with bytes behind, it is refused', () => {
    for (let end = 0; end < good.length; end++) expect(() => open(good.subarray(0, end))).toThrow(RdbError);
    expect(() => open(Buffer.concat([good, Buffer.of(0xff)]))).toThrow(RdbError);
  });

  test('every changed byte of its structure is noticed', () => {
    const structure = [0, 1, 2, 3, 4, 5, 6, 12, 14, 15, 16, good.length - 1];
    for (const at of structure) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 0x41;
      expect(() => open(bad), `byte ${at}`).toThrow(RdbError);
    }
  });

  test('an end mark before the end hides nothing', () => {
    const early = Buffer.concat([listpack(['a']), listpack(['b'])]);
    early.writeUInt32LE(early.length, 0);
    expect(() => open(early)).toThrow(/before its end/);
  });

  test('entries of no known kind are refused', () => {
    for (let first = 0xf5; first < 0xff; first++) {
      const bytes = listpack(['']);
      bytes[6] = first;
      expect(() => open(bytes)).toThrow(expect.objectContaining({ offset: 6 }));
    }
  });

  test('text where a number belongs is refused, text that is a number is read', () => {
    expect(() => open(listpack(['12a'])).nextInteger()).toThrow(expect.objectContaining({ offset: 6 }));
    expect(open(listpack(['-12'])).nextInteger()).toBe(-12n);
    expect(() => open(listpack([300])).nextCount(299)).toThrow(/0 to 299/);
    expect(() => open(listpack([-1])).nextCount(299)).toThrow(RdbError);
  });
});
