import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue, type LogicalValue } from '../../../lib/rdb/decode.ts';
import { reencode } from '../../../lib/rdb/reencode.ts';
import { text } from '../../support/decoded.ts';
import { runs, seedOr } from '../../support/random.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';

const SEED = seedOr(20261124);
/** For deep runs: ms that a test may take. */
const LONG = { timeout: 900_000 };
const settings = { numRuns: runs(50, 1000), seed: SEED };

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((number) => Buffer.from(String(number))),
  fc.nat({ max: 5000 }).map((size) => Buffer.alloc(size, 'abcabd')),
);
const as = fc.constantFrom('raw' as const, 'lzf' as const);
const distinct = fc.uniqueArray(bytes, { selector: text, maxLength: 40 });

/** Redis 6.0, and 3.0, whose sorted sets are text. */
const OLD = { family: 'redis', rdb: 9 } as const;
const OLDEST = { family: 'redis', rdb: 6 } as const;

function written({ type, value }: BuiltValue, target: typeof OLD | typeof OLDEST): [name: string, LogicalValue] {
  const result = reencode(type, value, target, { now: 0n });
  if (result === undefined || result.expired) throw new Error(`${type.name} can't be written`);
  expect(result.losses).toEqual([]);
  return [result.type.name, decodeValue(result.type, result.value)];
}

test('lists keep their order', LONG, () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 40 }), fc.nat(40), as, (items, cut, how) => {
      const nodes = values.LIST_QUICKLIST_2([items.slice(0, cut), ...items.slice(cut)], how);
      expect(written(nodes, OLD)).toEqual(['LIST', { kind: 'list', items }]);
      const ziplists = values.LIST_QUICKLIST([items.slice(0, cut), items.slice(cut)], how);
      expect(written(ziplists, OLDEST)).toEqual(['LIST', { kind: 'list', items }]);
    }),
    settings,
  );
});

test('sets', LONG, () => {
  fc.assert(
    fc.property(distinct, as, (members, how) => {
      expect(written(values.SET_LISTPACK(members, how), OLD)).toEqual(['SET', { kind: 'set', members }]);
    }),
    settings,
  );
  expect(written(values.SET_LISTPACK([1, -70000, 2n ** 40n]), OLD)[1]).toEqual({
    kind: 'set',
    members: ['1', '-70000', String(2n ** 40n)].map((each) => Buffer.from(each)),
  });
});

describe('sorted sets', () => {
  const exact = [0, -0, 0.1, -1.5, 5e-324, 1.7976931348623157e308, 1e21, 123456789012345680, 1e-7];
  const scores = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(...exact));

  test('keep every score to the last bit, as numbers and as text', LONG, () => {
    fc.assert(
      fc.property(distinct, fc.array(scores, { minLength: 40, maxLength: 40 }), as, (members, drawn, how) => {
        const entries = members.map((member, i) => ({ member, score: drawn[i] as number }));
        const packed = values.ZSET_LISTPACK(
          entries.map(({ member, score }) => [member, scoreText(score)]),
          how,
        );
        expect(written(packed, OLD)).toEqual(['ZSET_2', { kind: 'zset', entries }]);
        expect(written(packed, OLDEST)).toEqual(['ZSET', { kind: 'zset', entries }]);
        const scored = values.ZSET_2(entries.map(({ member, score }) => [member, score]));
        expect(written(scored, OLDEST)).toEqual(['ZSET', { kind: 'zset', entries }]);
      }),
      settings,
    );
  });

  test('may have a score that is no number, as some servers let in', () => {
    const entries = [{ member: Buffer.from('m'), score: Number.NaN }];
    expect(written(values.ZSET_2([['m', Number.NaN]]), OLDEST)).toEqual(['ZSET', { kind: 'zset', entries }]);
  });
});

test('hashes', LONG, () => {
  fc.assert(
    fc.property(distinct, fc.array(bytes, { minLength: 40, maxLength: 40 }), as, (names, contents, how) => {
      const fields = names.map((field, i) => ({ field, value: contents[i] as Buffer, expireAt: undefined }));
      const packed = values.HASH_LISTPACK(
        fields.map(({ field, value }) => [field, value]),
        how,
      );
      expect(written(packed, OLD)).toEqual(['HASH', { kind: 'hash', fields }]);
    }),
    settings,
  );
});

test('a hash of more fields than a listpack can count', () => {
  const pairs = Array.from({ length: 40_000 }, (_, i) => [`field:${i}`, i] as const);
  const [name, hash] = written(values.HASH_LISTPACK(pairs), OLD);
  if (hash.kind !== 'hash') throw new Error(hash.kind);
  expect([name, hash.fields.length]).toEqual(['HASH', 40_000]);
  expect(hash.fields.every(({ field, value }, i) => text(field) === `field:${i}` && text(value) === String(i))).toBe(
    true,
  );
});

test('members that come twice are refused, since Redis 6.0 can end on them', () => {
  const twice: BuiltValue[] = [
    values.SET_LISTPACK(['a', 'b', 'a']),
    values.ZSET_LISTPACK([
      ['a', 1],
      ['a', 2],
    ]),
    values.HASH_LISTPACK([
      ['a', 1],
      ['a', 2],
    ]),
    values.HASH_LISTPACK_EX([
      ['a', '1', 5n],
      ['a', '2', 6n],
    ]),
  ];
  for (const { type, value } of twice) {
    const damaged = expect.objectContaining({ name: 'RdbError', code: 'RDB_DUPLICATE' });
    expect(() => reencode(type, value, OLD, { now: 0n }), type.name).toThrow(damaged);
  }
});

function scoreText(score: number): string {
  if (Object.is(score, -0)) return '-0';
  return Number.isFinite(score) ? String(score) : score > 0 ? 'inf' : '-inf';
}
