import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { reencode, type TypeSupport } from '../../../lib/rdb/reencode.ts';
import { plain, text } from '../../support/decoded.ts';
import { runs, seedOr } from '../../support/random.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';

const SEED = seedOr(20261125);
const NOW = 1_000_000n;
const REDIS_8_0: TypeSupport = { family: 'redis', rdb: 12 };
const REDIS_7_0: TypeSupport = { family: 'redis', rdb: 10 };
const VALKEY_8_1: TypeSupport = { family: 'valkey', rdb: 11 };
const VALKEY_9_1: TypeSupport = { family: 'valkey', rdb: 80 };

/** A field, its value, and when it expires, 0 for never. */
type Field = readonly [string | Buffer, string | Buffer, bigint];

function encodings(fields: readonly Field[], as: 'raw' | 'lzf' = 'raw'): BuiltValue[] {
  return [
    values.HASH_METADATA_PRE_GA(fields),
    values.HASH_LISTPACK_EX_PRE_GA(fields, as),
    values.HASH_METADATA(fields, as),
    values.HASH_LISTPACK_EX(fields, as),
    values.HASH_2(
      fields.map(([field, value, at]) => [field, value, at === 0n ? -1n : at]),
      as,
    ),
  ];
}

/** Type, content and losses; or that the key has expired. */
function written({ type, value }: BuiltValue, target: TypeSupport): unknown {
  const result = reencode(type, value, target, { now: NOW });
  if (result === undefined || result.expired) return result;
  return [result.type.name, plain(decodeValue(result.type, result.value)), result.losses];
}

describe('where fields do not expire', () => {
  test('they stay, and that is said', () => {
    for (const built of encodings([
      ['a', '1', 0n],
      ['b', '2', NOW + 1n],
    ])) {
      for (const target of [REDIS_7_0, VALKEY_8_1]) {
        expect(written(built, target), built.type.name).toEqual([
          'HASH',
          [
            ['a', '1', undefined],
            ['b', '2', undefined],
          ],
          ['field-ttl'],
        ]);
      }
    }
  });

  test('one whose time has passed does not come back to life', () => {
    for (const built of encodings([
      ['a', '1', 0n],
      ['b', '2', NOW],
      ['c', '3', 1n],
    ])) {
      expect(written(built, REDIS_7_0), built.type.name).toEqual(['HASH', [['a', '1', undefined]], []]);
    }
  });

  test('a hash whose every field has expired counts as expired', () => {
    for (const built of encodings([
      ['a', '1', NOW],
      ['b', '2', 1n],
    ])) {
      expect(written(built, REDIS_7_0), built.type.name).toEqual({ expired: true });
    }
  });

  test('nothing is lost where none does any more', () => {
    for (const built of encodings([['a', '1', 0n]])) {
      expect(written(built, REDIS_7_0), built.type.name).toEqual(['HASH', [['a', '1', undefined]], []]);
    }
  });

  test('compressed strings stay compressed', () => {
    const long = 'x'.repeat(3000);
    for (const built of [
      values.HASH_METADATA([[long, long, NOW + 5n]], 'lzf'),
      values.HASH_2([[long, long, NOW + 5n]], 'lzf'),
    ]) {
      const result = reencode(built.type, built.value, REDIS_7_0, { now: NOW });
      expect(result?.expired === false && result.value.length < built.value.length, built.type.name).toBe(true);
      expect(written(built, REDIS_7_0)).toEqual(['HASH', [[long, long, undefined]], ['field-ttl']]);
    }
  });
});

describe('between Redis and Valkey', () => {
  const fields = [
    ['a', '1', undefined],
    ['b', '2', NOW + 7n],
    ['c', '3', 9n],
  ];
  const [preGa, preGaPacked, table, packed, own] = encodings([
    ['a', '1', 0n],
    ['b', '2', NOW + 7n],
    ['c', '3', 9n],
  ]) as [BuiltValue, BuiltValue, BuiltValue, BuiltValue, BuiltValue];

  test('expiries go along, also passed ones: the server sees to these', () => {
    for (const built of [preGa, preGaPacked, table, packed]) {
      expect(written(built, VALKEY_9_1), built.type.name).toEqual(['HASH_2', fields, []]);
    }
    expect(written(own, REDIS_8_0)).toEqual(['HASH_METADATA', fields, []]);
  });

  test('a hash in which none is left becomes an ordinary one', () => {
    expect(written(values.HASH_LISTPACK_EX([['a', '1', 0n]]), VALKEY_9_1)).toEqual([
      'HASH',
      [['a', '1', undefined]],
      [],
    ]);
    expect(written(values.HASH_2([['a', '1', -1n]]), REDIS_8_0)).toEqual(['HASH', [['a', '1', undefined]], []]);
  });

  test('one that is later than Redis can hold becomes the latest that it can', () => {
    const latest = 2n ** 48n - 1n;
    expect(
      written(
        values.HASH_2([
          ['a', '1', latest],
          ['b', '2', latest + 1n],
          ['c', '3', 2n ** 63n - 1n],
        ]),
        REDIS_8_0,
      ),
    ).toEqual([
      'HASH_METADATA',
      [
        ['a', '1', latest],
        ['b', '2', latest],
        ['c', '3', latest],
      ],
      ['field-ttl-capped'],
    ]);
    expect(written(values.HASH_2([['a', '1', latest]]), REDIS_8_0)).toEqual([
      'HASH_METADATA',
      [['a', '1', latest]],
      [],
    ]);
  });
});

test('any hash is what it was to every target, less what has expired or can not be held', { timeout: 900_000 }, () => {
  const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array));
  const expiry = fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n * NOW }));
  const drawn = fc.uniqueArray(fc.tuple(bytes, bytes, expiry), { selector: ([field]) => text(field), maxLength: 30 });
  fc.assert(
    fc.property(drawn, fc.constantFrom('raw' as const, 'lzf' as const), (fields, as) => {
      const model = (keeps: boolean) =>
        fields
          .filter(([, , at]) => keeps || at === 0n || at > NOW)
          .map(([field, value, at]) => [text(field), text(value), keeps && at !== 0n ? at : undefined] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1));
      for (const built of encodings(fields, as)) {
        const kept = written(built, built.type.name === 'HASH_2' ? REDIS_8_0 : VALKEY_9_1);
        expect((kept as unknown[])[1], built.type.name).toEqual(model(true));
        const living = model(false);
        const lost = fields.some(([, , at]) => at > NOW) ? ['field-ttl'] : [];
        expect(written(built, REDIS_7_0), built.type.name).toEqual(
          living.length === 0 && fields.length > 0 ? { expired: true } : ['HASH', living, lost],
        );
      }
    }),
    { numRuns: runs(100, 2000), seed: SEED },
  );
});
