// Names on the report page: nothing invisible, nothing that turns the text around, nothing endless.
import { expect, test } from 'vitest';
import { LONGEST_NAME, nameText, shown, visible } from '../../report-page/names.ts';

test('what cannot be seen is escaped, and what people write is left alone', () => {
  expect(visible('a\u0000\n\u001b[31m\u007f')).toBe('a\\x00\\x0a\\x1b[31m\\x7f');
  expect(visible('user:\u202egnp.exe\u200b\u2028\ufeff')).toBe('user:\\u202egnp.exe\\u200b\\u2028\\ufeff');
  expect(visible('lone \ud800 surrogate')).toBe('lone \\ud800 surrogate');
  for (const text of ['<img src=x>', 'سلة:٤٢', '👩‍👧 日本語', 'a b\\x00']) expect(visible(text)).toBe(text);
});

test('a name of a megabyte keeps its two ends', () => {
  const text = shown(`begin:${'x'.repeat(1 << 20)}:end`);
  expect(text).toMatch(/^begin:x+…x+:end$/);
  expect([...text].length).toBeLessThanOrEqual(LONGEST_NAME);
});

test('a name is cut between characters, never within one', () => {
  expect(shown('🛒'.repeat(300), 100)).toMatch(/^🛒+…🛒+$/u);
  expect(shown('🛒'.repeat(60), 100)).toBe('🛒'.repeat(60));
});

test('the name without a character has one on the page', () => {
  expect(nameText({ text: '' }, '(empty name)')).toBe('(empty name)');
  expect(nameText({ text: 'a' }, '(empty name)')).toBe('a');
});
