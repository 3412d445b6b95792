// Sizes, durations and rates as people write them.

/** KB and K as in most tools: the one decimal, the other binary. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ...unitsOf(1e3, 'kb', 'mb', 'gb', 'tb'),
  ...unitsOf(2 ** 10, 'k', 'm', 'g', 't'),
  ...unitsOf(2 ** 10, 'kib', 'mib', 'gib', 'tib'),
]);

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** What a size looks like, for schemas; parseSize decides. */
export const SIZE_FORM = /^\d+(?:\.\d+)?\s*[A-Za-z]*$/;
/** What a duration looks like. */
export const DURATION_FORM = /^[+-]?(?:(?:\d+(?:\.\d+)?\s*(?:[mM]?[sS]|[mMhHdD])\s*)+|0)$/;
/** What a rate looks like. */
export const RATE_FORM = /^\d[^/,]*\/\s*[sS](?:\s*,\s*\d[^/,]*\/\s*[sS])?$/;

/** At most so much a second. */
export interface RateLimit {
  readonly bytesPerSecond?: number;
  readonly keysPerSecond?: number;
}

/** A size in bytes: `8MiB`, `64k`, `1.5GB`, `4096`; case does not matter. `undefined` for what is none. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(amount) * (SIZE_UNITS.get(unit.toLowerCase()) ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A duration in ms: `500ms`, `90s`, `1h30m`, `+7d`, `-1.5h`, `0`. `undefined` for what is none. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION_FORM.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(/([\d.]+)\s*(ms|s|m|h|d)/gi)) {
    ms += Number(amount) * (DURATION_UNITS_MS[unit.toLowerCase()] as number);
  }
  const rounded = Math.round(ms);
  if (!Number.isSafeInteger(rounded)) return undefined;
  // No negative zero.
  return text.startsWith('-') ? 0 - rounded : rounded;
}

/** A rate: `50MB/s`, `20000keys/s`, or both with a comma between them. `undefined` for what is none, and for zero. */
export function parseRate(text: string): RateLimit | undefined {
  const rate: { bytesPerSecond?: number; keysPerSecond?: number } = {};
  for (const part of text.split(',')) {
    const [, amount = ''] = /^\s*(.+?)\s*\/\s*s\s*$/i.exec(part) ?? [];
    const [, keys] = /^(\d+)\s*keys?$/i.exec(amount) ?? [];
    const name = keys === undefined ? 'bytesPerSecond' : 'keysPerSecond';
    // A number alone says not what it counts.
    const value = keys === undefined ? (/[a-z]$/i.test(amount) ? parseSize(amount) : undefined) : Number(keys);
    if (!value || !Number.isSafeInteger(value) || rate[name] !== undefined) return undefined;
    rate[name] = value;
  }
  return rate;
}

/** Each unit is `base` times the one before it. */
function unitsOf(base: number, ...names: readonly string[]): [string, number][] {
  return names.map((name, at) => [name, base ** (at + 1)]);
}
