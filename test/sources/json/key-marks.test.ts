import { expect, test } from 'vitest';
import { KeyMarks } from '../../../lib/sources/json/key-marks.ts';

test('knows each key again, of each database, while it grows', () => {
  const marks = new KeyMarks();
  const keys = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`key ${i}`));
  for (const key of keys) expect(marks.add(0, key)).toBe(true);
  for (const key of keys) expect(marks.add(0, key)).toBe(false);
  for (const key of keys) expect(marks.add(1, key)).toBe(true);
});

test('database and key are told apart', () => {
  const marks = new KeyMarks();
  expect(marks.add(1, Buffer.from('2 x'))).toBe(true);
  expect(marks.add(12, Buffer.from('x'))).toBe(true);
  expect(marks.add(0, Buffer.alloc(0))).toBe(true);
  expect(marks.add(0, Buffer.alloc(0))).toBe(false);
});
