import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { type SameValueOptions, sameValue } from '../../lib/rdb/same-value.ts';
import { type BuiltValue, moduleId, moduleItem, values } from '../support/rdb-builders.ts';
import { type BuiltStream, streamValue } from '../support/stream-builder.ts';

/** The answer, which must not depend on which side is which. */
function same(a: BuiltValue, b: BuiltValue, options?: SameValueOptions): boolean {
  const answer = sameValue(a, b, options);
  expect(sameValue(b, a, options)).toBe(answer);
  return answer;
}

test('a string is the same in each encoding', () => {
  expect(same(values.STRING('123'), values.STRING('123', 'int'))).toBe(true);
  expect(same(values.STRING('a'.repeat(90)), values.STRING('a'.repeat(90), 'lzf'))).toBe(true);
  expect(same(values.STRING('123'), values.STRING('0123'))).toBe(false);
  expect(same(values.STRING('a'), values.SET(['a']))).toBe(false);
});

test('a list is the same in each encoding, and its order counts', () => {
  const items = ['a', '12', 'a'];
  const encodings = [
    values.LIST(items),
    values.LIST_ZIPLIST(['a', 12, 'a']),
    values.LIST_QUICKLIST([['a'], [12, 'a']]),
    values.LIST_QUICKLIST_2(['a', [12, 'a']]),
  ];
  for (const a of encodings) for (const b of encodings) expect(same(a, b)).toBe(true);
  expect(same(values.LIST(items), values.LIST_QUICKLIST_2([['a', 'a', 12]]))).toBe(false);
  expect(same(values.LIST(items), values.LIST_QUICKLIST_2([['a', 12]]))).toBe(false);
});

test('a set is the same in each encoding and order', () => {
  const encodings = [
    values.SET(['3', '-1', '2']),
    values.SET_INTSET([-1, 2, 3]),
    values.SET_LISTPACK([2, '3', -1], 'lzf'),
  ];
  for (const a of encodings) for (const b of encodings) expect(same(a, b)).toBe(true);
  expect(same(values.SET(['3', '-1']), values.SET_INTSET([-1, 2, 3]))).toBe(false);
  expect(same(values.SET(['3', '-1', '4']), values.SET_INTSET([-1, 2, 3]))).toBe(false);
});

test('a sorted set is compared by members and scores', () => {
  const encodings = [
    values.ZSET([
      ['a', 1.5],
      ['b', Infinity],
    ]),
    values.ZSET_2([
      ['b', Infinity],
      ['a', 1.5],
    ]),
    values.ZSET_ZIPLIST([
      ['a', '1.5'],
      ['b', 'inf'],
    ]),
    values.ZSET_LISTPACK([
      ['a', '1.5'],
      ['b', 'inf'],
    ]),
  ];
  for (const a of encodings) for (const b of encodings) expect(same(a, b)).toBe(true);
  expect(same(values.ZSET_2([['a', 1.5]]), values.ZSET_2([['a', 1.5000000000000002]]))).toBe(false);
  // A server that turns it into a listpack writes -0 as 0.
  expect(same(values.ZSET_2([['a', -0]]), values.ZSET_LISTPACK([['a', 0]]))).toBe(true);
});

describe('hashes', () => {
  const fields = [
    ['f', '1'],
    ['g', '2'],
  ] as const;

  test('are the same in each encoding and order', () => {
    const encodings = [
      values.HASH(fields),
      values.HASH([...fields].reverse(), 'lzf'),
      values.HASH_ZIPMAP(fields),
      values.HASH_ZIPLIST([
        ['g', 2],
        ['f', 1],
      ]),
      values.HASH_LISTPACK([
        ['g', 2],
        ['f', 1],
      ]),
      values.HASH_METADATA([
        ['f', '1', 0n],
        ['g', '2', 0n],
      ]),
      values.HASH_2([
        ['f', '1', -1n],
        ['g', '2', -1n],
      ]),
      values.HASH_TMPL_ARRAY(['f', 'g'], ['1', '2'], 'strings'),
    ];
    for (const a of encodings) for (const b of encodings) expect(same(a, b)).toBe(true);
    for (const a of encodings) {
      expect(
        same(
          a,
          values.HASH([
            ['f', '1'],
            ['g', '3'],
          ]),
        ),
      ).toBe(false);
      expect(
        same(
          a,
          values.HASH([
            ['f', '1'],
            ['h', '2'],
          ]),
        ),
      ).toBe(false);
      expect(same(a, values.HASH([['f', '1']]))).toBe(false);
    }
  });

  test('the expiry of each field counts, whatever family of servers wrote it', () => {
    const redis = values.HASH_METADATA([
      ['f', '1', 2000n],
      ['g', '2', 0n],
    ]);
    expect(
      same(
        redis,
        values.HASH_LISTPACK_EX([
          ['g', '2', 0n],
          ['f', '1', 2000n],
        ]),
      ),
    ).toBe(true);
    expect(
      same(
        redis,
        values.HASH_2([
          ['g', '2', -1n],
          ['f', '1', 2000n],
        ]),
      ),
    ).toBe(true);
    expect(
      same(
        redis,
        values.HASH_2([
          ['g', '2', -1n],
          ['f', '1', 2001n],
        ]),
      ),
    ).toBe(false);
    expect(
      same(
        redis,
        values.HASH_2([
          ['g', '2', 2000n],
          ['f', '1', -1n],
        ]),
      ),
    ).toBe(false);
    expect(same(redis, values.HASH(fields))).toBe(false);
  });

  test('fields whose time has come count as gone', () => {
    const full = values.HASH_METADATA([
      ['f', '1', 2000n],
      ['g', '2', 3000n],
      ['h', '3', 0n],
    ]);
    const left = values.HASH_LISTPACK_EX([
      ['g', '2', 3000n],
      ['h', '3', 0n],
    ]);
    expect(same(full, left)).toBe(false);
    expect(same(full, left, { now: 1999n })).toBe(false);
    expect(same(full, left, { now: 2000n })).toBe(true);
    expect(same(full, values.HASH([['h', '3']]), { now: 3000n })).toBe(true);
  });

  test('one that refers to a template is read with the templates of its file', () => {
    const reference = values.HASH_TMPL_LP_REF(4n, [1, '2']);
    const templates = (id: bigint) => (id === 4n ? [Buffer.from('f'), Buffer.from('g')] : undefined);
    expect(sameValue({ ...reference, templates }, values.HASH(fields))).toBe(true);
    expect(sameValue(values.HASH(fields), { ...reference, templates })).toBe(true);
    // The same bytes of two files may mean two things.
    const other = (id: bigint) => (id === 4n ? [Buffer.from('x'), Buffer.from('y')] : undefined);
    expect(sameValue({ ...reference, templates }, { ...reference, templates: other })).toBe(false);
  });

  test('path hashes are compared path by path', () => {
    const a = values.PATH_HASH([
      [
        '/a',
        [
          ['f', '1'],
          ['g', '2'],
        ],
      ],
      ['/b', []],
    ]);
    expect(
      same(
        a,
        values.PATH_HASH([
          ['/b', []],
          [
            '/a',
            [
              ['g', '2'],
              ['f', '1'],
            ],
          ],
        ]),
      ),
    ).toBe(true);
    expect(
      same(
        a,
        values.PATH_HASH([
          ['/b', []],
          [
            '/a',
            [
              ['g', '2'],
              ['f', '3'],
            ],
          ],
        ]),
      ),
    ).toBe(false);
    expect(same(a, values.HASH([]))).toBe(false);
  });
});

describe('streams', () => {
  const id = (ms: number, seq = 0) => ({ ms, seq });
  const built: BuiltStream = {
    nodes: [
      [
        { id: id(1, 1), fields: [['f', 1]] },
        { id: id(2), fields: [['f', 2]] },
      ],
    ],
    lastId: id(2),
    firstId: id(1, 1),
    maxDeletedId: id(0),
    entriesAdded: 2n,
    groups: [
      {
        name: 'g',
        lastId: id(1, 1),
        entriesRead: 1n,
        pel: [{ id: id(1, 1), deliveredAt: 50n, count: 1n }],
        consumers: [{ name: 'c', seenAt: 50n, activeAt: 49n, pel: [id(1, 1)] }],
      },
      { name: 'h', lastId: id(0), entriesRead: 0n, pel: [], consumers: [] },
    ],
  };
  const [group, other] = built.groups as [BuiltStream['groups'][0], BuiltStream['groups'][0]];
  const [consumer] = group.consumers as [(typeof group.consumers)[0]];
  const withGroup = (changes: Partial<typeof group>) => ({ ...built, groups: [{ ...group, ...changes }, other] });

  test('are the same across encodings, in all that both can say', () => {
    for (const a of [1, 2, 3, 4, 5] as const) {
      for (const b of [1, 2, 3, 4, 5] as const) expect(same(streamValue(a, built), streamValue(b, built))).toBe(true);
    }
    const elsewhere = { ...built, entriesAdded: 9n };
    expect(same(streamValue(1, built), streamValue(2, elsewhere))).toBe(true);
    expect(same(streamValue(3, built), streamValue(2, elsewhere))).toBe(false);
  });

  test('are the same however their entries lie in nodes, and with tombstones or without', () => {
    const [[first, second]] = built.nodes as [[BuiltStream['nodes'][0][0], BuiltStream['nodes'][0][0]]];
    const split = { ...built, nodes: [[first], [{ ...second, id: id(1, 9), deleted: true }, second]] };
    expect(same(streamValue(3, built), streamValue(3, split))).toBe(true);
  });

  test.each<[string, BuiltStream]>([
    [
      'an entry’s value',
      {
        ...built,
        nodes: [
          [
            { id: id(1, 1), fields: [['f', 1]] },
            { id: id(2), fields: [['f', 3]] },
          ],
        ],
      },
    ],
    [
      'an entry’s id',
      {
        ...built,
        nodes: [
          [
            { id: id(1, 1), fields: [['f', 1]] },
            { id: id(2, 1), fields: [['f', 2]] },
          ],
        ],
      },
    ],
    ['the last id', { ...built, lastId: id(3) }],
    ['the first id', { ...built, firstId: id(2) }],
    ['the highest deleted id', { ...built, maxDeletedId: id(1) }],
    ['a group less', { ...built, groups: [group] }],
    ['a group’s name', withGroup({ name: 'i' })],
    ['a group’s last id', withGroup({ lastId: id(2) })],
    ['a group’s entries read', withGroup({ entriesRead: -1n })],
    ['a delivery time', withGroup({ pel: [{ id: id(1, 1), deliveredAt: 51n, count: 1n }] })],
    ['a delivery count', withGroup({ pel: [{ id: id(1, 1), deliveredAt: 50n, count: 2n }] })],
    ['no pending entry', withGroup({ pel: [], consumers: [{ ...consumer, pel: [] }] })],
    ['a consumer’s name', withGroup({ consumers: [{ ...consumer, name: 'd' }] })],
    ['a consumer’s seen time', withGroup({ consumers: [{ ...consumer, seenAt: 1n }] })],
    ['a consumer’s active time', withGroup({ consumers: [{ ...consumer, activeAt: -1n }] })],
    ['a consumer more', withGroup({ consumers: [consumer, { ...consumer, name: 'd', pel: [] }] })],
  ])('differ in %s', (_, changed) => {
    expect(same(streamValue(3, built), streamValue(3, changed))).toBe(false);
  });

  test('entries given back and producers count', () => {
    const back = withGroup({ consumers: [{ ...consumer, pel: [] }], nacked: [id(1, 1)] });
    expect(same(streamValue(5, built), streamValue(5, back))).toBe(false);
    const idempotence = { duration: 1n, maxSize: 2n, producers: [], added: 0n, duplicates: 0n };
    const known = { ...idempotence, producers: [{ id: 'p', messages: [{ id: 'i', entry: id(2) }] }] };
    const [a, b] = [streamValue(4, { ...built, idempotence }), streamValue(5, { ...built, idempotence: known })];
    expect(same(a, b)).toBe(false);
    expect(same(streamValue(4, { ...built, idempotence: known }), b)).toBe(true);
  });
});

test('modules are compared as they wrote their items', () => {
  const id = moduleId('ReJSON-RL', 3);
  const json = '{"k":"v"}'.repeat(9);
  const plain = values.MODULE_2(id, [moduleItem.string(json), moduleItem.double(-0)]);
  expect(same(plain, values.MODULE_2(id, [moduleItem.string(json, 'lzf'), moduleItem.double(-0)]))).toBe(true);
  expect(same(plain, values.MODULE_2(id, [moduleItem.string(json), moduleItem.double(0)]))).toBe(false);
  expect(same(plain, values.MODULE_2(id, [moduleItem.string(json)]))).toBe(false);
  expect(same(plain, values.MODULE_2(id + 1n, [moduleItem.string(json), moduleItem.double(-0)]))).toBe(false);
});

describe('vector sets', () => {
  const { unsigned, string: text } = moduleItem;
  const element = (name: string, attributes: string, vector: string, links: bigint[]) => [
    ...[text(name), text(attributes), text(vector), unsigned(BigInt(links.length)), ...links.map(unsigned)],
  ];
  const a = element('a', '', 'vec1', [1n, 2n]);
  const b = element('b', '{"x":1}', 'vec2', [1n]);
  const set = (...elements: Buffer[][]) => {
    const head = [3n, BigInt(elements.length), 4097n, 2n].map(unsigned);
    return values.MODULE_2(moduleId('vectorset', 0), [...head, ...elements.flat()]);
  };

  test('are compared by their elements: servers order and link them anew', () => {
    expect(same(set(a, b), set(b, a))).toBe(true);
    expect(same(set(a, b), set(element('b', '{"x":1}', 'vec2', [2n, 7n]), a))).toBe(true);
    expect(same(set(a, b), set(a))).toBe(false);
    expect(same(set(a, b), set(a, element('b', '{"x":2}', 'vec2', [1n])))).toBe(false);
    expect(same(set(a, b), set(a, element('b', '{"x":1}', 'vec3', [1n])))).toBe(false);
    expect(same(set(a, b), set(a, element('c', '{"x":1}', 'vec2', [1n])))).toBe(false);
  });

  test('that are written in a way of which nothing is known are compared item by item', () => {
    const odd = (...items: Buffer[]) => values.MODULE_2(moduleId('vectorset', 0), items);
    expect(same(odd(text('a')), odd(text('a')))).toBe(true);
    expect(same(odd(text('a'), text('b')), odd(text('b'), text('a')))).toBe(false);
    expect(same(set(a, b), odd(text('a')))).toBe(false);
  });
});

test('arrays are compared by index, kind and insert index', () => {
  const a = values.ARRAY(
    [
      [1n, { small: 'x' }],
      [9n, { integer: 4n }],
    ],
    10n,
  );
  expect(
    same(
      a,
      values.ARRAY(
        [
          [9n, { integer: 4n }],
          [1n, { string: 'x' }],
        ],
        10n,
      ),
    ),
  ).toBe(true);
  expect(
    same(
      a,
      values.ARRAY(
        [
          [1n, { small: 'x' }],
          [9n, { float: 4 }],
        ],
        10n,
      ),
    ),
  ).toBe(false);
  expect(
    same(
      a,
      values.ARRAY(
        [
          [1n, { small: 'x' }],
          [8n, { integer: 4n }],
        ],
        10n,
      ),
    ),
  ).toBe(false);
  expect(
    same(
      a,
      values.ARRAY([
        [1n, { small: 'x' }],
        [9n, { integer: 4n }],
      ]),
    ),
  ).toBe(false);
});

test('a damaged value is the same as none', () => {
  expect(() => sameValue(values.SET(['a', 'a']), values.SET(['a', 'b']))).toThrow(RdbError);
  expect(() => sameValue(values.SET(['a', 'b']), values.SET(['a', 'a']))).toThrow(RdbError);
  const cut = values.HASH([
    ['f', 'v'],
    ['g', 'w'],
  ]);
  expect(() => sameValue({ ...cut, value: cut.value.subarray(0, -1) }, cut)).toThrow(RdbError);
});

test('comparing many members keeps none of them', () => {
  const members = Array.from({ length: 300_000 }, (_, i) => String(i * 7));
  const a = values.SET(members);
  const b = values.SET([...members.slice(150_000), ...members.slice(0, 150_000)]);
  members.length = 0;
  const before = process.memoryUsage();
  expect(sameValue(a, b)).toBe(true);
  const after = process.memoryUsage();
  // 2^19 entries of 4, 8 and 2 × 4 bytes, and the smaller tables before them.
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 << 20);
});
