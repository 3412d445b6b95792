// Numbers on the report page: a share is never rounded to nothing or all, and no time breaks the page.
import { expect, test } from 'vitest';
import { formatExpiry, formatShare, formatTime, memoryPerKey, ratio } from '../../report-page/numbers.ts';

test('0% and 100% are said only of none and all', () => {
  expect(formatShare(0, 1000)).toBe('0%');
  expect(formatShare(1, 2_500_000)).toBe('<0.1%');
  expect(formatShare(123, 1000)).toBe('12.3%');
  expect(formatShare(2_499_999, 2_500_000)).toBe('>99.9%');
  expect(formatShare(7, 7)).toBe('100%');
});

test('an empty file has no shares, and divides by nothing', () => {
  expect(formatShare(0, 0)).toBe('0%');
  expect(ratio(0, 0)).toBe(0);
  expect(memoryPerKey({ memory: 0, keys: 0 })).toBe(0);
});

test('times are in UTC, and one that no calendar holds stays a number', () => {
  expect(formatTime(Date.UTC(2026, 10, 23, 12, 33, 24))).toBe('2026-11-23 12:33 UTC');
  expect(formatTime(2 ** 63)).toMatch(/^9,223,372,036,854,77\d,\d{3} ms$/);
});

test('an expiry is told from the moment of the report', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(formatExpiry(null, now)).toBe('never');
  expect(formatExpiry(now + 3 * 3_600_000, now)).toBe('in 3 h 0 min');
  expect(formatExpiry(now - 90_000, now)).toBe('1 min 30 s ago');
  expect(formatExpiry(0, now)).toBe('56 years ago');
});
