import { describe, expect, test } from 'vitest';
import { tableLines } from '../../cli/columns.ts';
import {
  columnsOf,
  formatBytes,
  formatClock,
  formatRough,
  formatSeconds,
  plural,
  printable,
  shorten,
} from '../../cli/format.ts';

describe('numbers', () => {
  test.each([
    [0, '0 B'],
    [94, '94 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_400, '999 kB'],
    [999_600, '1.00 MB'],
    [175_237_560, '175 MB'],
    [40e9, '40.0 GB'],
    [3e18, '3000 PB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('rough numbers never take more than five characters', () => {
    for (const value of [0, 7, 999, 1000, 9999, 10_000, 462_345, 999_999, 1_200_000, 99_990_000]) {
      expect(formatRough(value).length, String(value)).toBeLessThanOrEqual(5);
    }
    expect(formatRough(462_345)).toBe('462k');
  });

  test.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [200, '3 min 20 s'],
    [3599.7, '1 h 0 min'],
    [7500, '2 h 5 min'],
    [97_200, '1 d 3 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  test('the clock rounds up, so that it shows 0:00 only at the end', () => {
    expect([0, 0.1, 59.1, 200, 7500].map(formatClock)).toEqual(['0:00', '0:01', '1:00', '3:20', '2:05:00']);
  });

  test('plurals', () => {
    expect([plural(1, 'key'), plural(2500, 'key'), plural(2, 'library', 'libraries')]).toEqual([
      '1 key',
      '2,500 keys',
      '2 libraries',
    ]);
  });
});

describe('text', () => {
  test('nothing in a file steers the terminal', () => {
    expect(printable('a\x1b[2Jb\rc\u009bd\u202ee\u2066f\ng')).toBe('a\\x1b[2Jb\\x0dc\\x9bd\\u202ee\\u2066f\ng');
    expect(printable('käse 漢字 🦊')).toBe('käse 漢字 🦊');
  });

  test('columns', () => {
    expect([columnsOf('abc'), columnsOf('漢字'), columnsOf('🦊'), columnsOf('━─…')]).toEqual([3, 4, 2, 3]);
  });

  test('what is too long loses its middle and never exceeds its columns', () => {
    expect(shorten('dump.rdb', 8)).toBe('dump.rdb');
    expect(shorten('a-very-long-name.rdb', 11)).toBe('a-ver…e.rdb');
    expect(shorten('abc', 1)).toBe('');
    for (const text of ['漢字漢字漢字.rdb', 'name🦊🦊🦊🦊.rdb', 'plain-old-name.rdb']) {
      for (let columns = 0; columns < 20; columns++) {
        expect(columnsOf(shorten(text, columns)), `${text} in ${columns}`).toBeLessThanOrEqual(columns);
      }
    }
  });
});

test('tables align by what is seen, and end without spaces', () => {
  const rows = [
    ['name', 'keys', 'note'],
    ['漢字', '1,000', ''],
    ['x', '7', 'last'],
  ];
  expect(tableLines(rows, ['left', 'right', 'left'])).toEqual([
    'name   keys  note',
    '漢字  1,000',
    'x         7  last',
  ]);
  const bold = tableLines(rows, ['left', 'right', 'left'], (cell) => `\x1b[1m${cell}\x1b[22m`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is taken out
  expect(bold.map((line) => line.replace(/\x1b\[\d+m/g, ''))).toEqual(tableLines(rows, ['left', 'right', 'left']));
});
