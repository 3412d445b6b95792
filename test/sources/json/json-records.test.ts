import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { encodeValue } from '../../../lib/rdb/encode.ts';
import { jsonRecords } from '../../../lib/sources/json/json-records.ts';
import { runs, seedOr } from '../../support/random.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';
import { samples, sampleTemplates as templates } from '../../support/value-samples.ts';
import { lineOf, partLinesOf, recordOf } from '../../targets/json/lines.ts';
import { comparable, keyOf, piecesOf, problemOf, recordsOf } from './records.ts';

const SEED = seedOr(20261127);
const LONG = { timeout: 900_000 };

const binary = Buffer.of(0xff, 0, 1);
/** What the samples lack: bytes that are no text, numbers at the edges, names that are special in scripts. */
const extremes: readonly BuiltValue[] = [
  values.STRING(''),
  values.STRING(binary),
  values.STRING('grün €  \u2028 𝄞 "quoted" back\\slash \u0001\u001f\b\f\n\r\t\u007f'),
  values.LIST([]),
  values.HASH([]),
  values.LIST(['a', binary]),
  values.HASH([[binary, 'a'], ['b', binary]]), // biome-ignore format: pairs
  values.HASH([['__proto__', 'x'], ['', ''], ['paths', 'y']]), // biome-ignore format: pairs
  values.HASH([['base64', 'AAAA']]),
  values.HASH([['paths', binary]]),
  values.HASH_METADATA([['f', 'v', 2n ** 48n - 1n]]),
  values.SET_INTSET([-(2n ** 63n), -(2n ** 53n), 0, 2n ** 53n + 1n, 2n ** 63n - 1n]),
  values.ZSET_2(
    [0, -0, 1 / 3, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, 2 ** 53, 1e21, Infinity, -Infinity, Number.NaN].map(
      (score, i) => [`m${i}`, score] as const,
    ),
  ),
  values.ARRAY([[2n ** 60n, { integer: -(2n ** 63n) }], [2n ** 61n, { float: -0 }], [2n ** 62n, { string: binary }]], 2n ** 63n), // biome-ignore format: items
  values.PATH_HASH([]),
  values.PATH_HASH([['/p', [[binary, 'x']]]]),
];
const all = [...samples, ...extremes];
const named = all.map((built, i) => [`${built.type.name} ${i}`, built] as const);
const decoded = ({ type, value }: BuiltValue) => decodeValue(type, value, { templates });

describe('what decode writes', () => {
  test.each(named)('%s in one line', async (_, built) => {
    const line = lineOf(recordOf(built)) as string;
    const { value, encoding } = await keyOf(line);
    expect(comparable(value)).toEqual(comparable(decoded(built)));
    expect(encoding).toBe(JSON.parse(line).encoding);
    encodeValue(value);
  });

  test.each(named.filter(([, { type }]) => type.kind !== 'module'))('%s in parts', async (_, built) => {
    for (const [most, partBytes] of [
      [1, 1],
      [300, 40],
    ] as const) {
      const lines = await partLinesOf(
        recordOf(built, 'key', (file) => file.expireMs(5000).freq(3)),
        most,
        partBytes,
      );
      const { value, expireAt, freq, line } = await keyOf(lines.join(''), 7);
      expect({ expireAt, freq, line }).toEqual({ expireAt: 5000n, freq: 3, line: 1 });
      expect(comparable(value)).toEqual(comparable(decoded(built)));
    }
  });

  test('random values, keys and attributes', LONG, async () => {
    const bytes = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }).map((it) => Buffer.from(it)),
      fc.uint8Array({ maxLength: 60 }).map((it) => Buffer.from(it)),
    );
    const distinct = fc.uniqueArray(bytes, { selector: (it) => it.toString('latin1'), maxLength: 20 });
    const scores = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, Infinity, -Infinity, 2 ** 53));
    const time = fc.bigInt({ min: 1n, max: 2n ** 62n });
    const built = fc
      .tuple(distinct, bytes, scores, time)
      .chain(([items, other, score, at]) =>
        fc.constantFrom(
          values.STRING(other),
          values.LIST(items),
          values.SET(items),
          values.HASH(items.map((item) => [item, other] as const)),
          values.HASH_2(items.map((item, i) => [item, other, i === 1 ? -1n : at] as const)),
          values.ZSET_2(items.map((item) => [item, score] as const)),
        ),
      );
    await fc.assert(
      fc.asyncProperty(bytes, built, time, fc.integer({ min: 1, max: 500 }), async (name, value, at, size) => {
        const record = recordOf(value, name, (file) => file.expireMs(at).idle(7));
        for (const lines of [lineOf(record) as string, (await partLinesOf(record, size, 30)).join('')]) {
          const key = await keyOf(lines, size);
          expect(key.key.equals(name)).toBe(true);
          expect([key.expireAt, key.idle, key.freq]).toEqual([at, 7, undefined]);
          expect(comparable(key.value)).toEqual(comparable(decoded(value)));
        }
      }),
      { numRuns: runs(150, 5000), seed: SEED },
    );
  });

  test('AUX fields, functions, and the metadata of a key', async () => {
    const text =
      '{"type":"aux","key":"redis-ver","value":"7.0.15"}\n{"type":"function","key":"l","value":"#!lua"}\n' +
      '{"type":"function","value":{"base64":"/wA="}}\n{"db":3,"key":"k","type":"string","meta":"AAE=","value":"v"}\n';
    expect(await recordsOf(text)).toMatchObject([
      { kind: 'aux', name: Buffer.from('redis-ver'), value: Buffer.from('7.0.15'), line: 1 },
      { kind: 'function', code: Buffer.from('#!lua'), line: 2 },
      { kind: 'function', code: Buffer.of(0xff, 0), line: 3 },
      { kind: 'key', db: 3, key: Buffer.from('k'), meta: Buffer.of(0, 1), line: 4 },
    ]);
  });
});

const line = (value: string, type = 'string', more = '') =>
  `{"db":0,"key":"k","type":"${type}"${more},"value":${value}}`;

describe('lines', () => {
  test('any slicing of the bytes gives the same records', async () => {
    const text = `\ufeff${line('"é€𝄞"')}\r\n\n  \r\n${line('["a","\\ud834\\udd1e"]', 'list')}\n${line('"no end"')}`;
    const whole = await recordsOf(text);
    expect(whole.map((record) => record.line)).toEqual([1, 4, 5]);
    for (let size = 1; size < text.length + 5; size++) expect(await recordsOf(text, {}, size)).toEqual(whole);
  });

  test('properties in any order, as other tools may write them', async () => {
    const key = await keyOf('{"value":[ {"score":1.5e0,"member":"a"}\t], "type" : "zset","key":"k","db":1.0}');
    expect(key).toMatchObject({ db: 1, value: { kind: 'zset', entries: [{ member: Buffer.from('a'), score: 1.5 }] } });
  });

  test('nothing at all is no record', async () => {
    for (const text of ['', '\n', '\ufeff', '\r\n \n']) expect(await recordsOf(text)).toEqual([]);
  });

  test('the lines before a bad one are given', async () => {
    const seen: number[] = [];
    const read = async () => {
      for await (const record of jsonRecords('f', piecesOf(`${line('"a"')}\n${line('"b"')}\n{"bad"`)))
        seen.push(record.line);
    };
    await expect(read()).rejects.toMatchObject({ code: 'JSON_SYNTAX', where: 'f, line 3, column 7' });
    expect(seen).toEqual([1, 2]);
  });

  test('a gigabyte without an end is refused at the limit, in bounded memory', async () => {
    const piece = Buffer.alloc(1 << 20, 'x');
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${line('"a"')}\n{"key":"`);
      for (; given < 1024; given++) yield piece;
    }
    const before = process.memoryUsage().rss;
    const read = async () => {
      for await (const _ of jsonRecords('f', endless(), { maxLineBytes: 32 << 20 }));
    };
    await expect(read()).rejects.toMatchObject({ code: 'JSON_LINE_TOO_LONG', where: 'f, line 2' });
    expect(given).toBe(31);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 << 20);
  });

  test('the limit counts a line exactly, whether it comes in one piece or in several', async () => {
    const text = `${line('"a"')}\n`;
    for (const size of [1, 7, 1000]) {
      expect(await recordsOf(text + text, { maxLineBytes: text.length - 1 }, size)).toHaveLength(2);
      await expect(recordsOf(text, { maxLineBytes: text.length - 2 }, size)).rejects.toThrow('longer than');
    }
  });
});

describe('a bad line is named', () => {
  const good = `${line('"a"')}\n`;
  const problem = async (bad: string | Buffer) => {
    const [code, where, message] = await problemOf(Buffer.concat([Buffer.from(good), Buffer.from(bad)]));
    expect(where).toMatch(/^x\.jsonl, line 2(?:, column \d+)?$/);
    return `${code}: ${message}`;
  };

  test.each([
    ['[]', 'the line is to be an object'],
    ['{"db":0}', 'has no "type"'],
    [line('1'), 'the value is to be a string'],
    [line('null'), 'the value is to be a string'],
    [line('"a"', 'sting'), '"sting" is no type'],
    [line('"a"', 'string', ',"expire":1'), 'unknown property "expire"'],
    [line('"a"', 'string', ',"__proto__":1'), 'unknown property "__proto__"'],
    [line('"a"', 'string', ',"expiry":1.5'), '"expiry" is to be a whole number'],
    [line('"a"', 'string', ',"expiry":9007199254740993000000'), '"expiry" is to be a whole number'],
    [line('"a"', 'string', ',"expiry":"9223372036854775808"'), 'it goes from'],
    [line('"a"', 'string', ',"freq":256'), '"freq" is 256'],
    [line('"a"', 'string', ',"size":"x"'), '"size" is to be a whole number'],
    [line('"a"', 'string', ',"elements":-1'), '"elements" is -1'],
    [line('"a"', 'string', ',"meta":"AA"'), '"meta" is not valid base64'],
    [line('{"base64":"/x=="}'), 'not valid base64'],
    [line('{"base64":"AA A"}'), 'not valid base64'],
    [line('{"base64":"AAAA","x":1}'), 'unknown property "x"'],
    [line('"a"', 'list'), 'the value of a list is to be an array'],
    [line('[["a"]]', 'set'), 'a member is to be a string'],
    [line('[{"member":"a"}]', 'zset'), 'an element has no "score"'],
    [line('[{"member":"a","score":"1,5"}]', 'zset'), '"score" is to be a number'],
    [line('[{"field":"a","value":"b","expiery":1}]', 'hash'), 'unknown property "expiery"'],
    [line('[{"field":"a","value":"b","expiry":-1}]', 'hash'), '"expiry" of a field is -1'],
    [line('{"paths":[{"path":"p","fields":[{"field":"a","value":"b","expiry":1}]}]}', 'hash'), '"expiry"'],
    [line('{"a":1}', 'hash'), 'the value of a field is to be a string'],
    [line('{"entries":[]}', 'stream'), 'the stream has no "length"'],
    [line('{"entries":[{"id":"1","fields":[]}]}', 'stream', ',"part":1'), 'is to be a stream id'],
    [line('{"entries":[{"id":"1-1","fields":[["a"]]}]}', 'stream', ',"part":1'), 'is to be [field,value]'],
    [line('{"module":"short","version":1,"payload":""}', 'module'), 'nine letters'],
    [line('{"module":"ReJSON-RL","version":1024,"payload":""}', 'module'), '"version" is 1024'],
    [line('{"items":[{"index":0,"value":{"int":0.5}}]}', 'array'), '"int" is to be a whole number'],
    ['{"db":0,"key":"k","type":"set"}', 'the line has no "value"'],
    ['{"key":"k","type":"set","value":[]}', 'the line has no "db"'],
    ['{"db":-1,"key":"k","type":"set","value":[]}', '"db" is -1'],
    ['{"type":"aux","value":"v"}', 'the line has no "key"'],
    ['{"type":"aux","key":"k","value":"v","expiry":1}', 'unknown property "expiry"'],
    [line('"a"', 'string', ',"last":false'), '"last" is to be true'],
  ])('JSON_RECORD: %s', async (bad, message) => {
    const found = await problem(bad);
    expect(found).toContain('JSON_RECORD: ');
    expect(found).toContain(message);
  });

  const part = (number: number, more = '', key = 'k') =>
    `{"db":0,"key":"${key}","type":"list","value":["a"],"part":${number}${more}}\n`;
  test.each([
    ['the file ends', part(1)],
    ['a part is missing', part(1) + part(3)],
    ['a part comes twice', part(1) + part(2) + part(2)],
    ['the first is missing', part(2, ',"last":true')],
    ['it begins again', part(1) + part(1)],
    ['another key comes between', part(1) + part(2, '', 'other')],
    ['a whole key comes between', part(1) + good],
    ['an AUX field comes between', `${part(1)}{"type":"aux","key":"k","value":"v"}`],
    ['an attribute is in a later part', part(1) + part(2, ',"expiry":1')],
    ['last without part', line('"a"', 'string', ',"last":true')],
    ['part 0', part(0)],
    ['a module', line('{"module":"ReJSON-RL","version":1,"payload":""}', 'module', ',"part":1')],
  ])('JSON_PARTS: %s', async (_, bad) => {
    const [code, where] = await problemOf(good + bad);
    expect([code, where]).toEqual(['JSON_PARTS', `x.jsonl, line ${1 + bad.trimEnd().split('\n').length}`]);
  });

  test('without values it says how to get them', async () => {
    await expect(recordsOf('{"db":0,"key":"k","type":"set"}')).rejects.toMatchObject({
      remedy: expect.stringContaining('--no-value'),
    });
  });

  test(
    'damage anywhere in a line is an error of the family or another valid record, never anything else',
    LONG,
    async () => {
      const texts = all.map((built) => lineOf(recordOf(built)) as string).filter((text) => text.length < 3000);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...texts),
          fc.nat(),
          fc.nat(255),
          fc.boolean(),
          async (text, at, byte, cuts) => {
            const bytes = Buffer.from(text);
            const place = at % bytes.length;
            if (cuts) return void (await problemOrNothing(bytes.subarray(0, place)));
            bytes[place] = byte;
            await problemOrNothing(bytes);
          },
        ),
        { numRuns: runs(1500, 50_000), seed: SEED },
      );
    },
  );
});

async function problemOrNothing(bytes: Buffer): Promise<void> {
  try {
    await recordsOf(bytes);
  } catch (error) {
    expect((error as { code: string }).code).toMatch(/^JSON_(?:SYNTAX|RECORD|PARTS)$/);
  }
}
