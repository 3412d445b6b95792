// One small value of every type, for tests that go through all of them.
import { type BuiltValue, moduleId, moduleItem, values } from './rdb-builders.ts';
import { type BuiltStream, streamValue } from './stream-builder.ts';

const id = (ms: number, seq = 0) => ({ ms, seq });

/** Two nodes, a tombstone, own fields, a group with pending entries, a producer. */
export const sampleStream: BuiltStream = {
  nodes: [
    [
      {
        id: id(1, 1),
        fields: [
          ['f', 1],
          ['g', 'x'],
        ],
      },
      {
        id: id(2),
        fields: [
          ['f', 2],
          ['g', 'y'],
        ],
        deleted: true,
      },
      { id: id(3), fields: [['other', 'z']] },
    ],
    [{ id: id(9), fields: [['f', 'x'.repeat(70)]] }],
  ],
  lastId: id(9),
  firstId: id(1, 1),
  maxDeletedId: id(2),
  entriesAdded: 4n,
  groups: [
    {
      name: 'g',
      lastId: id(3),
      entriesRead: 2n,
      pel: [
        { id: id(1, 1), deliveredAt: 50n, count: 1n },
        { id: id(3), deliveredAt: 51n, count: 300n },
      ],
      consumers: [{ name: 'c', seenAt: 50n, activeAt: 49n, pel: [id(1, 1), id(3)] }],
    },
  ],
  idempotence: {
    duration: 1n,
    maxSize: 2n,
    producers: [{ id: 'p', messages: [{ id: 'i', entry: id(3) }] }],
    added: 3n,
    duplicates: 4n,
  },
};

const words = ['alpha', 'b'.repeat(80), '12', '-70000', ''];
const pairs = words.map((word, i) => [word, `value ${i}`] as const);
const scored = [
  ['a', 1.5],
  ['b', Number.NEGATIVE_INFINITY],
] as const;
const packedScores = [
  ['a', '1.5'],
  ['b', 7],
] as const;
const soon = 1_900_000_000_000n;
const expiring = words.map((word, i) => [word, `value ${i}`, i === 0 ? 0n : soon + BigInt(i)] as const);

/** The template that the samples of the types 30 and 32 refer to. */
export const sampleTemplate = { id: 3n, fields: ['age', 'name', 'email'] } as const;
const contents = ['1', 'Ada', 'mail'];

export const samples: readonly BuiltValue[] = [
  values.STRING('x'.repeat(200), 'lzf'),
  values.STRING('-129', 'int'),
  values.LIST(words, 'lzf'),
  values.LIST_ZIPLIST([1, 300, -70000, ...words, 2n ** 40n]),
  values.LIST_QUICKLIST([[1, 2], words]),
  values.LIST_QUICKLIST_2([words, 'plain', [1, 300, -70000, 2n ** 40n]]),
  values.SET(words),
  values.SET_INTSET([-5, 1, 70000]),
  values.SET_LISTPACK([...words.slice(0, 2), 5, -6]),
  values.ZSET(scored),
  values.ZSET_2(scored),
  values.ZSET_ZIPLIST(packedScores),
  values.ZSET_LISTPACK(packedScores),
  values.HASH(pairs),
  values.HASH_ZIPMAP(pairs),
  values.HASH_ZIPLIST(pairs),
  values.HASH_LISTPACK(pairs, 'lzf'),
  values.HASH_LISTPACK(pairs),
  values.HASH_METADATA_PRE_GA(expiring),
  values.HASH_LISTPACK_EX_PRE_GA(expiring),
  values.HASH_METADATA(expiring),
  values.HASH_LISTPACK_EX(expiring),
  values.HASH_2(expiring),
  values.PATH_HASH([
    ['/a', pairs],
    ['/b', pairs],
  ]),
  values.HASH_TMPL_LP(sampleTemplate.id, sampleTemplate.fields, [1, 'Ada', 'mail'], 'listpack'),
  values.HASH_TMPL_LP_REF(sampleTemplate.id, contents),
  values.HASH_TMPL_ARRAY(sampleTemplate.fields, contents, 'listpack'),
  values.HASH_TMPL_ARRAY(sampleTemplate.fields, contents, 'strings'),
  values.HASH_TMPL_ARRAY_REF(sampleTemplate.id, contents),
  values.MODULE_2(moduleId('ReJSON-RL', 3), [moduleItem.string('{}'), moduleItem.signed(-1n), moduleItem.double(1)]),
  values.ARRAY(
    [
      [0n, { string: 'x' }],
      [1n, { integer: 5n }],
      [9n, { float: 1 }],
      [10n, { small: 'y' }],
    ],
    10n,
  ),
  ...([1, 2, 3, 4, 5] as const).map((version) => streamValue(version, sampleStream)),
];

/** The samples' templates, as decoding wants them. */
export function sampleTemplates(templateId: bigint): Buffer[] | undefined {
  return templateId === sampleTemplate.id ? sampleTemplate.fields.map((name) => Buffer.from(name)) : undefined;
}
