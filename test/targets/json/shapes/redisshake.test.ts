// RedisShake 2's lines (redisshake.md 1.4; src/redis-shake/decode.go): the expected text is by hand.
import { expect, test } from 'vitest';
import type { ValueType } from '../../../../lib/rdb/types.ts';
import { JsonBuffer } from '../../../../lib/targets/json/json-buffer.ts';
import { readLineParts } from '../../../../lib/targets/json/line-parts.ts';
import { RedisShakeShape } from '../../../../lib/targets/json/shapes/redisshake.ts';
import { piecesOf } from '../../../rdb/parts/pieces.ts';
import { values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { streamValue } from '../../../support/stream-builder.ts';
import { sampleStream } from '../../../support/value-samples.ts';
import { firstKey } from '../lines.ts';
import { shaped } from './shape-run.ts';

const decoded = (file: RdbFileBuilder, options = {}) => shaped('redisshake', file.end('off'), options);

test('a line for each element of each type, with the fields in their order', async () => {
  const file = new RdbFileBuilder()
    .selectDb(0)
    .key('k', values.STRING('v'))
    .selectDb(3)
    .expireMs(1_700_000_000_123)
    .key('l', values.LIST_QUICKLIST_2([['a', 'b'], 'c']))
    .key(
      'h',
      values.HASH_LISTPACK([
        ['f', '1'],
        ['g', '2'],
      ]),
    )
    .key('s', values.SET_INTSET([7, 8]))
    .key(
      'z',
      values.ZSET_2([
        ['m', 1],
        ['n', 2.5],
      ]),
    );
  expect(await decoded(file)).toEqual({
    text: [
      '{"db":0,"type":"string","expireat":0,"key":"k","key64":"aw==","value64":"dg=="}\n',
      '{"db":3,"type":"list","expireat":1700000000123,"key":"l","key64":"bA==","index":0,"value64":"YQ=="}\n',
      '{"db":3,"type":"list","expireat":1700000000123,"key":"l","key64":"bA==","index":1,"value64":"Yg=="}\n',
      '{"db":3,"type":"list","expireat":1700000000123,"key":"l","key64":"bA==","index":2,"value64":"Yw=="}\n',
      '{"db":3,"type":"hash","expireat":0,"key":"h","key64":"aA==","field":"f","field64":"Zg==","value64":"MQ=="}\n',
      '{"db":3,"type":"hash","expireat":0,"key":"h","key64":"aA==","field":"g","field64":"Zw==","value64":"Mg=="}\n',
      '{"db":3,"type":"set","expireat":0,"key":"s","key64":"cw==","member":"7","member64":"Nw=="}\n',
      '{"db":3,"type":"set","expireat":0,"key":"s","key64":"cw==","member":"8","member64":"OA=="}\n',
      '{"db":3,"type":"zset","expireat":0,"key":"z","key64":"eg==","member":"m","member64":"bQ==","score":1}\n',
      '{"db":3,"type":"zset","expireat":0,"key":"z","key64":"eg==","member":"n","member64":"bg==","score":2.5}\n',
    ].join(''),
    lossy: {},
    error: undefined,
  });
});

test('names are shown with points for all but # to ~, and are whole in base64', async () => {
  const file = new RdbFileBuilder().key(
    Buffer.from([0x20, 0x21, 0x22, 0x23, 0x5c, 0x7e, 0x7f, 0xff, 0x3c]),
    values.STRING(''),
  );
  expect((await decoded(file)).text).toBe(
    '{"db":0,"type":"string","expireat":0,"key":"...#\\\\~..<","key64":"ICEiI1x+f/88","value64":""}\n',
  );
});

test('scores are written as Go writes a float64; infinite ones, which end RedisShake, are strings', async () => {
  const scores = [-0, 1e20, 1e21, 123456789.5, 0.000001, 1e-7, Infinity, -Infinity];
  const file = new RdbFileBuilder().key('z', values.ZSET_2(scores.map((score, i) => [`${i}`, score])));
  const { text } = await decoded(file);
  expect([...text.matchAll(/"score":(.*)}/g)].map(([, score]) => score)).toEqual([
    ...['-0', '100000000000000000000', '1e+21', '123456789.5', '0.000001', '1e-7', '"inf"', '"-inf"'],
  ]);
});

test('of aux fields only scripts are written, in base64', async () => {
  const file = new RdbFileBuilder().aux('redis-ver', '6.2.0').aux('lua', 'return 1');
  expect(await decoded(file)).toMatchObject({
    text: '{"type":"aux","key":"lua","value64":"cmV0dXJuIDE="}\n',
    lossy: { 'aux fields': 1 },
  });
});

test('what it has no place for is left out and counted', async () => {
  const file = new RdbFileBuilder('REDIS0012')
    .library('#!lua name=l\n')
    .key('s', streamValue(3, sampleStream))
    .key('h', values.HASH_METADATA([['f', 'v', 1_900_000_000_000n]]));
  expect(await decoded(file)).toMatchObject({
    text: '{"db":0,"type":"hash","expireat":0,"key":"h","key64":"aA==","field":"f","field64":"Zg==","value64":"dg=="}\n',
    lossy: { 'function libraries': 1, streams: 1, 'expiries of hash fields': 1 },
  });
});

test('without values, and the keys alone: a line for each key', async () => {
  const file = new RdbFileBuilder()
    .expireMs(5)
    .key('l', values.LIST(['a', 'b']))
    .key('s', values.STRING('x'));
  expect((await decoded(file, { noValue: true })).text).toBe(
    '{"db":0,"type":"list","expireat":5,"key":"l","key64":"bA=="}\n{"db":0,"type":"string","expireat":0,"key":"s","key64":"cw=="}\n',
  );
  expect((await decoded(file, { keysOnly: true })).text).toBe(
    '{"db":0,"type":"list","key":"l","key64":"bA=="}\n{"db":0,"type":"string","key":"s","key64":"cw=="}\n',
  );
});

test('a small record whose key makes each of its lines long is not written at once', async () => {
  const key = 'k'.repeat(30_000);
  const items = Array.from({ length: 10_000 }, (_, i) => `${i % 10}`);
  const record = firstKey(new RdbFileBuilder().key(key, values.LIST(items)).end('off'));
  const out = new JsonBuffer();
  const shape = new RedisShakeShape(out);
  expect(shape.entry(record.scanner, record.bytes, 0)).toBe(false);
  expect(out.at).toBe(0);
  const type = record.scanner.type as ValueType;
  const value = record.bytes.subarray(record.scanner.valueStart, record.scanner.recordEnd);
  let [most, lines] = [0, 0];
  for await (const _ of shape.large(
    record.scanner,
    record.bytes,
    0,
    readLineParts(type, piecesOf(value), { partBytes: 1 << 20 }),
  )) {
    most = Math.max(most, out.at);
    for (const byte of out.written) if (byte === 0x0a) lines++;
    out.at = 0;
  }
  expect(lines).toBe(10_000);
  expect(most).toBeLessThan(9 << 20);
});
