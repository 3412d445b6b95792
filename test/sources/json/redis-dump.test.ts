// What redis-dump wrote, in all its versions, and what its redis-load makes of it (delano/redis-dump, lib/redis/dump.rb).
import { describe, expect, test } from 'vitest';
import type { JsonKey } from '../../../lib/sources/json/json-records.ts';
import { comparable, problemOf, recordsOf } from './records.ts';

const NOW = 1_700_000_000_000;
const read = async (text: string | Buffer, options = {}) =>
  (await recordsOf(text, { now: NOW, ...options })) as JsonKey[];
const line = (value: unknown, type = 'string', more: object = {}) =>
  `${JSON.stringify({ db: 0, key: 'k', ttl: -1, type, value, size: 1, ...more })}\n`;

describe('values', () => {
  test.each([
    ['a string', line('v'), { kind: 'string', bytes: Buffer.from('v') }],
    [
      'a list',
      line(['b', 'a', 'b'], 'list'),
      { kind: 'list', items: ['b', 'a', 'b'].map((item) => Buffer.from(item)) },
    ],
    ['a set', line(['x'], 'set'), { kind: 'set', members: [Buffer.from('x')] }],
    [
      'a hash',
      line({ f: 'v', paths: 'w' }, 'hash'),
      {
        kind: 'hash',
        fields: [
          { field: Buffer.from('f'), value: Buffer.from('v') },
          { field: Buffer.from('paths'), value: Buffer.from('w') },
        ],
      },
    ],
    [
      'a sorted set with scores as numbers, as since 0.3.3',
      `{"db":0,"key":"k","ttl":-1,"type":"zset","value":[["a",100.0],["b",-1.0e-05]],"size":9}`,
      {
        kind: 'zset',
        entries: [
          { member: Buffer.from('a'), score: 100 },
          { member: Buffer.from('b'), score: -1e-5 },
        ],
      },
    ],
    [
      'a sorted set with scores as strings, as before',
      line(
        [
          ['a', '100'],
          ['b', '-inf'],
          ['c', '1.0000000000000001e+25'],
        ],
        'zset',
      ),
      {
        kind: 'zset',
        entries: [
          { member: Buffer.from('a'), score: 100 },
          { member: Buffer.from('b'), score: -Infinity },
          { member: Buffer.from('c'), score: 1.0000000000000001e25 },
        ],
      },
    ],
  ])('%s', async (_, text, value) => {
    const [key] = await read(text);
    expect(key).toMatchObject({ db: 0, key: Buffer.from('k'), expireAt: undefined, line: 1 });
    expect(comparable((key as JsonKey).value)).toEqual(comparable(value as JsonKey['value']));
  });

  test('bytes that are no UTF-8, which yajl writes as they are, are read as they are', async () => {
    const text = Buffer.concat([Buffer.from(line('§').replace('§', ''))]);
    const at = text.indexOf('"value":"') + 9;
    const bytes = Buffer.of(0x93, 0xff, 0xc3);
    const [key] = await read(Buffer.concat([text.subarray(0, at), bytes, text.subarray(at)]));
    expect(key?.value).toEqual({ kind: 'string', bytes });
  });

  test('strings of redis-dump -b, in base64 with a line feed behind every 60 characters', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const encoded = `${(bytes.toString('base64').match(/.{1,60}/g) as string[]).join('\n')}\n`;
    const options = { shape: 'redis-dump-base64' as const };
    const [key, list] = await read(line(encoded) + line(['aGk='], 'list', { key: 'l' }), options);
    expect(key?.value).toEqual({ kind: 'string', bytes });
    expect(list?.value).toEqual({ kind: 'list', items: [Buffer.from('aGk=')] }); // -b is for strings alone
    expect(await problemOf(line('a*'), options)).toEqual([
      'JSON_RECORD',
      'x.jsonl, line 1',
      'the value is not valid base64',
    ]);
  });
});

test.each([
  [-1, undefined],
  [-2, undefined],
  [0, undefined],
  [1, 1_700_000_001_000n],
  ['79', 1_700_000_079_000n],
  [9_000_000_000_000, 9_001_700_000_000_000n],
])('a ttl of %s seconds', async (ttl, expireAt) => {
  expect((await read(line('v', 'string', { ttl })))[0]?.expireAt).toBe(expireAt);
});

test('what redis-load makes no key of is no record', async () => {
  expect(
    await read(line('', 'none') + line([], 'list') + line([], 'set') + line([], 'zset') + line({}, 'hash')),
  ).toEqual([]);
});

describe('the shape of a file', () => {
  const keyferry = '{"db":0,"key":"k","type":"string","value":"v"}\n';

  test('shows in its first line', async () => {
    expect(await read(`\n${line('v')}`)).toHaveLength(1);
    expect(await read(`\r\n${keyferry}`)).toHaveLength(1);
    expect(await read(`{"type":"aux","key":"a","value":"b"}\n${keyferry}`)).toHaveLength(2);
  });

  test('is one throughout', async () => {
    expect(await problemOf(line('v') + keyferry.replace('"value"', '"expiry":1,"value"'))).toMatchObject([
      'JSON_RECORD',
      'x.jsonl, line 2',
      expect.stringContaining('unknown property "expiry"'),
    ]);
    expect(await problemOf(keyferry + line('v'))).toMatchObject([
      'JSON_RECORD',
      'x.jsonl, line 2',
      expect.stringContaining('unknown property'),
    ]);
  });

  test('can be said', async () => {
    expect(await read(keyferry, { shape: 'redis-dump' })).toHaveLength(1);
    expect(await problemOf(line('v'), { shape: 'keyferry' })).toMatchObject([
      'JSON_RECORD',
      'x.jsonl, line 1',
      expect.stringContaining('unknown property "ttl"'),
    ]);
  });

  test("keyferry's lines are UTF-8 also where the shape is told by them", async () => {
    const text = Buffer.from(keyferry.replace('"v"', '"\xff"'), 'latin1');
    expect(await problemOf(text)).toMatchObject([
      'JSON_SYNTAX',
      'x.jsonl, line 1, column 43',
      'a string is not valid UTF-8',
    ]);
  });
});

test.each([
  ['a type that it does not have', line('v', 'stream'), '"stream" is no type of redis-dump'],
  ['a number for a string', line(5), 'the value is to be a string'],
  ['a number among the items', line([5], 'list'), 'an item is to be a string'],
  ['no pairs', line(['a', '1'], 'zset'), 'an element is to be an array of member and score'],
  ['a score that is none', line([['a', 'x']], 'zset'), 'a score is to be a number'],
  ['a hash as an array', line(['f', 'v'], 'hash'), 'the value of a hash is to be an object'],
  ['a ttl with a fraction', line('v', 'string', { ttl: 1.5 }), '"ttl" is to be a whole number'],
  ['a ttl beyond all time', line('v', 'string', { ttl: 1e15 }), '"ttl" is 1000000000000000'],
  ['a database that is none', line('v', 'string', { db: -1 }), '"db" is -1'],
  ['no value', '{"db":0,"key":"k","ttl":-1,"type":"string"}', 'the line has no "value"'],
  ['the mark of a damaged value', line('v', 'string', { damaged: true }), 'unknown property "damaged"'],
])('%s is named with its line', async (_, text, message) => {
  expect(await problemOf(line('ok', 'string', { key: 'first' }) + text)).toMatchObject([
    'JSON_RECORD',
    'x.jsonl, line 2',
    expect.stringContaining(message),
  ]);
});
