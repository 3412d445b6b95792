// Values of options as people write them: sizes, durations, rates, numbers and lists.
import { UsageError } from '../lib/errors.ts';
import type { TypeSupport } from '../lib/rdb/reencode.ts';
import { VALUE_KINDS, type ValueKind } from '../lib/rdb/types.ts';
import type { TargetMode } from '../lib/redis/open-fleet.ts';
import type { Rate } from '../lib/redis/rate-limit.ts';
import { CONFLICT_POLICIES, type ConflictPolicy } from '../lib/targets/redis/policy.ts';
import { formatCount } from '../lib/text/count.ts';
import * as quantities from '../lib/text/quantities.ts';

/** Timers hold no more than this many ms (2^31 − 1), about 24 days. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * A size in bytes: `8MiB`, `64k`, `1.5GB`, `4096`. Case does not matter.
 *
 * @param option the option as the user wrote it, for the error
 * @throws {UsageError} `OPTION_INVALID`
 */
export function parseSize(text: string, option: string): number {
  const bytes = quantities.parseSize(text);
  if (bytes !== undefined) return bytes;
  throw invalid(option, text, 'is not a size.', 'Write a number and a unit: 8MiB, 64kB, 1.5GB, or plain bytes: 4096');
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
  const ms = quantities.parseDuration(text.trim());
  if (ms !== undefined) return ms;
  const problem = /^[+-]?\d+$/.test(text.trim()) ? 'has no unit.' : 'is not a duration.';
  throw invalid(option, text, problem, 'Write a number and a unit, ms, s, m, h or d: 500ms, 90s, 1h30m, 7d');
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
  const rate = quantities.parseRate(text);
  if (rate !== undefined) return rate;
  throw invalid(
    option,
    text,
    'is not a rate above zero.',
    'Write bytes a second, keys a second, or both: 50MB/s  20000keys/s  50MB/s,20000keys/s',
  );
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

/** The address that a replica says it has. */
export function parseAnnounced(text: string, option: string): { host: string; port: number } {
  const [, host = '', digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) throw invalid(option, text, 'is no address.', 'Write HOST:PORT: 10.0.0.9:6379');
  return { host: host === '' ? text.slice(0, text.lastIndexOf(':')) : host, port };
}
