import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { hasParts, readValueParts } from '../../lib/rdb/read-parts.ts';
import { redisTypes, type ValueType } from '../../lib/rdb/types.ts';
import { plain, text } from '../support/decoded.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { type BuiltValue, length, listpack, string, values } from '../support/rdb-builders.ts';
import { streamValue } from '../support/stream-builder.ts';
import { samples, sampleTemplates as templates } from '../support/value-samples.ts';
import { every, join, partsOf, piecesOf } from './parts/pieces.ts';

const SEED = seedOr(20261130);
const random = new Random(SEED);

/** Values of some hundred elements, of sizes that cross the windows' edges. */
const words = Array.from({ length: 300 }, (_, i) => `${i}:${random.text(i % 97)}`);
const pairs = words.map((word, i) => [word, i % 3 === 0 ? String(i) : random.text((i * 31) % 700)] as const);
const expiring = pairs.map(([f, v], i) => [f, v, i % 4 === 0 ? 0n : 1_900_000_000_000n + BigInt(i)] as const);
const ids = Array.from({ length: 200 }, (_, i) => ({ ms: 1000 + (i >> 2), seq: i }));
const larger: readonly BuiltValue[] = [
  values.STRING(random.bytes(5000)),
  values.STRING(random.text(30_000), 'lzf'),
  values.STRING('', 'lzf'),
  values.STRING(''),
  values.LIST([]),
  values.LIST(words, 'lzf'),
  values.LIST_QUICKLIST([words.slice(0, 100), words.slice(100)]),
  values.LIST_QUICKLIST_2([words.slice(0, 100), random.text(3000), words.slice(100), random.bytes(900)], 'lzf'),
  values.SET(words),
  values.ZSET(words.map((word, i) => [word, [1 / i, Number.NaN, -0][i % 3] as number])),
  values.ZSET_2(words.map((word, i) => [word, i / 7])),
  values.HASH(pairs, 'lzf'),
  values.HASH_METADATA(expiring),
  values.HASH_METADATA_PRE_GA(expiring),
  values.HASH_2(expiring.map(([f, v, at]) => [f, v, at === 0n ? -1n : at])),
  ...([1, 3, 5] as const).map((version) =>
    streamValue(version, {
      nodes: [0, 50, 100, 150].map((from) =>
        ids.slice(from, from + 50).map((id, i) => ({ id, fields: [['f', random.text(i)]], deleted: i % 7 === 6 })),
      ),
      lastId: { ms: 5000, seq: 0 },
      firstId: { ms: 1000, seq: 0 },
      maxDeletedId: { ms: 1040, seq: 1 },
      entriesAdded: 1000n,
      groups: ['g', 'h', ''].map((name) => ({
        name,
        lastId: { ms: 1040, seq: 1 },
        entriesRead: -1n,
        pel: ids.map((id, i) => ({ id, deliveredAt: BigInt(i), count: BigInt(i) ** 3n })),
        consumers: [0, 1, 2].map((one) => ({
          name: `consumer ${one}`,
          seenAt: 7n,
          activeAt: -1n,
          pel: ids.filter((_, i) => i % (version === 5 ? 4 : 3) === one),
        })),
        nacked: version === 5 ? ids.filter((_, i) => i % 4 === 3) : [],
      })),
    }),
  ),
];
const all = [...samples, ...larger].filter(({ type }) => hasParts(type));

async function failure(type: ValueType, bytes: Buffer, ends: readonly number[] = [], partBytes = 64): Promise<unknown> {
  return partsOf(type, piecesOf(bytes, ends), { partBytes, base: 1000, templates }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('the parts together are the value', () => {
  const label = ({ type }: BuiltValue): string => `${type.code} ${type.name}`;

  test.each(all.map((built) => [label(built), built] as const))('%s, a byte at a time', async (_, { type, value }) => {
    const expected = plain(decodeValue(type, value, { templates }));
    for (const partBytes of [1, 700]) {
      const parts = await partsOf(type, piecesOf(value, every(1, value)), { partBytes, templates });
      expect(plain(join(type, parts))).toEqual(expected);
    }
  });

  test('in pieces and parts of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...all),
        fc.array(fc.nat(20_000), { maxLength: 30 }),
        fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 100_000 })),
        async ({ type, value }, cuts, partBytes) => {
          const ends = cuts.map((cut) => cut % (value.length + 1)); // pieces may be empty
          const parts = await partsOf(type, piecesOf(value, ends), { partBytes, templates });
          expect(plain(join(type, parts)), label({ type, value })).toEqual(
            plain(decodeValue(type, value, { templates })),
          );
        },
      ),
      { numRuns: runs(300, 10_000), seed: SEED },
    );
  });

  test('an order that readers depend on: lists, and pieces of a string', async () => {
    const list = values.LIST(words);
    const parts = await partsOf(list.type, piecesOf(list.value, [999]), { partBytes: 400 });
    expect(parts.flatMap((part) => (part.kind === 'list' ? part.items.map(text) : []))).toEqual(words);
  });

  test('a group’s entries are found although the file has them out of order', async () => {
    const pel = [5, 1, 4, 2].map((ms) => ({ id: { ms, seq: 0 }, deliveredAt: BigInt(ms), count: 1n }));
    const consumers = [{ name: 'c', seenAt: 1n, activeAt: 1n, pel: [1, 2, 4, 5].map((ms) => ({ ms, seq: 0 })) }];
    const parts = await partsOf(...streamOf({ pel, consumers }));
    const pending = parts.flatMap((part) => (part.kind === 'stream-pending' ? part.entries : []));
    expect(pending.map(({ deliveredAt }) => deliveredAt)).toEqual([1n, 2n, 4n, 5n]);
  });
});

type Group = Parameters<typeof streamValue>[1]['groups'][number];

function streamOf(group: Pick<Group, 'pel' | 'consumers'>): Parameters<typeof partsOf> {
  const zero = { ms: 0, seq: 0 };
  const groups = [{ name: 'g', lastId: zero, entriesRead: 0n, ...group }];
  const ids = { lastId: zero, firstId: zero, maxDeletedId: zero };
  const { type, value } = streamValue(3, { nodes: [], ...ids, entriesAdded: 0n, groups });
  return [type, piecesOf(value), { partBytes: 100 }];
}

describe('parts are as large as was asked for', () => {
  test('strings: no piece is larger, and few are smaller', async () => {
    for (const as of ['raw', 'lzf'] as const) {
      const { type, value } = values.STRING(random.text(100_000), as);
      const parts = await partsOf(type, piecesOf(value, every(3000, value)), { partBytes: 2000 });
      const sizes = parts.map((part) => (part.kind === 'string' ? part.bytes.length : 0));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2000);
      expect(parts.length).toBeLessThanOrEqual(60);
    }
  });

  test('containers: a part ends with the element that reaches it, and one blob gives several', async () => {
    const members = words.slice(0, 200);
    for (const { type, value } of [values.SET(members), values.SET_LISTPACK(members), values.SET(members, 'lzf')]) {
      const parts = await partsOf(type, piecesOf(value), { partBytes: 2000 });
      for (const part of parts) {
        if (part.kind !== 'set') throw new Error(part.kind);
        const before = part.members.slice(0, -1).reduce((sum, each) => sum + each.length + 128, 0);
        expect(before).toBeLessThan(2000);
      }
      expect(parts.length).toBeGreaterThan(10);
      expect(parts.length).toBeLessThan(60);
    }
  });

  test('nothing to say of an empty container, but an empty string is one', async () => {
    const list = values.LIST([]);
    expect(await partsOf(list.type, piecesOf(list.value), { partBytes: 10 })).toEqual([]);
    const empty = values.STRING('');
    expect(await partsOf(empty.type, piecesOf(empty.value), { partBytes: 10 })).toEqual([
      { kind: 'string', bytes: Buffer.alloc(0) },
    ]);
  });

  test('the first part comes before the last byte', async () => {
    const value = Buffer.concat([length(1000), ...Array.from({ length: 10 }, () => string('x'.repeat(100)))]);
    const parts = readValueParts(redisTypes[2] as ValueType, piecesOf(value), { partBytes: 300 });
    expect((await parts.next()).value).toMatchObject({ kind: 'set' });
    await parts.return();
  });
});

describe('damage', () => {
  test('a value that is cut anywhere is refused', async () => {
    for (const { type, value } of samples.filter((each) => hasParts(each.type))) {
      for (let end = 0; end < value.length; end++) {
        const error = await failure(type, value.subarray(0, end), every(9, value));
        expect(error, `${type.name} cut at ${end}`).toBeInstanceOf(RdbError);
        expect((error as RdbError).offset, `${type.name} cut at ${end}`).toBeLessThanOrEqual(1000 + end);
        expect((error as RdbError).offset, `${type.name} cut at ${end}`).toBeGreaterThanOrEqual(1000);
      }
    }
  });

  test('bytes behind the value are refused', async () => {
    for (const { type, value } of all) {
      const error = await failure(type, Buffer.concat([value, Buffer.of(0)]));
      expect(error, type.name).toBeInstanceOf(RdbError);
    }
  });

  test('lengths that nothing stands behind give a named error and take no memory', async () => {
    const behind = Buffer.alloc(10, 'x');
    const four = Buffer.concat([length(2 ** 32 - 1), behind]);
    const huge = Buffer.concat([length(2n ** 63n), behind]);
    const lzf = Buffer.concat([Buffer.of(0xc3), length(2 ** 32 - 1), length(2 ** 40), Buffer.of(0), behind]);
    const before = process.memoryUsage();
    for (const { type } of all) {
      for (const start of [Buffer.alloc(0), Buffer.of(1), Buffer.of(1, 2), Buffer.alloc(8), Buffer.alloc(9, 1)]) {
        for (const forged of [four, huge, lzf, Buffer.of(0xff), Buffer.of(0xc4)]) {
          const error = await failure(type, Buffer.concat([start, forged]));
          if (error !== undefined) expect(error, type.name).toBeInstanceOf(RdbError);
        }
      }
    }
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(50e6);
    expect(await failure(redisTypes[0] as ValueType, four)).toMatchObject({ code: 'RDB_TRUNCATED', offset: 1015 });
    expect(await failure(redisTypes[4] as ValueType, Buffer.concat([Buffer.of(1), huge]))).toMatchObject({
      code: 'RDB_LIMIT',
      offset: 1001,
    });
  });

  test('errors point at the bytes, and say what is wrong with them', async () => {
    const [stringType, setType, hashType] = [0, 2, 24].map((code) => redisTypes[code] as ValueType);
    const hash = Buffer.concat([Buffer.alloc(8), length(2), length(1), string('a'), string('b')]);
    const late = Buffer.concat([hash, length(2n ** 63n + 5n), string('a'), string('b')]);
    expect(await failure(hashType as ValueType, late)).toMatchObject({ code: 'RDB_VALUE', offset: 1000 + hash.length });
    expect(await failure(setType as ValueType, Buffer.of(2, 1, 97, 0xc5))).toMatchObject({
      code: 'RDB_STRING',
      offset: 1003,
    });
    expect(await failure(stringType as ValueType, Buffer.of(0xc3, 3, 40, 0, 97, 0x20))).toMatchObject({
      code: 'RDB_TRUNCATED',
    });
    const beforeItself = Buffer.of(0xc3, 4, 9, 0, 97, 0x20, 1);
    expect(await failure(stringType as ValueType, beforeItself)).toMatchObject({ code: 'RDB_LZF', offset: 1005 });
    const tooLong = Buffer.of(0xc3, 4, 2, 0, 97, 0x20, 0);
    expect(await failure(stringType as ValueType, tooLong)).toMatchObject({ code: 'RDB_LZF', offset: 1005 });
    const tooShort = Buffer.of(0xc3, 4, 9, 0, 97, 0x20, 0);
    expect(await failure(stringType as ValueType, tooShort)).toMatchObject({ code: 'RDB_LZF' });
    const crossing = Buffer.of(0xc3, 3, 4, 0, 97, 0x20, 0);
    expect(await failure(stringType as ValueType, crossing)).toMatchObject({ code: 'RDB_LZF' });
  });

  test('pending entries without an owner, with two, or twice', async () => {
    const entry = (ms: number) => ({ id: { ms, seq: 0 }, deliveredAt: 1n, count: 1n });
    const consumer = (name: string, ...owned: number[]) => ({
      ...{ name, seenAt: 1n, activeAt: 1n },
      pel: owned.map((ms) => ({ ms, seq: 0 })),
    });
    const cases: [Pick<Group, 'pel' | 'consumers'>, string][] = [
      [{ pel: [entry(1), entry(2)], consumers: [consumer('c', 1)] }, 'with no consumer'],
      [{ pel: [entry(1)], consumers: [consumer('c', 1), consumer('d', 1)] }, 'two owners'],
      [{ pel: [entry(1)], consumers: [consumer('c', 1, 2)] }, 'not pending'],
      [{ pel: [entry(1), entry(2), entry(1)], consumers: [consumer('c', 1, 2)] }, 'pending twice'],
    ];
    for (const [group, message] of cases) {
      const error = await partsOf(...streamOf(group)).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'RDB_STREAM', message: expect.stringContaining(message) });
    }
  });

  test('any change to the bytes gives parts as decodeValue has it, or a named error', async () => {
    for (let run = 0; run < runs(3000, 60_000); run++) {
      const { type, value } = random.pick(all);
      const bad = Buffer.from(value);
      for (let i = random.int(1, 3); i > 0 && bad.length > 0; i--) {
        bad[random.int(0, Math.min(bad.length - 1, random.pick([12, 1e9])))] = random.pick([
          0,
          0x81,
          0xc3,
          0xff,
          random.int(0, 255),
        ]);
      }
      const where = `seed ${SEED}, run ${run}, ${type.name}`;
      const whole = attempt(() => decodeValue(type, bad, { templates }));
      const parts = await partsOf(type, piecesOf(bad, [random.int(0, bad.length)]), {
        partBytes: 900,
        templates,
      }).catch((error: unknown) => error);
      if (Array.isArray(parts)) {
        // What comes twice is left to the server.
        if (whole instanceof RdbError && /twice|two (groups|consumers)/.test(whole.message)) continue;
        if (whole instanceof RdbError) throw new Error(`${where}: parts, but ${whole.describe()}`);
        expect(plain(join(type, parts)), where).toEqual(plain(whole as ReturnType<typeof decodeValue>));
      } else {
        if (!(parts instanceof RdbError)) throw new Error(where, { cause: parts });
        if (!(whole instanceof RdbError)) throw new Error(`${where}: decodeValue takes it`, { cause: parts });
      }
    }
  });

  function attempt<T>(read: () => T): T | RdbError {
    try {
      return read();
    } catch (error) {
      if (error instanceof RdbError) return error;
      throw error;
    }
  }

  test('types that cannot be taken apart say so, and an error of the source comes through', async () => {
    for (const { type, value } of samples.filter((each) => !hasParts(each.type))) {
      expect(await failure(type, value), type.name).toMatchObject({ code: 'RDB_NO_PARTS', offset: 1000 });
    }
    const broken = { next: () => Promise.reject(new Error('the disk is gone')) };
    await expect(partsOf(redisTypes[2] as ValueType, broken, { partBytes: 9 })).rejects.toThrow('the disk is gone');
  });
});

test('a listpack node of a list that is larger than a part comes in several', async () => {
  const node = listpack(words);
  const value = Buffer.concat([length(1), length(2), string(node)]);
  const parts = await partsOf(redisTypes[18] as ValueType, piecesOf(value), { partBytes: 3000 });
  expect(parts.length).toBeGreaterThan(5);
});
