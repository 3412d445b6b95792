import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { redisTypes, type ValueType } from '../../lib/rdb/types.ts';
import { plain } from '../support/decoded.ts';
import { type BuiltValue, counted, length, lengthId, listpack, rawId, string } from '../support/rdb-builders.ts';
import { type BuiltStream, streamValue } from '../support/stream-builder.ts';

const id = (ms: bigint | number, seq: bigint | number = 0) => ({ ms, seq });
const NEVER = 2n ** 64n - 1n;

/** Two nodes with own fields, tombstones and an id below the node's in neither part; groups with pending entries. */
const built: BuiltStream = {
  nodes: [
    [
      {
        id: id(1000, 5),
        fields: [
          ['temp', 21],
          ['unit', 'C'],
        ],
      },
      {
        id: id(1000, 6),
        fields: [
          ['temp', -4],
          ['unit', 'C'],
        ],
        deleted: true,
      },
      {
        id: id(1001, 0),
        fields: [
          ['temp', '22.5'],
          ['unit', 'C'],
        ],
      },
      {
        id: id(1001, 1),
        fields: [
          ['note', 'x'.repeat(100)],
          ['note', 'again'],
        ],
      },
    ],
    [{ id: id(2n ** 63n, NEVER), fields: [['', '']] }],
  ],
  lastId: id(2n ** 63n, NEVER),
  firstId: id(1000, 5),
  maxDeletedId: id(1000, 6),
  entriesAdded: 5n,
  groups: [
    {
      name: 'g"1',
      lastId: id(1001, 0),
      entriesRead: -1n,
      pel: [
        { id: id(1000, 5), deliveredAt: 1_700_000_000_000n, count: 3n },
        { id: id(1000, 6), deliveredAt: 1_700_000_000_001n, count: 1n },
      ],
      consumers: [
        { name: 'alice', seenAt: 1_700_000_000_005n, activeAt: 1_700_000_000_004n, pel: [id(1000, 6), id(1000, 5)] },
        { name: 'bob', seenAt: 1_700_000_000_006n, activeAt: -1n, pel: [] },
      ],
    },
    { name: 'idle', lastId: id(0), entriesRead: 0n, pel: [], consumers: [] },
  ],
};

function decode({ type, value }: BuiltValue): Record<string, unknown> {
  return plain(decodeValue(type, value)) as Record<string, unknown>;
}

function refusal(value: BuiltValue): string {
  try {
    decode(value);
  } catch (error) {
    if (error instanceof RdbError) return error.code;
    throw error;
  }
  return 'taken';
}

describe.each([1, 2, 3, 4, 5] as const)('a stream of encoding %i', (version) => {
  const nacked = version === 5 ? [id(1000, 5)] : [];
  const owned = version === 5 ? [id(1000, 6)] : [id(1000, 6), id(1000, 5)];
  const [group, idle] = built.groups as [BuiltStream['groups'][0], BuiltStream['groups'][0]];
  const [alice, bob] = group.consumers as [(typeof group.consumers)[0], (typeof group.consumers)[0]];
  const idempotence = {
    duration: 100n,
    maxSize: 1000n,
    producers: [{ id: 'p1', messages: [{ id: 'iid', entry: id(1001, 1) }] }],
    added: 9n,
    duplicates: 2n,
  };
  const decoded = decode(
    streamValue(version, {
      ...built,
      groups: [{ ...group, consumers: [{ ...alice, pel: owned }, bob], nacked }, idle],
      idempotence,
    }),
  );

  test('has its entries without the deleted ones, each with its own id and fields', () => {
    expect(decoded.entries).toEqual([
      ['1000-5', 'temp', '21', 'unit', 'C'],
      ['1001-0', 'temp', '22.5', 'unit', 'C'],
      ['1001-1', 'note', 'x'.repeat(100), 'note', 'again'],
      [`${2n ** 63n}-${NEVER}`, '', ''],
    ]);
    expect(decoded.length).toBe(4n);
  });

  test('has the ids and counters that its encoding knows', () => {
    expect(decoded.lastId).toBe(`${2n ** 63n}-${NEVER}`);
    expect(decoded).toMatchObject(
      version === 1
        ? { firstId: undefined, maxDeletedId: undefined, entriesAdded: undefined }
        : { firstId: '1000-5', maxDeletedId: '1000-6', entriesAdded: 5n },
    );
  });

  test('has its groups with pending entries and consumers', () => {
    expect(decoded.groups).toEqual([
      {
        name: 'g"1',
        lastId: '1001-0',
        entriesRead: version === 1 ? undefined : -1n,
        pel: [
          ['1000-5', 1_700_000_000_000n, 3n],
          ['1000-6', 1_700_000_000_001n, 1n],
        ],
        consumers: [
          [
            'alice',
            1_700_000_000_005n,
            version >= 3 ? 1_700_000_000_004n : undefined,
            version === 5 ? ['1000-6'] : ['1000-6', '1000-5'],
          ],
          ['bob', 1_700_000_000_006n, version >= 3 ? -1n : undefined, []],
        ],
        nacked: version === 5 ? ['1000-5'] : [],
      },
      { name: 'idle', lastId: '0-0', entriesRead: version === 1 ? undefined : 0n, pel: [], consumers: [], nacked: [] },
    ]);
  });

  test('has what it remembers of its producers', () => {
    expect(decoded.idempotence).toEqual(
      version >= 4
        ? { duration: 100n, maxSize: 1000n, producers: [['p1', [['iid', '1001-1']]]], added: 9n, duplicates: 2n }
        : undefined,
    );
  });
});

test('a stream that its server miscounted is read all the same: Redis 5 has saved such', () => {
  const miscounted = decode(streamValue(1, { ...built, groups: [] }, 6));
  expect(miscounted).toMatchObject({ length: 6n });
  expect(miscounted.entries).toHaveLength(4);
});

test('a stream may be empty', () => {
  const empty = { ...built, nodes: [], groups: [] };
  expect(decode(streamValue(3, empty))).toMatchObject({ entries: [], length: 0n });
});

describe('a stream whose parts disagree is refused', () => {
  const [group] = built.groups as [BuiltStream['groups'][0]];
  const [alice, bob] = group.consumers as [(typeof group.consumers)[0], (typeof group.consumers)[0]];
  const withGroup = (changes: Partial<typeof group>) =>
    streamValue(3, { ...built, groups: [{ ...group, ...changes }] });

  test('ids that do not rise, in a node or from node to node', () => {
    const entry = (ms: number, seq: number) => ({ id: id(ms, seq), fields: [['f', 'v']] as const });
    const of = (...nodes: ReturnType<typeof entry>[][]) => refusal(streamValue(2, { ...built, nodes }));
    expect(of([entry(5, 1), entry(5, 2)], [entry(6, 0)])).toBe('taken');
    expect(of([entry(5, 1), entry(5, 1)])).toBe('RDB_STREAM');
    expect(of([entry(5, 1), entry(4, 9)])).toBe('RDB_STREAM');
    expect(of([entry(5, 1)], [entry(5, 0)])).toBe('RDB_STREAM');
  });

  test('pending entries without an owner, with two, pending twice, or owned but not pending', () => {
    expect(refusal(withGroup({}))).toBe('taken');
    expect(refusal(withGroup({ consumers: [{ ...alice, pel: [id(1000, 6)] }] }))).toBe('RDB_STREAM');
    expect(refusal(withGroup({ consumers: [alice, { ...bob, pel: [id(1000, 6)] }] }))).toBe('RDB_STREAM');
    expect(refusal(withGroup({ pel: [...group.pel, ...group.pel] }))).toBe('RDB_STREAM');
    expect(refusal(withGroup({ consumers: [alice, { ...bob, pel: [id(9, 9)] }] }))).toBe('RDB_STREAM');
  });

  test('two groups or consumers of one name', () => {
    expect(refusal(withGroup({ consumers: [alice, { ...bob, name: 'alice' }] }))).toBe('RDB_STREAM');
    expect(refusal(streamValue(3, { ...built, groups: [group, group] }))).toBe('RDB_STREAM');
  });

  /** A stream of one node with this listpack. */
  const ofNode = (items: Parameters<typeof listpack>[0], key = rawId(id(1, 1))): BuiltValue => ({
    type: redisTypes[15] as ValueType,
    value: Buffer.concat([
      counted([Buffer.concat([string(key), string(listpack(items))])]),
      ...[length(1), lengthId(id(1, 1)), length(0)],
    ]),
  });

  test('a node whose flags or sizes are not those of its entries', () => {
    expect(refusal(ofNode([1, 0, 1, 'f', 0, 2, 0, 0, 'v', 4]))).toBe('taken');
    expect(refusal(ofNode([1, 0, 1, 'f', 0, 2, 0, 0, 'v', 4], Buffer.alloc(8)))).toBe('RDB_STREAM');
    const damaged: Parameters<typeof listpack>[0][] = [
      [], // no master entry
      [1, 0, 1, 'f', 9, 2, 0, 0, 'v', 4], // the master entry does not end in 0
      [1, 0, 1, 'f', 0, 4, 0, 0, 'v', 4], // a flag that nobody knows
      [1, 0, 1, 'f', 0, 2, 0, 0, 'v', 5], // a wrong size
      [1, 0, 1, 'f', 0, 2, 0, 0, 'v'], // no size
      [1, 0, 99, 'f', 0, 2, 0, 0, 'v', 4], // more fields than there are parts
      [1, 0, 1, 'f', 0, 'x', 0, 0, 'v', 4], // flags that are no number
      [1, 0, 1, 'f', 0, 0, 0, 0, 50, 'f', 'v', 6], // own fields beyond the end
    ];
    for (const items of damaged) expect(refusal(ofNode(items)), JSON.stringify(items)).toBe('RDB_STREAM');
  });
});
