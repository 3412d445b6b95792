// Keys for conflict tests: what a file brings ("subjects"), and what stands under the same name on the target ("old").
import type { Argument, Command } from './commands.ts';
import { YEAR_2099 } from './dataset-strings.ts';
import type { Random } from './random.ts';
import type { Features } from './server-binaries.ts';

type Make = (key: string, random: Random) => Command[];

const expiring = (make: Make, shift = 0): Make => {
  return (key, random) => [...make(key, random), ['PEXPIREAT', key, YEAR_2099 + shift]];
};
const numbered = (count: number, row: (i: number) => Argument[]): Argument[] =>
  Array.from({ length: count }, (_, i) => row(i)).flat();

const small: Record<string, Make> = {
  string: (key) => [['SET', key, 'plain']],
  'string empty': (key) => [['SET', key, '']],
  'string int8': (key) => [['SET', key, '-7']],
  'string int32': (key) => [['SET', key, '1234567']],
  'string lzf': (key, random) => [['SET', key, random.text(5000)]],
  'string 100 KiB': (key, random) => [['SET', key, random.bytes(100 * 1024)]],
  'string 200 KiB': (key, random) => [['SET', key, random.bytes(200 * 1024)]],
  'list small': (key) => [['RPUSH', key, 'a', 'b', '3']],
  'list large': (key, random) => [['RPUSH', key, ...numbered(500, () => [random.bytes(30)])]],
  'set intset': (key) => [['SADD', key, 1, 2, 3]],
  'set words': (key) => [['SADD', key, 'a', 'b']],
  'set large': (key) => [['SADD', key, ...numbered(300, (i) => [`member ${i}`])]],
  'zset small': (key) => [['ZADD', key, 1, 'a', 2.5, 'b']],
  'zset large': (key) => [['ZADD', key, ...numbered(300, (i) => [i / 7, `member ${i}`])]],
  'hash small': (key) => [['HSET', key, 'field 0', 'new', 'b', '2']],
  'hash large': (key, random) => [['HSET', key, ...numbered(300, (i) => [`field ${i}`, random.text(80)])]],
  stream: (key) => [
    ['XADD', key, '5-1', 'f', 'v'],
    ['XADD', key, '6-1', 'f', 'v'],
    ['XGROUP', 'CREATE', key, 'group', '0'],
    ['XREADGROUP', 'GROUP', 'group', 'reader', 'COUNT', 1, 'STREAMS', key, '>'],
  ],
};

const fieldTtl: Record<string, Make> = {
  'hash field TTLs': (key) => [
    ['HSET', key, 'field 0', 'new', 'b', '2', 'c', '3'],
    ['HPEXPIREAT', key, YEAR_2099 + 5, 'FIELDS', 2, 'field 0', 'b'],
  ],
};

/** Above the 8 MiB from which a record is streamed. */
export const HUGE: Record<string, Make> = {
  'huge string': (key, random) => [['SET', key, random.bytes((8 << 20) + 1000)]],
  'huge string with TTL': expiring((key, random) => [['SET', key, random.bytes((8 << 20) + 2000)]], 7),
  'huge list': (key, random) => [['RPUSH', key, ...numbered(9, () => [random.bytes(1 << 20)])]],
};

/** Every kind of value, with and without a TTL. */
export function subjects(features: Features): Record<string, Make> {
  const plain = features.fieldExpiry ? { ...small, ...fieldTtl } : small;
  const timed = Object.entries(plain).map(([name, make]) => [`${name} with TTL`, expiring(make)] as const);
  return { ...plain, ...Object.fromEntries(timed) };
}

/** What an application may have under the name: each type, with more members than any subject, with and without a TTL. */
export const OLD: Record<string, Make> = {
  string: (key) => [['SET', key, 'old']],
  'string with TTL': expiring((key) => [['SET', key, '12345']], 60_000),
  list: (key) => [['RPUSH', key, ...numbered(600, (i) => [`item ${i}`])]],
  'set with TTL': expiring((key) => [['SADD', key, ...numbered(600, (i) => [`member ${i}`])]], 120_000),
  zset: (key) => [['ZADD', key, ...numbered(600, (i) => [i, `member ${i}`])]],
  'hash with TTL': expiring((key) => [['HSET', key, ...numbered(600, (i) => [`field ${i}`, 'old'])]], 180_000),
  stream: (key) => [
    ['XADD', key, '5-1', 'f', 'old'],
    ['XADD', key, '7-1', 'f', 'old'],
    ['XGROUP', 'CREATE', key, 'old group', '0'],
  ],
  // What the file would write, but for the TTL.
  'almost the same': expiring((key) => [['SET', key, 'plain']], 240_000),
};

/** The key of a subject that meets something old. */
export const keyOf = (subject: string, old: string): string => `${subject} over ${old}`;
