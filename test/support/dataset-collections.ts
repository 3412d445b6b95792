// Test data: lists, sets, sorted sets and hashes, small and large, so that each of their encodings occurs.
import type { Argument, Command } from './commands.ts';
import { BINARY, INTEGERS, YEAR_2099 } from './dataset-strings.ts';
import type { Random } from './random.ts';
import type { Features } from './server-binaries.ts';

/** The latest field expiry that Redis takes: 2^46 - 1 ms. */
const LAST_FIELD_MS = 2 ** 46 - 1;

const numbered = (count: number, row: (index: number) => readonly Argument[]): (readonly Argument[])[] =>
  Array.from({ length: count }, (_, index) => row(index));

/** `name key row row …` with `count` rows, in commands of at most 500. */
function* rows(name: string, key: string, count: number, row: (i: number) => readonly Argument[]): Generator<Command> {
  const all = numbered(count, row);
  for (let at = 0; at < count; at += 500) yield [name, key, ...all.slice(at, at + 500).flat()];
}

export function* lists(random: Random, features: Features): Generator<Command> {
  yield ['RPUSH', 'list:one', 'x'];
  yield ['RPUSH', 'list:empty-string', ''];
  yield ['RPUSH', 'list:mixed', ...INTEGERS, '', ...BINARY, 'text', 'text'];
  yield* rows('RPUSH', 'list:numbers', 3000, () => [random.int(-(2 ** 40), 2 ** 40)]);
  yield* rows('RPUSH', 'list:nodes', 3000, (i) => [i % 2 === 0 ? random.text(30) : random.bytes(30)]);
  yield* rows('RPUSH', 'list:lengths', 40, (i) => [random.bytes(i * 100)]);
  // Nodes inside a list are compressed in memory and saved as they are; the ends of the list are not.
  yield ['CONFIG', 'SET', 'list-compress-depth', 1];
  yield* rows('RPUSH', 'list:compressed', 2000, () => [random.text(60)]);
  yield ['CONFIG', 'SET', 'list-compress-depth', 0];
  // An element above a node's size stands alone as a plain node: by itself from 7.2 on, in 7.0 when told to.
  const plain = features.seven && !features.sevenTwo;
  if (plain) yield ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '8kb'];
  yield ['RPUSH', 'list:plain', 'a', random.bytes(9000), random.text(20_000), '7', random.bytes(70_000), 'z'];
  yield ['RPUSH', 'list:plain:one', random.text(10_000)];
  if (plain) yield ['DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '0'];
}

export function* sets(random: Random): Generator<Command> {
  yield ['SADD', 'set:one', 'x'];
  yield ['SADD', 'set:one-number', '5'];
  yield ['SADD', 'set:empty-string', ''];
  for (const bits of [16, 32, 52]) {
    const edge = 2 ** (bits - 1) - 1;
    yield ['SADD', `set:int${bits}`, edge, -edge - 1, ...numbered(100, () => [random.int(-edge, edge)]).flat()];
  }
  yield ['SADD', 'set:int64', ...INTEGERS];
  yield ['SADD', 'set:mixed', ...INTEGERS, '', ...BINARY];
  yield ['SADD', 'set:long-member', 'short', random.text(100)];
  yield* rows('SADD', 'set:strings', 1000, (i) => [`member:${i}`]);
  yield* rows('SADD', 'set:numbers', 1000, (i) => [i * 3]);
}

/** Scores that a text or an integer in between would change. */
const SCORES: readonly string[] = [
  ...['-inf', 'inf', '0', '-0', '1', '-1', '0.1', '0.30000000000000004', '3.1415926535897931', '1e300', '1e-300'],
  ...[
    '5e-324',
    '1.7976931348623157e308',
    '9007199254740992',
    '-9007199254740993',
    '123456789012345.67',
    '1e17',
    '1e21',
  ],
];

export function* zsets(random: Random): Generator<Command> {
  const scored = SCORES.map((score) => [score, `member ${score}`]);
  yield ['ZADD', 'zset:one', 1.5, 'x'];
  yield ['ZADD', 'zset:empty-string', 0, ''];
  yield ['ZADD', 'zset:scores', ...scored.flat()];
  yield ['ZADD', 'zset:scores:large', ...scored.flat(), 1, random.text(100)];
  yield ['ZADD', 'zset:members', ...[...INTEGERS, ...BINARY].flatMap((member, i) => [i, member])];
  yield ['ZADD', 'zset:same-score', ...numbered(50, (i) => [7, `m${i}`]).flat()];
  yield* rows('ZADD', 'zset:skiplist', 1000, (i) => [random.int(-9, 9) / 7 + i / 100, `member:${i}`]);
  yield* rows('ZADD', 'zset:whole', 500, (i) => [random.int(-(2 ** 40), 2 ** 40), `member:${i}`]);
  const places = numbered(150, (i) => [random.int(-179, 178) + 0.5, random.int(-84, 84) + 0.25, `place:${i}`]);
  yield ['GEOADD', 'geo:small', ...places.slice(0, 20).flat()];
  yield ['GEOADD', 'geo:large', ...places.flat()];
}

export function* hashes(random: Random, features: Features): Generator<Command> {
  yield ['HSET', 'hash:one', 'f', 'v'];
  yield ['HSET', 'hash:empty-strings', '', '', 'f', ''];
  yield ['HSET', 'hash:mixed', ...[...INTEGERS, ...BINARY].flatMap((part) => [part, part])];
  yield ['HSET', 'hash:long-value', 'short', 'v', 'long', random.text(100)];
  yield ['HSET', 'hash:long-binary', 'short', 'v', random.bytes(200), random.bytes(3000)];
  yield* rows('HSET', 'hash:listpack', 100, (i) => [`field:${i}`, random.text(random.int(0, 60))]);
  yield* rows('HSET', 'hash:table', 1000, (i) => [`field:${i}`, random.int(0, 2 ** 40)]);
  if (features.fieldExpiry) yield* expiringHashes(random);
}

function* expiringHashes(random: Random): Generator<Command> {
  const expire = (key: string, ms: number, fields: readonly Argument[]): Command => {
    return ['HPEXPIREAT', key, ms, 'FIELDS', fields.length, ...fields];
  };
  yield ['HSET', 'hash:ttl:small', 'a', 1, 'b', 'two', 'c', '', 'd', random.text(40), '', 'empty name'];
  yield expire('hash:ttl:small', YEAR_2099, ['a', 'b']);
  yield expire('hash:ttl:small', YEAR_2099 + 1, ['d']);
  yield expire('hash:ttl:small', LAST_FIELD_MS, ['']);
  yield ['HSET', 'hash:ttl:all', 'a', 1, 'b', 2];
  yield expire('hash:ttl:all', YEAR_2099, ['a', 'b']);
  yield ['HSET', 'hash:ttl:gone-again', 'a', 1, 'b', 2];
  yield expire('hash:ttl:gone-again', YEAR_2099, ['a']);
  yield ['HPERSIST', 'hash:ttl:gone-again', 'FIELDS', 1, 'a'];
  yield ['HSET', 'hash:ttl:key-too', 'a', 1, 'b', 2];
  yield expire('hash:ttl:key-too', YEAR_2099 + 5, ['b']);
  yield ['PEXPIREAT', 'hash:ttl:key-too', YEAR_2099 + 99];
  yield ['HSETEX', 'hash:ttl:set-at-once', 'EX', 86_400, 'FIELDS', 2, 'x', random.bytes(100), 'y', 2];
  yield ['HSET', 'hash:ttl:binary', ...BINARY.flatMap((part) => [part, part])];
  yield expire('hash:ttl:binary', YEAR_2099 + 7, BINARY.slice(0, 3));
  const fields = numbered(1000, (i) => [`field:${i}`]).flat();
  yield* rows('HSET', 'hash:ttl:table', 1000, (i) => [`field:${i}`, random.text(random.int(0, 90))]);
  for (let at = 0; at < 600; at += 20) {
    yield expire('hash:ttl:table', YEAR_2099 + random.int(0, 10 ** 10), fields.slice(at, at + 20));
  }
}

/** Collections that become listpacks of 40,000 elements when they are written anew under raised limits. */
export const BIG = ['big:hash', 'big:hash:ttl', 'big:zset'];

/** Collections of `count` short elements: tables when they are filled under default limits. */
export function* bigCollections(random: Random, features: Features, count: number): Generator<Command> {
  const value = (): Argument => (random.chance(0.3) ? random.int(-(10 ** 6), 10 ** 6) : random.text(random.int(0, 12)));
  yield* rows('HSET', 'big:hash', count, (i) => [`field:${i}`, value()]);
  yield* rows('ZADD', 'big:zset', count, (i) => [i % 3 === 0 ? i : i / 7, `member:${i}`]);
  if (!features.fieldExpiry) return;
  // Three entries a field: from 21,845 fields on a listpack cannot state its length.
  const fields = Math.min(count, 22_000);
  yield* rows('HSET', 'big:hash:ttl', fields, (i) => [`field:${i}`, value()]);
  for (let at = 0; at < fields; at += 1000) {
    const names = numbered(200, (i) => [`field:${at + i}`]).flat();
    yield ['HPEXPIREAT', 'big:hash:ttl', YEAR_2099 + random.int(0, 10 ** 10), 'FIELDS', names.length, ...names];
  }
}

/**
 * Numbers as an intset, and numbers with some words: under raised limits the listpack that an intset turns into at its
 * first word (6.0 and 7.0 have no such listpack). Adding words only would search the whole listpack for each.
 */
export function* bigSets(numbers: number, mixed: number): Generator<Command> {
  yield* rows('SADD', 'big:intset', numbers, (i) => [i * 7 - 100_000]);
  yield* rows('SADD', 'big:set', mixed, (i) => [i * 7 - 100_000]);
  yield* rows('SADD', 'big:set', 300, (i) => [`member:${i}`]);
}

/** `count` small keys of every plain type, a fifth of them with an expiry. */
export function* manySmall(random: Random, count: number): Generator<Command> {
  const word = (): Argument => (random.chance(0.2) ? random.int(-1000, 10 ** 6) : random.text(random.int(1, 40)));
  for (let i = 0; i < count; i++) {
    const key = `many:${i}:${random.uint32().toString(36)}`;
    const size = random.int(1, 12);
    const make: Record<string, () => Command> = {
      string: () => ['SET', key, word()],
      list: () => ['RPUSH', key, ...numbered(size, () => [word()]).flat()],
      set: () => ['SADD', key, ...numbered(size, () => [word()]).flat()],
      zset: () => ['ZADD', key, ...numbered(size, () => [random.int(-999, 999) / 8, word()]).flat()],
      hash: () => ['HSET', key, ...numbered(size, () => [word(), word()]).flat()],
      stream: () => [
        'XADD',
        key,
        `${1 + random.int(0, 10 ** 12)}-${i}`,
        ...numbered(size, () => [word(), word()]).flat(),
      ],
    };
    yield make[random.pick(['string', 'string', 'string', ...Object.keys(make)])]!();
    if (random.chance(0.2)) yield ['PEXPIREAT', key, YEAR_2099 + random.int(0, 10 ** 12)];
  }
}
