import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { hasFieldExpiries, mapFieldExpiries } from '../../lib/rdb/hash-fields.ts';
import { plain } from '../support/decoded.ts';
import { type BuiltValue, values } from '../support/rdb-builders.ts';

const fields = [
  ['a', '1', 0n],
  ['b', 'x'.repeat(200), 5_000n],
  ['c', '3', 9_000n],
] as const;
const never = (at: bigint) => (at === 0n ? -1n : at);

const encodings: [string, BuiltValue, 'redis' | 'valkey'][] = [
  ['HASH_METADATA_PRE_GA', values.HASH_METADATA_PRE_GA(fields), 'redis'],
  ['HASH_LISTPACK_EX_PRE_GA', values.HASH_LISTPACK_EX_PRE_GA(fields), 'redis'],
  ['HASH_METADATA', values.HASH_METADATA(fields, 'lzf'), 'redis'],
  ['HASH_LISTPACK_EX', values.HASH_LISTPACK_EX(fields, 'lzf'), 'redis'],
  [
    'HASH_2',
    values.HASH_2(
      fields.map(([f, v, at]) => [f, v, never(at)]),
      'lzf',
    ),
    'valkey',
  ],
];

describe.each(encodings)('the fields of %s', (_, { type, value }, dialect) => {
  const decoded = (map: (at: bigint) => bigint | undefined) => {
    const mapped = mapFieldExpiries(type, value, map, dialect);
    return [mapped.type.name, plain(decodeValue(mapped.type, mapped.value))];
  };
  const expiring = dialect === 'valkey' ? 'HASH_2' : 'HASH_METADATA';

  test('expire later, in a type that its servers load', () => {
    expect(decoded((at) => at + 1_000n)).toEqual([
      expiring,
      [
        ['a', '1', undefined],
        ['b', 'x'.repeat(200), 6_000n],
        ['c', '3', 10_000n],
      ],
    ]);
  });

  test('lose some of their expiries', () => {
    expect(decoded((at) => (at === 5_000n ? undefined : at))).toEqual([
      expiring,
      [
        ['a', '1', undefined],
        ['b', 'x'.repeat(200), undefined],
        ['c', '3', 9_000n],
      ],
    ]);
  });

  test('lose all of them, and the hash becomes an ordinary one', () => {
    expect(decoded(() => undefined)).toEqual([
      'HASH',
      [
        ['a', '1', undefined],
        ['b', 'x'.repeat(200), undefined],
        ['c', '3', undefined],
      ],
    ]);
  });

  test('keep one that is moved beyond what the format holds, at its end', () => {
    expect(decoded((at) => at + 2n ** 63n)[1]).toEqual([
      ['a', '1', undefined],
      ['b', 'x'.repeat(200), 2n ** 63n - 1n],
      ['c', '3', 2n ** 63n - 1n],
    ]);
  });

  test('keep one that is moved before 1970, for the server to drop the field', () => {
    expect(decoded((at) => at - 6_000n)[1]).toEqual([
      ['a', '1', undefined],
      ['b', 'x'.repeat(200), 1n],
      ['c', '3', 3_000n],
    ]);
  });
});

test('compressed fields stay compressed', () => {
  const { type, value } = values.HASH_METADATA(fields, 'lzf');
  expect(mapFieldExpiries(type, value, (at) => at + 1n, 'redis').value.length).toBe(value.length);
});

test('a hash without field expiries comes back as it is', () => {
  const built = values.HASH([['f', 'v']]);
  expect(hasFieldExpiries(built.type)).toBe(false);
  expect(mapFieldExpiries(built.type, built.value, () => 1n, 'redis')).toEqual(built);
});

test('damage is reported', () => {
  const { type, value } = values.HASH_METADATA(fields);
  expect(() => mapFieldExpiries(type, value.subarray(0, -1), (at) => at, 'redis')).toThrow(RdbError);
});
