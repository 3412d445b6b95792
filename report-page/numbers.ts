// Numbers, shares and times as the page shows them.
import { formatBytes, formatCount, formatRough, formatSeconds } from '../cli/format.ts';
import type { InspectCounts } from '../lib/targets/inspect/report.ts';

export { formatBytes, formatCount, formatRough };

/** What the page's areas and bars stand for. */
export type Measure = 'memory' | 'bytes' | 'keys';

export const MEASURES: readonly { readonly measure: Measure; readonly label: string }[] = [
  { measure: 'memory', label: 'Memory' },
  { measure: 'bytes', label: 'File bytes' },
  { measure: 'keys', label: 'Keys' },
];

/** In the middle of a sentence. */
export const MEASURE_NAMES: Readonly<Record<Measure, string>> = {
  memory: 'estimated memory',
  bytes: 'bytes in the file',
  keys: 'keys',
};

export function formatMeasure(measure: Measure, value: number): string {
  return measure === 'keys' ? formatCount(value) : formatBytes(value);
}

/** The same in few characters, for a bar's end. */
export function formatShort(measure: Measure, value: number): string {
  return measure === 'keys' ? formatRough(value) : formatBytes(value);
}

/** A part of a whole: `12.3%`; `0%` and `100%` only where it is nothing and all. */
export function formatShare(part: number, whole: number): string {
  if (part === 0 || whole === 0) return '0%';
  if (part === whole) return '100%';
  const percent = (part / whole) * 100;
  if (percent < 0.1) return '<0.1%';
  if (percent > 99.9) return '>99.9%';
  return `${percent.toFixed(1)}%`;
}

/** Of a part, 0 to 1; 0 where there is no whole. */
export function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : 0;
}

/** `2026-11-23 12:33 UTC`; a time beyond what a date can hold as its milliseconds. */
export function formatTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return `${formatCount(milliseconds)} ms`;
  return `${date
    .toISOString()
    .replace('T', ' ')
    .replace(/:\d\d\.\d+Z$/, '')} UTC`;
}

/** An expiry as seen from `now`: `in 3 h 20 min`, `2 d 1 h ago`, `never`. */
export function formatExpiry(expireAt: number | null, now: number): string {
  if (expireAt === null) return 'never';
  const seconds = Math.abs(expireAt - now) / 1000;
  const years = seconds / (365.25 * 86_400);
  const long = years >= 2 ? `${formatRough(years)} years` : formatSeconds(seconds);
  return expireAt > now ? `in ${long}` : `${long} ago`;
}

/** Mean memory of a key of a group. */
export function memoryPerKey({ memory, keys }: Pick<InspectCounts, 'memory' | 'keys'>): number {
  return keys === 0 ? 0 : memory / keys;
}
