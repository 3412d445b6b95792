// Damaged values on their way to older servers: a named error, or a value that these would take.
import { expect, test } from 'vitest';
import { RdbError } from '../../../lib/errors.ts';
import { decodeValue, openValue } from '../../../lib/rdb/decode.ts';
import { conversion, type Reencoded, reencode, type TypeSupport, takes } from '../../../lib/rdb/reencode.ts';
import type { ValueType } from '../../../lib/rdb/types.ts';
import { flipBits } from '../../support/damage.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { counted, length, string } from '../../support/rdb-builders.ts';
import { samples, sampleTemplate } from '../../support/value-samples.ts';

const SEED = seedOr(20261127);
/** For deep runs: ms that a test may take. */
const LONG = { timeout: 900_000 };
const NAMES = counted(sampleTemplate.fields.map((name) => string(name)));
const options = { now: 1_900_000_000_002n, templates: (id: bigint) => (id === sampleTemplate.id ? NAMES : undefined) };
const targets: readonly TypeSupport[] = [
  { family: 'redis', rdb: 6 },
  { family: 'redis', rdb: 9 },
  { family: 'redis', rdb: 12 },
  { family: 'valkey', rdb: 80 },
];
const converted = samples.flatMap(({ type, value }) =>
  targets
    .filter((target) => !takes(type, target) && conversion(type, target) !== undefined)
    .map((target) => ({ type, value, target })),
);

/** @throws unless the value is refused by a named error, or written as one that is whole */
function survive(type: ValueType, value: Buffer, target: TypeSupport): void {
  let result: Reencoded | undefined;
  try {
    result = reencode(type, value, target, options);
  } catch (error) {
    if (error instanceof RdbError) return;
    throw error;
  }
  if (result === undefined || result.expired) return;
  expect(takes(result.type, target)).toBe(true);
  expect(result.value.length).toBeLessThan(100_000 + 50 * value.length);
  // A stream's entries are copied unseen.
  if (type.kind === 'stream') openValue(result.type, result.value);
  else decodeValue(result.type, result.value);
}

test('a value that is cut anywhere is refused', () => {
  for (const { type, value, target } of converted) {
    for (let end = 0; end < value.length; end++) {
      const cut = () => reencode(type, value.subarray(0, end), target, options);
      expect(cut, `${type.name} cut at ${end}`).toThrow(RdbError);
    }
  }
});

test('a value with something behind it is refused', () => {
  for (const { type, value, target } of converted) {
    const more = () => reencode(type, Buffer.concat([value, Buffer.of(0)]), target, options);
    expect(more, type.name).toThrow(RdbError);
  }
});

test('flipped bits and forged lengths give a value or a named error', LONG, () => {
  const random = new Random(SEED);
  const forged = [0n, 63n, 16_383n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map((each) => length(each));
  for (let i = 0; i < runs(15_000, 200_000); i++) {
    const { type, value, target } = random.pick(converted);
    let damaged = flipBits(value, random);
    if (random.chance(0.5)) {
      const at = random.int(0, damaged.length - 1);
      const replaced = random.pick([0, 1, 5]);
      damaged = Buffer.concat([damaged.subarray(0, at), random.pick(forged), damaged.subarray(at + replaced)]);
    }
    try {
      survive(type, damaged, target);
    } catch (cause) {
      throw new Error(`seed ${SEED}, run ${i}, ${type.name}, ${damaged.toString('hex')}`, { cause });
    }
  }
});
