// Values of options as people write them: sizes, durations, rates, numbers and lists.
import { UsageError } from '../lib/errors.ts';
import type { TypeSupport } from '../lib/rdb/reencode.ts';
import { VALUE_KINDS, type ValueKind } from '../lib/rdb/types.ts';
import type { TargetMode } from '../lib/redis/open-fleet.ts';
import type { Rate } from '../lib/redis/rate-limit.ts';
import { CONFLICT_POLICIES, type ConflictPolicy } from '../lib/targets/redis/policy.ts';
import { formatCount } from '../lib/text/count.ts';

/** Timers hold no more than this many ms (2^31 − 1), about 24 days. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** KB and K as in most tools: the one decimal, the other binary. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['k', 2 ** 10],
  ['m', 2 ** 20],
  ['g', 2 ** 30],
  ['t', 2 ** 40],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

const DURATION_UNITS_MS: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/**
 * A size in bytes: `8MiB`, `64k`, `1.5GB`, `4096`. Case does not matter.
 *
 * @param option the option as the user wrote it, for the error
 * @throws {UsageError} `OPTION_INVALID`
 */
export function parseSize(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? undefined : SIZE_UNITS.get((match[2] as string).toLowerCase());
  const bytes = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes)) {
    throw invalid(option, text, 'is not a size.', 'Write a number and a unit: 8MiB, 64kB, 1.5GB, or plain bytes: 4096');
  }
  return bytes;
}

/** A size between two bounds, both included; bytes. */
export function parseSizeWithin(text: string, option: string, least: number, most: number): number {
  const bytes = parseSize(text, option);
  if (bytes < least || bytes > most) {
    throw invalid(option, text, `is out of range: ${number(least)} to ${number(most)} bytes are possible.`);
  }
  return bytes;
}

/**
 * A duration in ms: `500ms`, `90s`, `1h30m`, `+7d`, `-1.5h`, `0`.
 *
 * @throws {UsageError} `OPTION_INVALID`
 */
export function parseDuration(text: string, option: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)\s*)+|0)$/i.exec(text.trim());
  let ms = 0;
  for (const [, amount, unit = ''] of match?.[2]?.matchAll(/([\d.]+)\s*(ms|s|m|h|d)/gi) ?? []) {
    ms += Number(amount) * (DURATION_UNITS_MS[unit.toLowerCase()] as number);
  }
  const rounded = Math.round(ms);
  if (match === null || !Number.isSafeInteger(rounded)) {
    const unitless = /^[+-]?\d+$/.test(text.trim()) ? 'has no unit.' : 'is not a duration.';
    throw invalid(option, text, unitless, 'Write a number and a unit, ms, s, m, h or d: 500ms, 90s, 1h30m, 7d');
  }
  // No negative zero.
  return match[1] === '-' ? 0 - rounded : rounded;
}

/** A duration that a timer can hold, from `leastMs` on; ms. */
export function parseWait(text: string, option: string, leastMs: number): number {
  const ms = parseDuration(text, option);
  if (ms < leastMs) throw invalid(option, text, leastMs === 0 ? 'is negative.' : 'is too short.');
  if (ms > LONGEST_TIMER_MS) throw invalid(option, text, 'is too long: 24d is the most.');
  return ms;
}

/**
 * A rate: bytes a second (`50MB/s`), keys a second (`20000keys/s`), or both with a comma between them.
 *
 * @throws {UsageError} `OPTION_INVALID`
 */
export function parseRate(text: string, option: string): Rate {
  let bytesPerSecond: number | undefined;
  let keysPerSecond: number | undefined;
  const problem = (what: string) =>
    invalid(
      option,
      text,
      what,
      'Write bytes a second, keys a second, or both: 50MB/s  20000keys/s  50MB/s,20000keys/s',
    );
  for (const part of text.split(',')) {
    const amount = /^\s*(.+?)\s*\/\s*s\s*$/i.exec(part)?.[1];
    if (amount === undefined) throw problem(`is not a rate: ${JSON.stringify(part.trim())} does not end in /s.`);
    const keys = /^(\d+)\s*keys?$/i.exec(amount)?.[1];
    if (keys === undefined) {
      if (bytesPerSecond !== undefined) throw problem('has two rates of bytes.');
      if (!/^[\d.]+\s*([kmgt]?i?b|[kmgt])$/i.test(amount)) throw problem('is not a rate.');
      bytesPerSecond = parseSize(amount, option);
    } else {
      if (keysPerSecond !== undefined) throw problem('has two rates of keys.');
      keysPerSecond = Number(keys);
    }
  }
  if (bytesPerSecond === 0 || keysPerSecond === 0) throw problem('would never get anywhere: it is zero.');
  return { bytesPerSecond, keysPerSecond };
}

/** A whole number between two bounds, both included. */
export function parseCount(text: string, option: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw invalid(option, text, `is not a number from ${least} to ${number(most)}.`);
  }
  return value;
}

/** Numbers of databases: `0,1`. Repeated options add to `before`. */
export function parseDbs(text: string, option: string, before: readonly number[] = []): number[] {
  const dbs = text.split(',').map((part) => {
    if (!/^\s*\d{1,9}\s*$/.test(part)) {
      throw invalid(option, text, 'is not a list of databases.', 'Write their numbers with commas between them: 0,1');
    }
    return Number(part);
  });
  return [...new Set([...before, ...dbs])];
}

/** Where databases go: `1:0,9:2`. Repeated options add to `before`. */
export function parseDbMap(text: string, option: string, before?: ReadonlyMap<number, number>): Map<number, number> {
  const map = new Map(before);
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,9})\s*:\s*(\d{1,9})\s*$/.exec(part);
    if (match === null) {
      throw invalid(
        option,
        text,
        'does not say which database goes where.',
        'Write FROM:TO, with commas between: 1:0,9:2',
      );
    }
    const [from, to] = [Number(match[1]), Number(match[2])];
    if (map.has(from) && map.get(from) !== to) throw invalid(option, text, `sends database ${from} to two places.`);
    map.set(from, to);
  }
  return map;
}

/** An RDB version: `11`, `redis:11`, `valkey:80`. */
export function parseRdbVersion(text: string, option: string): TypeSupport {
  const [, family, number] = /^(?:(redis|valkey):)?(\d{1,3})$/.exec(text) ?? [];
  if (number === undefined) throw invalid(option, text, 'is no RDB version.', 'Write 11, or valkey:80.');
  return { family: (family as TypeSupport['family'] | undefined) ?? 'redis', rdb: Number(number) };
}

/** What the target is. */
export function parseMode(text: string, option: string): TargetMode {
  if (text === 'auto' || text === 'proxy') return text;
  throw invalid(option, text, 'is no mode.', 'Write auto or proxy.');
}

/** Addresses as nodes announce them and as this client reaches them: `10.0.0.7:6379=203.0.113.7:7001`. */
export function parseAddressMap(
  text: string,
  option: string,
  before?: ReadonlyMap<string, string>,
): Map<string, string> {
  const map = new Map(before);
  for (const part of text.split(',')) {
    const match = /^\s*(\S+:\d{1,5})\s*=\s*(\S+:\d{1,5})\s*$/.exec(part);
    if (match === null) {
      throw invalid(
        option,
        text,
        'does not say which address is reached where.',
        'Write ANNOUNCED:PORT=REACHED:PORT, with commas between.',
      );
    }
    map.set(match[1] as string, match[2] as string);
  }
  return map;
}

/** Kinds of values: `string,hash`. Repeated options add to `before`. */
export function parseKinds(text: string, option: string, before: readonly ValueKind[] = []): ValueKind[] {
  const kinds = text.split(',').map((part) => {
    const kind = VALUE_KINDS.find((each) => each === part.trim().toLowerCase());
    if (kind === undefined) {
      throw invalid(
        option,
        text,
        `names no type of value: ${JSON.stringify(part.trim())}.`,
        `The types are ${VALUE_KINDS.join(', ')}.`,
      );
    }
    return kind;
  });
  return [...new Set([...before, ...kinds])];
}

/** The words that RedisShake's users know. */
const POLICY_ALIASES = new Map<string, ConflictPolicy>([
  ['ignore', 'skip'],
  ['none', 'panic'],
]);

/** What happens to keys that exist: keyferry's words, and RedisShake's `ignore` and `none`. */
export function parsePolicy(text: string, option: string): ConflictPolicy {
  const policy = CONFLICT_POLICIES.find((each) => each === text) ?? POLICY_ALIASES.get(text);
  if (policy !== undefined) return policy;
  throw invalid(
    option,
    text,
    'is not a way to treat keys that exist.',
    'Write panic (stop at the first), rewrite (replace) or skip (leave).',
  );
}

function invalid(option: string, text: string, what: string, remedy?: string): UsageError {
  return new UsageError('OPTION_INVALID', `${JSON.stringify(text)} ${what}`, { where: option, remedy });
}

const number = (value: number): string => formatCount(value);

/** How the parts of an output are packed. */
export const PACKINGS = ['gz', 'zst'] as const;
export type Packing = (typeof PACKINGS)[number];

/** One of a few words. */
export const parseOneOf =
  <T extends string>(words: readonly T[], problem: string) =>
  (text: string, option: string): T => {
    const word = words.find((each) => each === text);
    if (word === undefined) throw invalid(option, text, problem, `Choose one of ${words.join(', ')}.`);
    return word;
  };

/** Characters of one byte each; none is possible. */
export function parseSeparators(text: string, option: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: any character of ASCII is possible
  if (/^[\u0000-\u007f]*$/.test(text)) return text;
  throw invalid(option, text, 'is more than ASCII.', "Write one or more of its characters: ':' or ':./'");
}

/** A moment as ISO 8601 has it; ms since 1970. */
export function parseMoment(text: string, option: string): number {
  const ms = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw invalid(option, text, 'is not a moment.', 'Write a date, or a date and a time: 2026-11-23T12:00:00Z');
}
