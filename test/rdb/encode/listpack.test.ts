// Listpacks come out byte for byte as the format says, at each step of lengths and numbers.
import { expect, test } from 'vitest';
import { Cursor } from '../../../lib/bytes/cursor.ts';
import { Listpack } from '../../../lib/rdb/decode/listpack.ts';
import { ListpackWriter } from '../../../lib/rdb/encode/listpack.ts';
import { listpack } from '../../support/packed-builders.ts';

const written = (items: readonly (string | Buffer | bigint)[]) => {
  const writer = new ListpackWriter();
  for (const item of items) {
    if (typeof item === 'bigint') writer.integer(item);
    else writer.string(Buffer.from(item));
  }
  return writer.finish();
};

test('numbers take the narrowest of six widths, and as text the same', () => {
  const edges = [7n, 12n, 15n, 23n, 31n, 63n].flatMap((bits) => [
    2n ** bits - 1n,
    2n ** bits,
    -(2n ** bits),
    -(2n ** bits) - 1n,
  ]);
  const numbers = [0n, 1n, -1n, ...edges].filter((each) => BigInt.asIntN(64, each) === each);
  expect(written(numbers)).toEqual(listpack(numbers));
  expect(written(numbers.map(String))).toEqual(listpack(numbers));
});

test('text that only looks like a number stays text', () => {
  const texts = [
    '-0',
    '01',
    '+1',
    '-',
    '',
    ' 1',
    '1 ',
    '1e3',
    '0x1',
    '9223372036854775808',
    '-9223372036854775809',
    '-01',
  ];
  expect(written(texts)).toEqual(listpack(texts));
});

test('lengths in front and behind change their size where servers change it', () => {
  const sizes = [
    0, 63, 64, 125, 126, 127, 128, 4095, 4096, 16_376, 16_377, 16_378, 16_379, 2_097_145, 2_097_146, 2_097_147,
  ];
  const texts = sizes.map((size) => Buffer.alloc(size, 'x'));
  expect(written(texts).equals(listpack(texts))).toBe(true);
});

test('more elements than the header can count are counted by walking', () => {
  for (const count of [65_534, 65_535, 70_000]) {
    const many = Array.from({ length: count }, (_, i) => BigInt(i % 100));
    const bytes = written(many);
    expect(bytes.equals(listpack(many))).toBe(true);
    expect(new Listpack(new Cursor(bytes, { code: 'RDB_LISTPACK' })).count).toBe(count);
  }
});

test('a writer that is cleared writes another listpack, and tells its size before the end', () => {
  const writer = new ListpackWriter();
  writer.string(Buffer.from('first')).finish();
  writer.clear().integer(1).string(Buffer.from('second'));
  expect(writer.size).toBe(listpack([1, 'second']).length);
  expect(writer.replaceFirst(100).finish()).toEqual(listpack([100, 'second']));
});
