// Test data: strings in every encoding, keys of every shape, expiry times near and far.
import type { Command } from './commands.ts';
import type { Random } from './random.ts';

/** 2099-01-01, so that a seed's data is the same each day and outlives its tests. */
export const YEAR_2099 = 4_070_908_800_000;
/** The latest time that a JavaScript number holds exactly. */
const LAST_EXACT_MS = Number.MAX_SAFE_INTEGER;

/** Numbers at the edges of each integer width of RDB strings, listpacks, ziplists and intsets. */
export const INTEGERS: readonly string[] = [
  ...['0', '1', '-1', '12', '13', '63', '64', '127', '128', '-128', '-129', '255', '4095', '4096', '-4096', '-4097'],
  ...['32767', '32768', '-32768', '-32769', '8388607', '8388608', '-8388608', '-8388609'],
  ...['2147483647', '2147483648', '-2147483648', '-2147483649', '9007199254740993'],
  ...['9223372036854775807', '-9223372036854775808'],
];

/** What looks like a number and is none to a server, which keeps it as it was written. */
const NEARLY_INTEGERS = ['9223372036854775808', '007', '-0', '+1', ' 1', '1 ', '1.5', '1e3', '0x10', '٣'];

export const BINARY: readonly Buffer[] = [
  Buffer.from([0]),
  Buffer.from('a\0b\0\0c', 'latin1'),
  Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28, 0xed, 0xa0, 0x80]),
  Buffer.from('\r\n$3\r\nfoo\r\n*1\r\n', 'latin1'),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
];

/** Lengths at the edges of embstr, of the string lengths in listpacks and of the length forms in RDB. */
const LENGTHS = [1, 20, 21, 39, 40, 44, 45, 63, 64, 65, 255, 256, 4095, 4096, 16_383, 16_384, 70_000];

export function* strings(random: Random): Generator<Command> {
  yield ['SET', 'string:empty', ''];
  for (const number of [...INTEGERS, ...NEARLY_INTEGERS]) yield ['SET', `string:number:${number}`, number];
  for (const [index, bytes] of BINARY.entries()) yield ['SET', `string:binary:${index}`, bytes];
  for (const length of LENGTHS) {
    yield ['SET', `string:random:${length}`, random.bytes(length)];
    yield ['SET', `string:text:${length}`, random.text(length)];
    yield ['SET', `string:same:${length}`, 'a'.repeat(length)];
  }
  yield ['SET', 'string:json', JSON.stringify({ name: random.text(30), tags: ['ä', '日本', '🛥'], nested: { n: 1.5 } })];
  yield ['SET', 'string:large', Buffer.concat([random.bytes(150_000), Buffer.from(random.text(150_000))])];
  // Once appended to, a short string is no longer embedded in its object; once incremented, a number is shared no more.
  yield ['SET', 'string:appended', 'app'];
  yield ['APPEND', 'string:appended', 'ended'];
  yield ['INCRBYFLOAT', 'string:float', '10.75'];
  yield ['SETBIT', 'bitmap:sparse', 80_000, 1];
  for (let i = 0; i < 200; i++) yield ['SETBIT', 'bitmap:dense', random.int(0, 2000), 1];
}

/** Keys that trip those who take keys for text, for numbers, or for short. */
export function* keys(random: Random): Generator<Command> {
  yield ['SET', '', 'the empty key'];
  for (const number of [...INTEGERS, ...NEARLY_INTEGERS]) yield ['SET', number, `key ${number}`];
  for (const bytes of BINARY) yield ['SET', bytes, 'binary key'];
  for (const key of ['a'.repeat(300), random.text(2000), random.bytes(700)]) yield ['SET', key, 'long key'];
  for (const key of [
    '{tag}1',
    'x{}y',
    '{}{a}',
    '}{',
    '{user:1}:é',
    '"quoted"',
    "it's",
    ' ',
    '\n',
    '*',
    '[a-z]?\\',
    '🛥',
  ]) {
    yield ['SET', key, 'odd key'];
  }
  for (const key of ['777', Buffer.from([0, 1, 255]), 'z'.repeat(100)]) {
    yield ['RPUSH', Buffer.concat([Buffer.from('list of '), Buffer.from(key)]), key, 'x'];
    yield ['SADD', Buffer.concat([Buffer.from(key), Buffer.from(' set')]), key, 'x'];
  }
}

/** Keys of each plain type with an expiry, absolute but for one. */
export function* expiries(): Generator<Command> {
  yield ['SET', 'ttl:tomorrow', 'x', 'EX', 86_400];
  const times = { y2099: YEAR_2099, odd: YEAR_2099 + 123_456_789, y10000: 253_402_300_800_000, last: LAST_EXACT_MS };
  for (const [name, ms] of Object.entries(times)) {
    yield ['SET', `ttl:${name}`, name];
    yield ['SET', `ttl:${name}:number`, 42];
    yield ['RPUSH', `ttl:${name}:list`, 'a', 'b'];
    yield ['SADD', `ttl:${name}:set`, 'a', 'b'];
    yield ['ZADD', `ttl:${name}:zset`, 1, 'a', 2, 'b'];
    yield ['HSET', `ttl:${name}:hash`, 'f', 'v'];
    yield ['XADD', `ttl:${name}:stream`, '1-1', 'f', 'v'];
    for (const kind of ['', ':number', ':list', ':set', ':zset', ':hash', ':stream']) {
      yield ['PEXPIREAT', `ttl:${name}${kind}`, ms];
    }
  }
}
