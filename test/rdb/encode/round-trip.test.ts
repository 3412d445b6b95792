// What is encoded is decoded to the same again, in whatever form the target wants it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../../lib/errors.ts';
import { decodeValue, type LogicalValue, type ZsetEntry } from '../../../lib/rdb/decode.ts';
import { encodeValue } from '../../../lib/rdb/encode.ts';
import { type TypeSupport, takes } from '../../../lib/rdb/reencode.ts';
import { text } from '../../support/decoded.ts';
import { runs, seedOr } from '../../support/random.ts';
import type { BuiltValue } from '../../support/rdb-builders.ts';
import { samples, sampleTemplates as templates } from '../../support/value-samples.ts';

const SEED = seedOr(20261124);
const LONG = { timeout: 900_000 };
const settings = (sample: number) => ({ numRuns: runs(sample, 50 * sample), seed: SEED });

const TARGETS: readonly (TypeSupport | undefined)[] = [
  undefined,
  { family: 'redis', rdb: 9 },
  { family: 'redis', rdb: 10 },
  { family: 'redis', rdb: 15 },
  { family: 'valkey', rdb: 11 },
  { family: 'valkey', rdb: 81 },
];

/** Sets and sorted sets, which a packed form sorts, in one order. */
function ordered(value: LogicalValue): LogicalValue {
  if (value.kind === 'set') return { ...value, members: value.members.toSorted(Buffer.compare) };
  if (value.kind !== 'zset') return value;
  return { ...value, entries: value.entries.toSorted((a: ZsetEntry, b: ZsetEntry) => a.member.compare(b.member)) };
}

function expectSame(value: LogicalValue): void {
  for (const support of TARGETS) {
    const { type, value: bytes } = encodeValue(value, { support });
    const label = `seed ${SEED}, ${type.name} for ${JSON.stringify(support)}`;
    expect(ordered(decodeValue(type, bytes)), label).toEqual(ordered(value));
  }
}

test('each kind of value comes back as it was', () => {
  for (const { type, value } of samples) expectSame(decodeValue(type, value, { templates }));
});

describe('random values come back as they were', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
    fc.uint8Array({ minLength: 60, maxLength: 70 }).map((array) => Buffer.from(array)),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map((number) => Buffer.from(String(number))),
    fc.integer({ min: -70_000, max: 70_000 }).map((number) => Buffer.from(String(number))),
    fc.constantFrom('-0', '007', '+1', '-', '', '1.0', ' 1').map((each) => Buffer.from(each)),
    fc.nat({ max: 20_000 }).map((size) => Buffer.alloc(size, 'abcabd')),
  );
  const distinct = fc.uniqueArray(bytes, { selector: text, maxLength: 150 });
  const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 200n }));
  const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const time = fc.oneof(
    fc.constant(undefined),
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 0n, max: 2n ** 42n }),
  );
  const score = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 62), 2 ** 63, 5e-324),
  );
  const hold = (arbitrary: fc.Arbitrary<LogicalValue>) => fc.assert(fc.property(arbitrary, expectSame), settings(40));

  test('strings', LONG, () => hold(bytes.map((each) => ({ kind: 'string', bytes: each }))));
  test('lists', LONG, () => hold(fc.array(bytes, { maxLength: 300 }).map((items) => ({ kind: 'list', items }))));
  test('sets', LONG, () => hold(distinct.map((members) => ({ kind: 'set', members }))));
  test('sets of numbers', LONG, () => {
    const numbers = fc.uniqueArray(fc.oneof(i64, fc.bigInt({ min: -200n, max: 200n })), { maxLength: 600 });
    hold(numbers.map((all) => ({ kind: 'set', members: all.map((each) => Buffer.from(String(each))) })));
  });
  test('sorted sets', LONG, () => {
    const entries = fc.uniqueArray(fc.record({ member: bytes, score }), { selector: ({ member }) => text(member) });
    hold(entries.map((each) => ({ kind: 'zset', entries: each })));
  });
  test('hashes with and without expiries', LONG, () => {
    const fields = (expireAt: fc.Arbitrary<bigint | undefined>) =>
      fc.uniqueArray(fc.record({ field: bytes, value: bytes, expireAt }), { selector: ({ field }) => text(field) });
    hold(fc.oneof(fields(time), fields(fc.constant(undefined))).map((each) => ({ kind: 'hash', fields: each })));
  });
  test('arrays', LONG, () => {
    const scalar = fc.oneof(
      bytes.map((value) => ({ kind: 'string' as const, value })),
      i64.map((value) => ({ kind: 'integer' as const, value })),
      fc.double().map((value) => ({ kind: 'float' as const, value })),
    );
    const items = fc.uniqueArray(fc.record({ index: u64, value: scalar }), { selector: ({ index }) => index });
    const insertIndex = fc.option(u64, { nil: undefined });
    hold(fc.record({ kind: fc.constant('array' as const), insertIndex, items }));
  });
  test('streams, in each encoding', LONG, () => hold(fc.integer({ min: 1, max: 5 }).chain(stream)));

  /** A stream that says as much as its encoding can, 1 to 5. */
  function stream(version: number): fc.Arbitrary<LogicalValue> {
    const since = <T>(encoding: number, known: fc.Arbitrary<T>) =>
      version >= encoding ? known : fc.constant(undefined);
    const id = fc.record({ ms: u64, seq: u64 });
    const ids = fc.uniqueArray(id, { selector: ({ ms, seq }) => `${ms}-${seq}`, maxLength: 250 });
    const names = fc.array(bytes, { minLength: 1, maxLength: 4 });
    const entries = fc
      .tuple(ids, names, fc.array(fc.tuple(names, fc.boolean()), { minLength: 1 }))
      .map(([all, usual, rest]) =>
        all
          .toSorted((a, b) => (a.ms === b.ms ? Number(a.seq > b.seq) - Number(a.seq < b.seq) : a.ms < b.ms ? -1 : 1))
          .map((each, i) => {
            const [other, same] = rest[i % rest.length] as [Buffer[], boolean];
            return { id: each, fields: (same ? usual : other).map((field) => ({ field, value: field })) };
          }),
      );
    const pending = fc.record({ id, deliveredAt: i64, count: u64 });
    const groups = fc.uniqueArray(
      fc
        .record({
          name: bytes,
          lastId: id,
          entriesRead: since(2, i64),
          pel: fc.uniqueArray(pending, { selector: ({ id: { ms, seq } }) => `${ms}-${seq}`, maxLength: 20 }),
          seenAt: i64,
          activeAt: since(3, i64),
          freed: fc.nat({ max: version >= 5 ? 2 : 0 }),
        })
        .map(({ seenAt, activeAt, freed, ...group }) => {
          const owned = group.pel.map((each) => each.id);
          const given = owned.splice(0, freed);
          const consumer = { name: Buffer.from('c'), seenAt, activeAt };
          const others = { name: Buffer.from('-12'), seenAt, activeAt, pel: owned.splice(0, 3) };
          return { ...group, consumers: [{ ...consumer, pel: owned }, others], nacked: given };
        }),
      { selector: ({ name }) => text(name), maxLength: 4 },
    );
    const message = fc.record({ id: bytes, entry: id });
    const producer = fc.record({ id: bytes, messages: fc.array(message, { maxLength: 3 }) });
    const idempotence = fc.record({
      ...{ duration: u64, maxSize: u64, producers: fc.array(producer, { maxLength: 3 }) },
      ...{ added: u64, duplicates: u64 },
    });
    return fc.record({
      ...{ kind: fc.constant('stream' as const), entries, length: u64, lastId: id },
      ...{ firstId: since(2, id), maxDeletedId: since(2, id), entriesAdded: since(2, u64) },
      ...{ groups, idempotence: since(4, idempotence) },
    });
  }
});

describe('the form is what the target wants', () => {
  const some = (count: number, size = 3) =>
    Array.from({ length: count }, (_, i) => Buffer.from(`${i}`.padEnd(size, 'x')));
  const typeOf = (value: LogicalValue, support?: TypeSupport) => encodeValue(value, { support }).type.name;
  const redis = (rdb: number): TypeSupport => ({ family: 'redis', rdb });
  const set = (members: Buffer[]): LogicalValue => ({ kind: 'set', members });
  const list: LogicalValue = { kind: 'list', items: some(3) };
  const zset = (score: number): LogicalValue => ({ kind: 'zset', entries: [{ member: Buffer.from('m'), score }] });
  const hash = (expireAt?: bigint, value = Buffer.from('v')): LogicalValue => ({
    kind: 'hash',
    fields: [{ field: Buffer.from('f'), value, expireAt }],
  });

  test('without one the types of the oldest RDB are taken', () => {
    expect([list, set(some(3)), zset(1), hash()].map((each) => typeOf(each))).toEqual([
      'LIST',
      'SET',
      'ZSET_2',
      'HASH',
    ]);
  });

  test('small collections are packed where the target loads them so', () => {
    const packed = ['LIST_QUICKLIST_2', 'SET', 'ZSET_LISTPACK', 'HASH_LISTPACK'];
    expect([list, set(some(3)), zset(1), hash()].map((each) => typeOf(each, redis(10)))).toEqual(packed);
    expect(typeOf(set(some(128)), redis(11))).toBe('SET_LISTPACK');
    expect(typeOf(set(some(129)), redis(11))).toBe('SET');
    expect(typeOf(set(some(3, 65)), redis(11))).toBe('SET');
    expect(typeOf(hash(undefined, Buffer.alloc(65)), redis(11))).toBe('HASH');
  });

  test('a set of up to 512 numbers is an intset for all', () => {
    const numbers = (count: number) => set(Array.from({ length: count }, (_, i) => Buffer.from(String(i))));
    expect([typeOf(numbers(512)), typeOf(numbers(513)), typeOf(numbers(0))]).toEqual(['SET_INTSET', 'SET', 'SET']);
  });

  test('a packed sorted set is in the order that servers search it by', () => {
    const entries = [3, 1, 2, 1].map((score, i) => ({ member: Buffer.from('dcba'[i] as string), score }));
    const { type, value } = encodeValue({ kind: 'zset', entries }, { support: redis(10) });
    const decoded = decodeValue(type, value);
    expect(type.name).toBe('ZSET_LISTPACK');
    expect(decoded.kind === 'zset' && decoded.entries.map(({ member }) => text(member))).toEqual(['a', 'c', 'b', 'd']);
  });

  test('what a listpack would lose of a score is not packed', () => {
    for (const score of [-0, Number.NaN]) expect(typeOf(zset(score), redis(12))).toBe('ZSET_2');
  });

  test('expiring fields are written for the family of the target', () => {
    const at = 1_900_000_000_000n;
    expect(typeOf(hash(at))).toBe('HASH_METADATA');
    expect(typeOf(hash(at), { family: 'valkey', rdb: 80 })).toBe('HASH_2');
    // Redis would not load it: reencode caps it, and says so.
    expect(typeOf(hash(2n ** 48n), redis(12))).toBe('HASH_2');
    expect(takes(encodeValue(hash(at), { support: redis(11) }).type, redis(11))).toBe(false);
  });
});

test('what is not known of a stream is written as servers take it that load an older one', () => {
  const id = (ms: bigint) => ({ ms, seq: 0n });
  const entries = [3n, 7n].map((ms) => ({
    id: id(ms),
    fields: [{ field: Buffer.from('f'), value: Buffer.from('v') }],
  }));
  const pel = [{ id: id(3n), deliveredAt: 50n, count: 1n }];
  const consumer = { name: Buffer.from('c'), seenAt: 50n, activeAt: undefined, pel: [] };
  const group = { name: Buffer.from('g'), lastId: id(3n), entriesRead: undefined, pel, nacked: [id(3n)] };
  const { type, value } = encodeValue({
    ...{ kind: 'stream', entries, length: 2n, lastId: id(7n), groups: [{ ...group, consumers: [consumer] }] },
    ...{ firstId: undefined, maxDeletedId: undefined, entriesAdded: undefined, idempotence: undefined },
  });
  expect(type.name).toBe('STREAM_LISTPACKS_5');
  expect(decodeValue(type, value)).toMatchObject({
    ...{ firstId: id(3n), maxDeletedId: id(0n), entriesAdded: 2n },
    groups: [{ entriesRead: -1n, consumers: [{ seenAt: 50n, activeAt: 50n }], nacked: [id(3n)] }],
    idempotence: { duration: 100n, maxSize: 100n, producers: [], added: 0n, duplicates: 0n },
  });
});

describe('what servers would refuse is refused here', () => {
  const b = (each: string) => Buffer.from(each);
  const twins: Record<string, LogicalValue> = {
    set: { kind: 'set', members: [b('1'), b('2'), b('1')] },
    zset: { kind: 'zset', entries: [1, 2].map((score) => ({ member: b('m'), score })) },
    hash: { kind: 'hash', fields: [1, 2].map(() => ({ field: b('f'), value: b('v'), expireAt: undefined })) },
    array: {
      kind: 'array',
      insertIndex: undefined,
      items: [1n, 1n].map((value) => ({ index: 5n, value: { kind: 'integer', value } })),
    },
  };
  test.each(Object.entries(twins))('a %s with twins', (_, value) => {
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: 'RDB_DUPLICATE' }));
  });

  const id = (ms: bigint) => ({ ms, seq: 0n });
  const stream: LogicalValue = {
    ...{ kind: 'stream', entries: [], length: 0n, lastId: id(9n), groups: [] },
    ...{ firstId: undefined, maxDeletedId: undefined, entriesAdded: undefined, idempotence: undefined },
  };
  const entry = (ms: bigint) => ({ id: id(ms), fields: [{ field: b('f'), value: b('v') }] });

  test('a stream whose ids do not rise', () => {
    expect(() => encodeValue({ ...stream, entries: [entry(2n), entry(1n)] })).toThrow(RdbError);
  });

  test('a pending entry without an owner, which would end a server', () => {
    const pel = [{ id: id(1n), deliveredAt: 5n, count: 1n }];
    const group = { name: b('g'), lastId: id(1n), entriesRead: undefined, pel, consumers: [], nacked: [] };
    expect(() => encodeValue({ ...stream, groups: [group] })).toThrow(RdbError);
  });

  test('a module value that is cut, which would shift the rest of a file', () => {
    const module = samples.find(({ type }) => type.kind === 'module');
    const whole = decodeValue((module as BuiltValue).type, (module as BuiltValue).value);
    if (whole.kind !== 'module') throw new Error('no module');
    expect(() => encodeValue({ ...whole, raw: whole.raw.subarray(0, -1) })).toThrow(RdbError);
    expect(() => encodeValue({ ...whole, raw: Buffer.concat([whole.raw, b('x')]) })).toThrow(RdbError);
  });

  test('numbers beyond the format', () => {
    expect(() => encodeValue({ ...stream, length: -1n })).toThrow(RangeError);
    expect(() => encodeValue({ ...stream, lastId: id(2n ** 64n) })).toThrow(RangeError);
    const fields = [{ field: b('f'), value: b('v'), expireAt: -1n }];
    expect(() => encodeValue({ kind: 'hash', fields })).toThrow(RangeError);
    expect(() => encodeValue({ kind: 'hash', fields }, { support: { family: 'valkey', rdb: 80 } })).toThrow(RangeError);
  });
});
