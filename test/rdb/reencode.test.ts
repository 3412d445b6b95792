// Values of every type on their way to every target: what each is written as, and that nothing goes without a word.
import { describe, expect, test } from 'vitest';
import { decodeValue, type HashField, type LogicalValue } from '../../lib/rdb/decode.ts';
import { conversion, LOSSES, type Loss, reencode, type TypeSupport, takes } from '../../lib/rdb/reencode.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { plain } from '../support/decoded.ts';
import { type BuiltValue, counted, string, values } from '../support/rdb-builders.ts';
import { streamValue } from '../support/stream-builder.ts';
import { sampleStream, samples, sampleTemplate, sampleTemplates } from '../support/value-samples.ts';
import { olderStream, STREAM_VERSIONS } from './reencode/stream-model.ts';

/** Before every expiry in the samples. */
const NOW = 1_800_000_000_000n;
const NAMES = counted(sampleTemplate.fields.map((name) => string(name)));
const options = { now: NOW, templates: (id: bigint) => (id === sampleTemplate.id ? NAMES : undefined) };

const redis = (rdb: number): TypeSupport => ({ family: 'redis', rdb });
const valkey = (rdb: number): TypeSupport => ({ family: 'valkey', rdb });
/** Redis from 2.6 to 8.10, Valkey 8.1 to 9.2. */
const targets = [...[6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map(redis), ...[11, 80, 81].map(valkey)];

const labelOf = ({ code, name }: ValueType, { family, rdb }: TypeSupport) => `${code} ${name} to ${family} ${rdb}`;

describe('which types a target takes as they are', () => {
  const codes = (target: TypeSupport, table = redisTypes) =>
    table.flatMap((type) => (type !== undefined && takes(type, target) ? [type.code] : []));
  const OLD = [0, 1, 2, 3, 4, 9, 10, 11, 12, 13];
  const SHARED = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21];

  test.each<[string, TypeSupport, number[]]>([
    ['Redis 3.0', redis(6), OLD],
    ['Redis 6.0', redis(9), [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15]],
    ['Redis 7.0', redis(10), [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]],
    ['Redis 7.2', redis(11), SHARED],
    ['Redis 8.0', redis(12), [...SHARED, 22, 23, 24, 25]],
    ['Redis 8.6', redis(13), [...SHARED, 22, 23, 24, 25, 26]],
    ['Redis 8.8', redis(14), [...SHARED, 22, 23, 24, 25, 26, 27, 28]],
    // References to templates (30, 32) are for files only.
    ['Redis 8.10', redis(15), [...SHARED, 22, 23, 24, 25, 26, 27, 28, 29, 31]],
    ['Valkey 8.1', valkey(11), SHARED],
    // Valkey's RDB versions are higher than those of Redis, but it knows none of its newer types.
    ['Valkey 9.1', valkey(80), SHARED],
  ])('%s, of those of Redis', (_, target, expected) => {
    expect(codes(target)).toEqual(expected);
  });

  test('22 and 23 of Valkey are its own, from 9.0 and 9.2 on', () => {
    const own = (target: TypeSupport) => codes(target, valkeyTypes).filter((code) => code > 21);
    expect([redis(12), redis(15), valkey(11), valkey(80), valkey(81)].map(own)).toEqual([[], [], [], [22], [22, 23]]);
  });
});

describe('as what a value is written', () => {
  const COUNTS: Loss[] = ['stream-entries-added', 'stream-max-deleted-id', 'stream-entries-read'];

  const written: readonly (readonly [ValueType | undefined, TypeSupport, string[] | undefined])[] = [
    [redisTypes[27], redis(13), ['STREAM_LISTPACKS_4', 'stream-nacked']],
    [
      redisTypes[27],
      redis(9),
      ['STREAM_LISTPACKS', ...COUNTS, 'stream-active-time', 'stream-idempotence', 'stream-nacked'],
    ],
    [redisTypes[26], valkey(80), ['STREAM_LISTPACKS_3', 'stream-idempotence']],
    [redisTypes[21], redis(10), ['STREAM_LISTPACKS_2', 'stream-active-time']],
    [redisTypes[21], redis(9), ['STREAM_LISTPACKS', ...COUNTS, 'stream-active-time']],
    [redisTypes[19], redis(9), ['STREAM_LISTPACKS', ...COUNTS]],
    [redisTypes[15], redis(8), undefined],
    [redisTypes[25], redis(11), ['HASH', 'field-ttl']],
    [redisTypes[25], redis(12), ['HASH_LISTPACK_EX']],
    [redisTypes[25], valkey(11), ['HASH', 'field-ttl']],
    [redisTypes[24], valkey(80), ['HASH_2']],
    [redisTypes[22], valkey(80), ['HASH_2']],
    [redisTypes[23], redis(10), ['HASH', 'field-ttl']],
    [valkeyTypes[22], redis(12), ['HASH_METADATA', 'field-ttl-capped']],
    [valkeyTypes[22], redis(11), ['HASH', 'field-ttl']],
    [valkeyTypes[22], valkey(11), ['HASH', 'field-ttl']],
    [valkeyTypes[23], valkey(80), undefined],
    [valkeyTypes[23], redis(15), undefined],
    [redisTypes[20], redis(10), ['SET']],
    [redisTypes[18], redis(9), ['LIST']],
    [redisTypes[17], redis(9), ['ZSET_2']],
    [redisTypes[17], redis(7), ['ZSET']],
    [redisTypes[16], redis(9), ['HASH']],
    [redisTypes[14], redis(6), ['LIST']],
    [redisTypes[5], redis(7), ['ZSET']],
    [redisTypes[29], valkey(81), ['HASH']],
    [redisTypes[30], redis(15), ['HASH_TMPL_LP']],
    [redisTypes[32], redis(15), ['HASH_TMPL_ARRAY']],
    [redisTypes[32], redis(14), ['HASH']],
    [redisTypes[28], redis(13), undefined],
    [redisTypes[28], valkey(81), undefined],
    [redisTypes[7], redis(7), undefined],
  ];
  test.each(
    written.map(([type, ...rest]) => [labelOf(type as ValueType, rest[0]), type as ValueType, ...rest] as const),
  )('%s', (_, type, target, expected) => {
    const found = conversion(type, target);
    expect(found && [found.to.name, ...found.mayLose]).toEqual(expected);
  });
});

describe.each(targets)('on the way to $family $rdb', (target) => {
  test('every sample is still the same but for what is said to be lost', () => {
    for (const { type, value } of samples) {
      const label = labelOf(type, target);
      const foreseen = conversion(type, target);
      const result = reencode(type, value, target, options);
      if (foreseen === undefined || result === undefined || result.expired) {
        expect([foreseen, result], label).toEqual([undefined, undefined]);
        continue;
      }
      expect(takes(result.type, target), label).toBe(true);
      expect(result.type, label).toBe(foreseen.to);
      expect(foreseen.mayLose, label).toEqual(expect.arrayContaining([...result.losses]));
      const decoded = decodeValue(result.type, result.value);
      expect(plain(decoded), label).toEqual(plain(modelOf({ type, value }, result.type)));
    }
  });

  test('what it takes is not touched', () => {
    for (const { type, value } of samples.filter(({ type }) => takes(type, target))) {
      expect(reencode(type, value, target, options)).toEqual({ expired: false, type, value, losses: [] });
    }
  });
});

/** The value in a type of the same kind. */
function modelOf({ type, value }: BuiltValue, to: ValueType): LogicalValue {
  const decoded = decodeValue(type, value, { templates: sampleTemplates });
  if (decoded.kind === 'stream') return olderStream(decoded, STREAM_VERSIONS[to.code] as number);
  if (decoded.kind !== 'hash' || type === to) return decoded;
  if (to.name !== 'HASH') return { ...decoded, fields: decoded.fields.map(notAtZero) };
  const living = decoded.fields.filter(({ expireAt }) => expireAt === undefined || expireAt > NOW);
  return { ...decoded, fields: living.map((each) => ({ ...each, expireAt: undefined })) };
}

/** Valkey can say that a field expired at 0, which says never in Redis. */
function notAtZero(field: HashField): HashField {
  return field.expireAt === 0n ? { ...field, expireAt: 1n } : field;
}

test('each kind of loss occurs, and has words', () => {
  const group = { ...sampleStream.groups[0], name: 'h', lastId: { ms: 1, seq: 1 }, nacked: [{ ms: 3, seq: 0 }] };
  const consumers = [{ name: 'c', seenAt: 50n, activeAt: 49n, pel: [{ ms: 1, seq: 1 }] }];
  const groups = [{ ...group, entriesRead: 2n, pel: sampleStream.groups[0]?.pel ?? [], consumers }];
  const lost = [
    reencode(...flat(streamValue(5, { ...sampleStream, groups })), redis(9), options),
    reencode(...flat(values.HASH_LISTPACK_EX([['f', 'v', NOW + 1n]])), redis(11), options),
    reencode(...flat(values.HASH_2([['f', 'v', 2n ** 60n]])), redis(12), options),
  ].flatMap((result) => (result === undefined || result.expired ? [] : result.losses));
  // A key's metadata stands beside its value: it is lost where the record is encoded.
  expect([...lost, 'key-metadata'].sort()).toEqual(Object.keys(LOSSES).sort());
});

function flat({ type, value }: BuiltValue): [ValueType, Buffer] {
  return [type, value];
}

describe('a template', () => {
  test('that nobody defined is named', () => {
    for (const { type, value } of [values.HASH_TMPL_LP_REF(9n, ['1']), values.HASH_TMPL_ARRAY_REF(9n, ['1'])]) {
      for (const target of [redis(15), redis(10)]) {
        expect(() => reencode(type, value, target, options)).toThrow(expect.objectContaining({ code: 'RDB_TEMPLATE' }));
      }
    }
  });
});
