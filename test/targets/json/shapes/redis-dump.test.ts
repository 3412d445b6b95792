// redis-dump's lines, as its 0.4 writes them with yajl-ruby (lib/redis/dump.rb, ext/yajl): the expected text is by hand.
import { expect, test } from 'vitest';
import { moduleId, moduleItem, values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { streamValue } from '../../../support/stream-builder.ts';
import { sampleStream } from '../../../support/value-samples.ts';
import { shaped } from './shape-run.ts';

const dumped = (file: RdbFileBuilder, options = {}) => shaped('redis-dump', file.end('off'), options);

test('a line for each type, with the fields in their order', async () => {
  const file = new RdbFileBuilder()
    .selectDb(0)
    .key('stringkey', values.STRING('stringvalue'))
    .key(
      'hashkey',
      values.HASH_LISTPACK([
        ['field_a', 'value_a'],
        ['field_b', 'value_b'],
        ['field_c', 'value_c'],
      ]),
    )
    .key('listkey', values.LIST_QUICKLIST_2([['value_0', 'value_1'], 'value_2']))
    .selectDb(15)
    .key('setkey', values.SET_INTSET([1, 20, 300]))
    .key(
      'zsetkey',
      values.ZSET_2([
        ['value_0', 100],
        ['value_1', 2.5],
      ]),
    );
  expect(await dumped(file)).toEqual({
    text: [
      '{"db":0,"key":"stringkey","ttl":-1,"type":"string","value":"stringvalue","size":11}\n',
      '{"db":0,"key":"hashkey","ttl":-1,"type":"hash","value":{"field_a":"value_a","field_b":"value_b","field_c":"value_c"},"size":42}\n',
      '{"db":0,"key":"listkey","ttl":-1,"type":"list","value":["value_0","value_1","value_2"],"size":21}\n',
      '{"db":15,"key":"setkey","ttl":-1,"type":"set","value":["1","20","300"],"size":6}\n',
      '{"db":15,"key":"zsetkey","ttl":-1,"type":"zset","value":[["value_0",100.0],["value_1",2.5]],"size":22}\n',
    ].join(''),
    lossy: {},
    error: undefined,
  });
});

test('the size is a count of characters, not of bytes', async () => {
  const file = new RdbFileBuilder().key('ü', values.STRING('äöü€𝄞')).key('', values.STRING(''));
  expect(Buffer.from((await dumped(file)).text, 'latin1').toString()).toBe(
    '{"db":0,"key":"ü","ttl":-1,"type":"string","value":"äöü€𝄞","size":5}\n' +
      '{"db":0,"key":"","ttl":-1,"type":"string","value":"","size":0}\n',
  );
});

test('characters are escaped as yajl does it: the slash and DEL stay, control characters are in upper case', async () => {
  const file = new RdbFileBuilder().key('k', values.STRING('"\\/\b\f\n\r\t\x00\x1f\x7f<'));
  expect((await dumped(file)).text).toBe(
    '{"db":0,"key":"k","ttl":-1,"type":"string","value":"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001F\x7f<","size":12}\n',
  );
});

test('the time to live is in seconds from now, rounded as TTL does but never to nothing', async () => {
  const now = 1_700_000_000_000;
  const file = new RdbFileBuilder();
  for (const left of [79_499, 79_500, 499, 1, 0, -5000]) file.expireMs(now + left).key(`${left}`, values.STRING(''));
  const { text, lossy } = await dumped(file, { now });
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ key, ttl }) => [key, ttl])).toEqual([
    ['79499', 79],
    ['79500', 80],
    ['499', 1],
    ['1', 1],
  ]);
  expect(lossy).toEqual({ 'keys that have expired': 2 });
});

test('scores are written as Ruby writes a Float', async () => {
  const scores = [
    0, -0, 1, -1.5, 1e15, 123456789012345680, 1e16, 0.1, 0.0001, 0.00001, 1.25e-7, 5e-324, 1.7976931348623157e308,
  ];
  const file = new RdbFileBuilder().key('z', values.ZSET_2(scores.map((score, i) => [`${i}`, score])));
  const { text } = await dumped(file);
  expect([...text.matchAll(/\["\d+",([^\]]+)\]/g)].map(([, score]) => score)).toEqual([
    ...['0.0', '-0.0', '1.0', '-1.5', '1000000000000000.0', '1.2345678901234568e+17', '1.0e+16'],
    ...['0.1', '0.0001', '1.0e-05', '1.25e-07', '5.0e-324', '1.7976931348623157e+308'],
  ]);
  expect(JSON.parse(text).value.map(([, score]: [string, number]) => score)).toEqual(scores);
});

test('infinite scores, which end redis-dump, are strings', async () => {
  const file = new RdbFileBuilder().key(
    'z',
    values.ZSET_2([
      ['a', Infinity],
      ['b', -Infinity],
    ]),
  );
  expect(await dumped(file)).toMatchObject({
    text: '{"db":0,"key":"z","ttl":-1,"type":"zset","value":[["a","inf"],["b","-inf"]],"size":9}\n',
    lossy: { 'infinite scores': 2 },
  });
});

test('bytes that are no UTF-8 become U+FFFD, and are counted', async () => {
  const file = new RdbFileBuilder()
    .key(Buffer.of(0xff), values.STRING(Buffer.from([0x61, 0xc3, 0x28, 0xe2, 0x82])))
    .key('h', values.HASH([[Buffer.of(0x80), 'v']]));
  const { text, lossy } = await dumped(file);
  expect(Buffer.from(text, 'latin1').toString()).toBe(
    '{"db":0,"key":"\ufffd","ttl":-1,"type":"string","value":"a\ufffd(\ufffd\ufffd","size":5}\n' +
      '{"db":0,"key":"h","ttl":-1,"type":"hash","value":{"\ufffd":"v"},"size":2}\n',
  );
  expect(lossy).toEqual({ 'strings that are not UTF-8': 3 });
});

test('what it has no place for is left out and counted', async () => {
  const file = new RdbFileBuilder('REDIS0014')
    .aux('redis-ver', '8.8.0')
    .library('#!lua name=l\n')
    .key('s', streamValue(3, sampleStream))
    .key('m', values.MODULE_2(moduleId('ReJSON-RL', 3), [moduleItem.string('{}')]))
    .key('a', values.ARRAY([[0n, { string: 'x' }]]))
    .key(
      'h',
      values.HASH_METADATA([
        ['f', 'v', 0n],
        ['g', 'w', 1_900_000_000_000n],
      ]),
    );
  expect(await dumped(file)).toMatchObject({
    text: '{"db":0,"key":"h","ttl":-1,"type":"hash","value":{"f":"v","g":"w"},"size":4}\n',
    lossy: {
      'aux fields': 1,
      'function libraries': 1,
      streams: 1,
      'module values': 1,
      arrays: 1,
      'expiries of hash fields': 1,
    },
  });
});

test('without values, and the keys alone', async () => {
  const file = new RdbFileBuilder().key('h', values.HASH([['f', 'vv']])).key('s', values.STRING('abc'));
  expect((await dumped(file, { noValue: true })).text).toBe(
    '{"db":0,"key":"h","ttl":-1,"type":"hash","size":3}\n{"db":0,"key":"s","ttl":-1,"type":"string","size":3}\n',
  );
  expect((await dumped(file, { keysOnly: true })).text).toBe(
    '{"db":0,"key":"h","type":"hash"}\n{"db":0,"key":"s","type":"string"}\n',
  );
});

test('a value that turns out damaged when some of it is written is closed and marked', async () => {
  const { type, value } = values.LIST_QUICKLIST_2([['a', 'b'], ['c']]);
  value[value.length - 4] = 0xf5; // no entry of a listpack begins so
  const file = new RdbFileBuilder().key('l', { type, value }).end('off');
  const error = { code: expect.stringMatching(/^RDB_/) };
  expect(await shaped('redis-dump', file, {}, 1)).toMatchObject({
    text: '{"db":0,"key":"l","ttl":-1,"type":"list","value":["a","b"],"damaged":true}\n',
    error,
  });
  expect(await shaped('redis-dump', file)).toMatchObject({ text: '', error }); // at once nothing of it
});
