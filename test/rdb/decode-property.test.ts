import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { hasFieldExpiries, mapFieldExpiries } from '../../lib/rdb/hash-fields.ts';
import { sameValue } from '../../lib/rdb/same-value.ts';
import type { ValueType } from '../../lib/rdb/types.ts';
import { plain, text } from '../support/decoded.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { values } from '../support/rdb-builders.ts';
import { samples, sampleTemplates as templates } from '../support/value-samples.ts';

const SEED = seedOr(20261123);
/** For deep runs: ms that a test may take. */
const LONG = { timeout: 900_000 };
const settings = (sample: number) => ({ numRuns: runs(sample, 20 * sample), seed: SEED });

/** Short and long ones, text, binary, and numbers. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
  fc.uint8Array({ minLength: 60, maxLength: 300 }).map((array) => Buffer.from(array)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((number) => Buffer.from(String(number))),
  fc.nat({ max: 5000 }).map((size) => Buffer.alloc(size, 'abcabd')),
);
const as = fc.constantFrom('raw' as const, 'lzf' as const);
const distinct = fc.uniqueArray(bytes, { selector: text, maxLength: 40 });
const score = fc.oneof(fc.double({ noNaN: true }), fc.integer());
const expiry = fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 46n }));

describe('what is encoded is decoded again', () => {
  test('lists', LONG, () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 40 }), fc.nat(40), as, (items, cut, how) => {
        for (const built of [
          values.LIST(items, how),
          values.LIST_ZIPLIST(items, how),
          values.LIST_QUICKLIST([items.slice(0, cut), items.slice(cut)], how),
          values.LIST_QUICKLIST_2([items.slice(0, cut), ...items.slice(cut)], how),
        ]) {
          const value = decodeValue(built.type, built.value);
          expect(value.kind === 'list' && value.items.map(text), built.type.name).toEqual(items.map(text));
        }
      }),
      settings(50),
    );
  });

  test('sets, also in another encoding and order', LONG, () => {
    fc.assert(
      fc.property(distinct, as, (members, how) => {
        const all = [values.SET(members, how), values.SET_LISTPACK([...members].reverse(), how)];
        for (const built of all) {
          expect(plain(decodeValue(built.type, built.value))).toEqual(members.map(text).sort());
          for (const other of all) expect(sameValue(built, other)).toBe(true);
          if (members.length > 0) expect(sameValue(built, values.SET(members.slice(1)))).toBe(false);
        }
      }),
      settings(50),
    );
  });

  test('sorted sets', LONG, () => {
    fc.assert(
      fc.property(distinct, fc.array(score, { minLength: 40, maxLength: 40 }), as, (members, scores, how) => {
        const entries = members.map((member, i) => [member, scores[i] as number] as const);
        const packed = entries.map(
          ([member, value]) => [member, Object.is(value, -0) ? '-0' : scoreText(value)] as const,
        );
        for (const built of [
          values.ZSET(entries),
          values.ZSET_2(entries),
          values.ZSET_LISTPACK(packed, how),
          values.ZSET_ZIPLIST(packed, how),
        ]) {
          const value = decodeValue(built.type, built.value);
          const decoded = value.kind === 'zset' ? value.entries.map(({ member, score }) => [text(member), score]) : [];
          expect(decoded, built.type.name).toEqual(entries.map(([member, score]) => [text(member), score]));
        }
      }),
      settings(50),
    );
  });

  test('hashes with the expiries of their fields, also after these were moved', LONG, () => {
    fc.assert(
      fc.property(
        distinct,
        fc.array(bytes, { minLength: 40, maxLength: 40 }),
        fc.array(expiry, { minLength: 40, maxLength: 40 }),
        as,
        (names, contents, times, how) => {
          const fields = names.map((name, i) => [name, contents[i] as Buffer, times[i] as bigint] as const);
          const expected = fields
            .map(([f, v, at]) => [text(f), text(v), at === 0n ? undefined : at] as const)
            .sort((a, b) => (a[0] < b[0] ? -1 : 1));
          const later = expected.map(([f, v, at]) => [f, v, at === undefined ? undefined : at + 77n]);
          for (const built of [
            values.HASH_METADATA_PRE_GA(fields),
            values.HASH_METADATA(fields, how),
            values.HASH_LISTPACK_EX_PRE_GA(fields, how),
            values.HASH_LISTPACK_EX(fields, how),
            values.HASH_2(
              fields.map(([f, v, at]) => [f, v, at === 0n ? -1n : at]),
              how,
            ),
          ]) {
            expect(plain(decodeValue(built.type, built.value)), built.type.name).toEqual(expected);
            const dialect = built.type.name === 'HASH_2' ? 'valkey' : 'redis';
            const moved = mapFieldExpiries(built.type, built.value, (at) => at + 77n, dialect);
            expect(plain(decodeValue(moved.type, moved.value)), `${built.type.name}, moved`).toEqual(later);
          }
          const [pairs, packed] = [
            values.HASH(
              fields.map(([f, v]) => [f, v]),
              how,
            ),
            values.HASH_ZIPLIST(
              fields.map(([f, v]) => [f, v]),
              how,
            ),
          ];
          expect(sameValue(pairs, packed)).toBe(true);
        },
      ),
      settings(50),
    );
  });
});

/** The text that a server writes: integers without an exponent, infinities by name. */
function scoreText(score: number): string {
  if (!Number.isFinite(score)) return score > 0 ? 'inf' : '-inf';
  return Number.isInteger(score) ? BigInt(score).toString() : String(score);
}

describe('damage', () => {
  /** Everything that reads values, on bytes that may be anything. Only a named error may come out. */
  function survive(type: ValueType, value: Buffer, original: Buffer): void {
    const attempts = [
      () => decodeValue(type, value, { templates, base: 1000 }),
      () => sameValue({ type, value, templates }, { type, value: original, templates }),
      () =>
        hasFieldExpiries(type) &&
        mapFieldExpiries(type, value, (at) => at + 1n, type.name === 'HASH_2' ? 'valkey' : 'redis'),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        if (!(error instanceof RdbError)) throw error;
        if (!(error.offset >= 0 && error.offset <= 1000 + value.length)) throw new Error(`offset ${error.offset}`);
      }
    }
  }

  test('every sample is whole before it is damaged', LONG, () => {
    for (const { type, value } of samples)
      expect(() => decodeValue(type, value, { templates }), type.name).not.toThrow();
  });

  test('a value that is cut anywhere is refused', LONG, () => {
    for (const { type, value } of samples) {
      for (let end = 0; end < value.length; end++) {
        const cut = value.subarray(0, end);
        expect(() => decodeValue(type, cut, { templates }), `${type.name} cut at ${end}`).toThrow(RdbError);
      }
    }
  });

  test('every flip of a bit gives a value or a named error', LONG, () => {
    for (const { type, value } of samples) {
      for (let bit = 0; bit < value.length * 8; bit++) {
        const bad = Buffer.from(value);
        bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
        survive(type, bad, value);
      }
    }
  });

  test('forged lengths, cuts and mixtures give a value or a named error, in no time', LONG, () => {
    const random = new Random(SEED);
    for (let i = 0; i < 10 * runs(2000, 20_000); i++) {
      const { type, value } = random.pick(samples);
      const bad = mutate(value, random);
      const started = performance.now();
      try {
        survive(type, bad, value);
      } catch (cause) {
        throw new Error(`seed ${SEED}, run ${i}, ${type.name}, ${bad.toString('hex')}`, { cause });
      }
      const took = performance.now() - started;
      if (took > 2000) throw new Error(`seed ${SEED}, run ${i}, ${type.name} took ${took} ms: ${bad.toString('hex')}`);
    }
  });

  test('the bytes of one type read as another give a value or a named error', LONG, () => {
    for (const { type } of samples) for (const { value } of samples) survive(type, value, value);
  });
});

const FORGED = [
  Buffer.of(0xff),
  Buffer.of(0x00),
  Buffer.of(0x80, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0x81, 0, 0, 0x10, 0, 0, 0, 0, 0),
  Buffer.of(0xff, 0xff, 0xff, 0x7f),
  Buffer.of(0xff, 0xff),
  Buffer.of(0xc3),
  Buffer.of(0xf0, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0xfe, 0xff, 0xff, 0xff, 0xff),
];

function mutate(value: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(value);
  for (let i = random.int(1, 3); i > 0; i--) {
    const at = random.int(0, Math.max(0, bytes.length - 1));
    const to = random.int(at, bytes.length);
    switch (random.int(0, 4)) {
      case 0: // a forged length, over what is there
        random.pick(FORGED).copy(bytes, at);
        break;
      case 1: // or between
        bytes = Buffer.concat([bytes.subarray(0, at), random.pick(FORGED), bytes.subarray(at)]);
        break;
      case 2: // a part is missing
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 3: // a part comes twice
        bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
        break;
      default:
        if (bytes.length > 0) bytes[at] = random.int(0, 255);
    }
  }
  return bytes;
}
