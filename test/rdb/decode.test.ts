import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { decodeTemplateNames, decodeValue, moduleItems, openValue } from '../../lib/rdb/decode.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { plain } from '../support/decoded.ts';
import {
  type BuiltValue,
  counted,
  length,
  listpack,
  moduleId,
  moduleItem,
  string,
  values,
} from '../support/rdb-builders.ts';

function decode({ type, value }: BuiltValue, templates?: (id: bigint) => Buffer[] | undefined): unknown {
  return plain(decodeValue(type, value, { templates }));
}

/** The code of the error that decoding ends in. */
function refusal({ type, value }: BuiltValue, base = 0): { code: string; offset: number } {
  try {
    decodeValue(type, value, { base });
  } catch (error) {
    if (error instanceof RdbError) return { code: error.code, offset: error.offset };
    throw error;
  }
  throw new Error('the value was taken');
}

describe('strings and lists', () => {
  test('a string in each encoding', () => {
    expect(decode(values.STRING('caf\u00e9'))).toBe('caf\u00c3\u00a9');
    expect(decode(values.STRING('-129', 'int'))).toBe('-129');
    expect(decode(values.STRING('x'.repeat(500), 'lzf'))).toBe('x'.repeat(500));
    expect(decode(values.STRING(''))).toBe('');
  });

  const items = ['first', '', '12', 'x'.repeat(100), 'first'];
  test.each([
    ['LIST', values.LIST(items)],
    ['LIST of compressed strings', values.LIST(items, 'lzf')],
    ['LIST_ZIPLIST', values.LIST_ZIPLIST(items)],
    ['LIST_ZIPLIST, compressed', values.LIST_ZIPLIST(items, 'lzf')],
    ['LIST_QUICKLIST', values.LIST_QUICKLIST([items.slice(0, 2), [], items.slice(2)], 'lzf')],
    ['LIST_QUICKLIST_2', values.LIST_QUICKLIST_2([items.slice(0, 3), items[3] as string, items.slice(4)], 'lzf')],
  ])('%s keeps order and duplicates', (_, built) => {
    expect(decode(built)).toEqual(items);
  });

  test('a quicklist node of another kind is refused', () => {
    const value = counted([Buffer.concat([length(3), string('x')])]);
    expect(refusal({ type: redisTypes[18] as ValueType, value }, 100)).toEqual({ code: 'RDB_VALUE', offset: 101 });
  });
});

describe('sets', () => {
  test.each([
    ['SET', values.SET(['b', 'a', ''])],
    ['SET of numbers', values.SET(['b', 'a', '']) && values.SET(['2', '-1', '70000'], 'int')],
    ['SET_LISTPACK', values.SET_LISTPACK(['2', -1, 70000], 'lzf')],
    ['SET_INTSET', values.SET_INTSET([-1, 2, 70000], 'lzf')],
  ])('%s', (name, built) => {
    expect(decode(built)).toEqual(name === 'SET' ? ['', 'a', 'b'] : ['-1', '2', '70000']);
  });

  test.each([
    [2, [-32768, -1, 0, 32767]],
    [4, [-2147483648, 2147483647]],
    [8, [-(2n ** 63n), -1n, 2n ** 63n - 1n]],
  ] as const)('an intset of %i bytes a number', (_, members) => {
    expect(decode(values.SET_INTSET(members))).toEqual(members.map(String).sort());
  });

  test('an intset whose numbers do not rise, or do not fill its bytes, is refused', () => {
    expect(refusal(values.SET_INTSET([1, 3, 3]), 10)).toEqual({ code: 'RDB_INTSET', offset: 10 + 1 + 8 + 4 });
    expect(refusal(values.SET_INTSET([5, -5])).code).toBe('RDB_INTSET');
    for (const [at, byte] of [
      [1, 3],
      [1, 4],
      [5, 1],
      [8, 1],
    ] as const) {
      const bad = values.SET_INTSET([1, 2, 3]);
      bad.value[at] = byte;
      expect(refusal(bad).code).toBe('RDB_INTSET');
    }
  });
});

describe('sorted sets', () => {
  const scores = [
    0,
    -0,
    1,
    -1.5,
    3.0000000000000004,
    1e300,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    Infinity,
    -Infinity,
  ];
  const entries = scores.map((score, i) => [`m${i}`, score] as const);

  test.each([
    ['ZSET', values.ZSET(entries)],
    ['ZSET_2', values.ZSET_2(entries)],
  ])('%s keeps every score to the last bit', (_, built) => {
    const value = decodeValue(built.type, built.value);
    const decoded = value.kind === 'zset' ? value.entries.map(({ score }) => score) : [];
    expect(decoded.map((score) => [score, Object.is(score, -0)])).toEqual(
      scores.map((score) => [score, Object.is(score, -0)]),
    );
  });

  const packed = [
    ['a', 1],
    ['b', '-1.5'],
    ['c', 'inf'],
    ['d', '-inf'],
    ['e', 2n ** 62n],
    ['f', '1.0000000000000001e+300'],
    ['g', '-0'],
  ] as const;
  test.each([
    ['ZSET_ZIPLIST', values.ZSET_ZIPLIST(packed)],
    ['ZSET_LISTPACK', values.ZSET_LISTPACK(packed, 'lzf')],
  ])('%s reads scores that are numbers or text', (_, built) => {
    expect(decode(built)).toEqual([
      ['a', 1],
      ['b', -1.5],
      ['c', Infinity],
      ['d', -Infinity],
      ['e', 2 ** 62],
      ['f', 1e300],
      ['g', -0],
    ]);
  });

  test('17 digits, as old servers wrote them, are the double that they were', () => {
    const text = Buffer.from('0.10000000000000001');
    const value = counted([Buffer.concat([string('m'), Buffer.of(text.length), text])]);
    expect(decode({ type: redisTypes[3] as ValueType, value })).toEqual([['m', 0.1]]);
  });

  test.each(['', 'abc', '1.2.3', '0x10', '1e', '--1'])('a score of the text "%s" is refused', (score) => {
    const text = Buffer.from(score);
    const value = counted([Buffer.concat([string('m'), Buffer.of(text.length), text])]);
    expect(refusal({ type: redisTypes[3] as ValueType, value }, 50)).toEqual({ code: 'RDB_VALUE', offset: 53 });
    expect(refusal(values.ZSET_LISTPACK([['m', score]])).code).toBe('RDB_LISTPACK');
  });

  test('a member without a score is refused', () => {
    const value = string(listpack(['a', 1, 'b']));
    expect(refusal({ type: redisTypes[17] as ValueType, value })).toEqual({ code: 'RDB_LISTPACK', offset: 1 });
  });
});

describe('hashes', () => {
  const fields = [
    ['f', 'v'],
    ['', ''],
    ['12', 'x'.repeat(300)],
  ] as const;
  const expected = [
    ['', '', undefined],
    ['12', 'x'.repeat(300), undefined],
    ['f', 'v', undefined],
  ];
  test.each([
    ['HASH', values.HASH(fields)],
    ['HASH of compressed strings', values.HASH(fields, 'lzf')],
    ['HASH_ZIPMAP', values.HASH_ZIPMAP(fields)],
    ['HASH_ZIPMAP, compressed', values.HASH_ZIPMAP(fields, 'lzf')],
    ['HASH_ZIPLIST', values.HASH_ZIPLIST(fields, 'lzf')],
    ['HASH_LISTPACK', values.HASH_LISTPACK(fields, 'lzf')],
  ])('%s', (_, built) => {
    expect(decode(built)).toEqual(expected);
  });

  const soon = 1_900_000_000_000n;
  const expiring = [
    ['a', '1', 0n],
    ['b', '2', soon],
    ['c', '3', soon + 86_400_000n],
  ] as const;
  test.each([
    ['HASH_METADATA_PRE_GA', values.HASH_METADATA_PRE_GA(expiring)],
    ['HASH_LISTPACK_EX_PRE_GA', values.HASH_LISTPACK_EX_PRE_GA(expiring)],
    ['HASH_METADATA', values.HASH_METADATA(expiring)],
    ['HASH_LISTPACK_EX', values.HASH_LISTPACK_EX(expiring, 'lzf')],
    ['HASH_2', values.HASH_2(expiring.map(([f, v, at]) => [f, v, at === 0n ? -1n : at]))],
  ])('%s gives the expiry of each field', (_, built) => {
    expect(decode(built)).toEqual([
      ['a', '1', undefined],
      ['b', '2', soon],
      ['c', '3', soon + 86_400_000n],
    ]);
  });

  test('the bytes 22 and 23 mean what their dialect says', () => {
    expect(
      decode(
        values.PATH_HASH([
          ['/a', [['f', 'v']]],
          ['/b', []],
        ]),
      ),
    ).toEqual([
      ['/a', [['f', 'v']]],
      ['/b', []],
    ]);
    const asRedis = { type: redisTypes[23] as ValueType, value: values.PATH_HASH([['/a', [['f', 'v']]]]).value };
    expect(() => decode(asRedis)).toThrow(RdbError);
  });

  test('an expiry before 1970, or beyond 63 bits, is refused', () => {
    expect(refusal(values.HASH_METADATA([['f', 'v', -2n]])).code).toBe('RDB_VALUE');
    expect(
      refusal(
        values.HASH_METADATA([
          ['f', 'v', 5n],
          ['g', 'v', 2n ** 63n],
        ]),
      ).code,
    ).toBe('RDB_VALUE');
    expect(refusal(values.HASH_METADATA_PRE_GA([['f', 'v', 2n ** 63n]])).code).toBe('RDB_VALUE');
    expect(refusal(values.HASH_2([['f', 'v', -2n]])).code).toBe('RDB_VALUE');
    expect(refusal(values.HASH_LISTPACK_EX_PRE_GA([['f', 'v', -5n]])).code).toBe('RDB_LISTPACK');
  });

  test('a hash without all of its parts is refused', () => {
    expect(refusal({ type: redisTypes[16] as ValueType, value: string(listpack(['a', 1, 'b'])) }).code).toBe(
      'RDB_LISTPACK',
    );
    expect(refusal({ type: redisTypes[23] as ValueType, value: string(listpack(['a', 1])) }).code).toBe('RDB_LISTPACK');
  });

  test('zipmaps: long strings, unused bytes, an unknown count, and damage', () => {
    const long = 'y'.repeat(254);
    expect(decode(values.HASH_ZIPMAP([[long, 'x'.repeat(253)]]))).toEqual([[long, 'x'.repeat(253), undefined]]);
    const many = Array.from({ length: 300 }, (_, i) => [`f${i}`, `v${i}`] as const);
    expect(decode(values.HASH_ZIPMAP(many))).toHaveLength(300);
    const { type, value } = values.HASH_ZIPMAP([
      ['f', 'v'],
      ['g', 'w'],
    ]);
    for (const [at, byte] of [
      [1, 3],
      [2, 200],
      [4, 90],
      [5, 1],
      [value.length - 1, 0],
    ] as const) {
      const bad = Buffer.from(value);
      bad[at] = byte;
      expect(refusal({ type, value: bad }).code, `byte ${at}`).toBe('RDB_ZIPMAP');
    }
  });
});

describe('template-coded hashes (Redis 8.10)', () => {
  const names = ['age', 'name', 'email'];
  const contents = ['44', 'Ada', 'ada@example.org'];
  const expected = [
    ['age', '44', undefined],
    ['email', 'ada@example.org', undefined],
    ['name', 'Ada', undefined],
  ];
  const known = (id: bigint) => (id === 7n ? names.map((name) => Buffer.from(name)) : undefined);

  test.each([
    ['HASH_TMPL_LP', values.HASH_TMPL_LP(9n, names, contents, 'listpack')],
    ['HASH_TMPL_LP with names as strings', values.HASH_TMPL_LP(9n, names, [44, 'Ada', 'ada@example.org'], 'strings')],
    ['HASH_TMPL_LP_REF', values.HASH_TMPL_LP_REF(7n, contents)],
    ['HASH_TMPL_ARRAY', values.HASH_TMPL_ARRAY(names, contents, 'listpack')],
    ['HASH_TMPL_ARRAY with names as strings', values.HASH_TMPL_ARRAY(names, contents, 'strings')],
    ['HASH_TMPL_ARRAY_REF', values.HASH_TMPL_ARRAY_REF(7n, contents)],
  ])('%s', (_, built) => {
    expect(decode(built, known)).toEqual(expected);
  });

  test('a template that nobody defined is named', () => {
    expect(() => decode(values.HASH_TMPL_LP_REF(8n, contents), known)).toThrow(/hash template 8 is not known/);
    expect(refusal(values.HASH_TMPL_ARRAY_REF(7n, contents), 30)).toEqual({ code: 'RDB_TEMPLATE', offset: 30 });
  });

  test('more or fewer values than fields are refused', () => {
    expect(() => decode(values.HASH_TMPL_LP_REF(7n, contents.slice(1)), known)).toThrow(
      /2 values stand for the 3 fields/,
    );
    expect(() => decode(values.HASH_TMPL_ARRAY_REF(7n, contents.slice(1)), known)).toThrow(RdbError);
    expect(() => decode(values.HASH_TMPL_ARRAY_REF(7n, [...contents, 'x']), known)).toThrow(RdbError);
  });

  test('names that are out of order, as duplicates always are, are refused', () => {
    expect(refusal(values.HASH_TMPL_ARRAY(['name', 'age'], ['1', '2'], 'strings')).code).toBe('RDB_TEMPLATE');
    expect(refusal(values.HASH_TMPL_ARRAY(['age', 'age'], ['1', '2'], 'listpack')).code).toBe('RDB_TEMPLATE');
  });

  test('the names in a file’s template record', () => {
    const record = counted(names.map((name) => string(name)));
    expect(decodeTemplateNames(record).map(String)).toEqual(names);
    expect(() => decodeTemplateNames(record.subarray(0, -1), 500)).toThrow(RdbError);
  });
});

describe('arrays (Redis 8.8)', () => {
  test('items of each kind, and the insert index', () => {
    const built = values.ARRAY(
      [
        [0n, { string: 'long text' }],
        [1n, { small: 'short' }],
        [70n, { integer: -(2n ** 63n) }],
        [2n ** 64n - 2n, { float: -0.5 }],
      ],
      2n ** 64n - 2n,
    );
    const value = decodeValue(built.type, built.value);
    expect(value).toMatchObject({ kind: 'array', insertIndex: 2n ** 64n - 2n });
    expect(plain(value)).toEqual([
      [0n, 'long text'],
      [1n, 'short'],
      [70n, -(2n ** 63n)],
      [2n ** 64n - 2n, -0.5],
    ]);
    expect(decodeValue(redisTypes[28] as ValueType, values.ARRAY([]).value)).toMatchObject({ insertIndex: undefined });
  });

  test('an unknown tag or flag is refused', () => {
    const item = Buffer.concat([length(1), length(0), length(5), length(9)]);
    expect(refusal({ type: redisTypes[28] as ValueType, value: item }, 10)).toEqual({ code: 'RDB_ARRAY', offset: 13 });
    const flag = Buffer.concat([length(0), length(2)]);
    expect(refusal({ type: redisTypes[28] as ValueType, value: flag })).toEqual({ code: 'RDB_ARRAY', offset: 1 });
  });
});

describe('modules', () => {
  const items = [
    moduleItem.signed(-5n),
    moduleItem.unsigned(2n ** 64n - 1n),
    moduleItem.float(0.5),
    moduleItem.double(0.1),
    moduleItem.string('{"a":1}'.repeat(20), 'lzf'),
  ];

  test('name and version come out of the id; the items as the module wrote them', () => {
    const { type, value } = values.MODULE_2(moduleId('ReJSON-RL', 3), items);
    const decoded = decodeValue(type, value);
    if (decoded.kind !== 'module') throw new Error(decoded.kind);
    expect(decoded).toMatchObject({ name: 'ReJSON-RL', version: 3 });
    expect(decoded.raw.equals(Buffer.concat([...items, length(0)]))).toBe(true);
    expect([...moduleItems(decoded.raw)]).toEqual([
      { kind: 'signed', value: -5n },
      { kind: 'unsigned', value: 2n ** 64n - 1n },
      { kind: 'float', value: 0.5 },
      { kind: 'double', value: 0.1 },
      { kind: 'string', value: Buffer.from('{"a":1}'.repeat(20)) },
    ]);
  });

  test('an item of an unknown kind is refused', () => {
    expect(refusal(values.MODULE_2(1n, [length(6)]))).toEqual({ code: 'RDB_MODULE', offset: 1 });
  });
});

describe('damage', () => {
  test('a member, field or index that comes twice is refused, and the error shows it', () => {
    const twice = [
      values.SET(['a', 'b', 'a']),
      values.SET(['12', '12'], 'int'),
      values.SET_LISTPACK([5, '5']),
      values.ZSET_2([
        ['a', 1],
        ['a', 2],
      ]),
      values.ZSET_LISTPACK([
        ['a', 1],
        ['a', 1],
      ]),
      values.HASH([
        ['a', '1'],
        ['a', '2'],
      ]),
      values.HASH_ZIPMAP([
        ['a', '1'],
        ['a', '2'],
      ]),
      values.HASH_METADATA([
        ['a', '1', 5n],
        ['a', '2', 0n],
      ]),
      values.HASH_LISTPACK_EX([
        ['a', '1', 5n],
        ['a', '2', 0n],
      ]),
      values.ARRAY([
        [3n, { small: 'a' }],
        [3n, { small: 'b' }],
      ]),
      values.PATH_HASH([
        ['/a', []],
        ['/a', []],
      ]),
      values.PATH_HASH([
        [
          '/a',
          [
            ['f', '1'],
            ['f', '2'],
          ],
        ],
      ]),
    ];
    for (const built of twice) expect(refusal(built).code, built.type.name).toBe('RDB_DUPLICATE');
    expect(() => decode(values.SET(['caf\xe9', 'caf\xe9']))).toThrow(/"café" comes twice/);
  });

  test('bytes behind a value are refused', () => {
    const behind = (built: BuiltValue) => ({ ...built, value: Buffer.concat([built.value, Buffer.of(0)]) });
    for (const built of [
      values.STRING('x'),
      values.LIST(['x']),
      values.LIST_QUICKLIST_2([['x']]),
      values.SET(['x']),
      values.SET_INTSET([1]),
      values.ZSET_2([['x', 1]]),
      values.HASH_LISTPACK([['f', 'v']]),
      values.HASH_METADATA([['f', 'v', 5n]]),
      values.HASH_TMPL_ARRAY(['f'], ['v'], 'strings'),
      values.MODULE_2(1n, []),
      values.ARRAY([[0n, { small: 'x' }]]),
    ]) {
      expect(refusal(behind(built)).code, built.type.name).toBe('RDB_VALUE');
    }
  });

  test('a number of elements that the bytes can’t hold costs no memory', () => {
    for (const code of [1, 2, 3, 4, 5, 14, 15, 18, 22, 28]) {
      const value = Buffer.concat([length(2n ** 40n), Buffer.alloc(50)]);
      expect(refusal({ type: redisTypes[code] as ValueType, value }).code, `type ${code}`).toBe('RDB_VALUE');
    }
    const value = Buffer.concat([length(2n ** 64n - 1n), Buffer.alloc(50)]);
    expect(refusal({ type: valkeyTypes[22] as ValueType, value }).code).toBe('RDB_VALUE');
  });

  test('offsets count from the base that is given', () => {
    expect(refusal({ type: redisTypes[4] as ValueType, value: Buffer.from('0201610162', 'hex') }, 1000)).toEqual({
      code: 'RDB_STRING',
      offset: 1005,
    });
    const bad = values.HASH_LISTPACK([['f', 'v']]);
    bad.value[7] = 0xf9;
    expect(refusal(bad, 1000)).toEqual({ code: 'RDB_LISTPACK', offset: 1007 });
  });

  test('in a compressed blob the error points at the blob', () => {
    const bad = listpack(['f'.repeat(50), 'v']);
    bad[6] = 0xf9;
    const value = string(bad, 'lzf');
    expect(refusal({ type: redisTypes[16] as ValueType, value }, 1000)).toEqual({ code: 'RDB_LISTPACK', offset: 1000 });
  });
});

test('a huge value is streamed: reading a few elements reads no more of it', () => {
  const { type, value } = values.SET(Array.from({ length: 1000 }, (_, i) => `m${i}`));
  value.fill(0xff, value.length / 2);
  const streamed = openValue(type, value);
  if (streamed.kind !== 'set') throw new Error(streamed.kind);
  const seen = [];
  for (const member of streamed.members) {
    seen.push(String(member));
    if (seen.length === 3) break;
  }
  expect(seen).toEqual(['m0', 'm1', 'm2']);
  const rest = openValue(type, value);
  expect(() => rest.kind === 'set' && [...rest.members]).toThrow(RdbError);
});
