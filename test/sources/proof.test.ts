// A proof that watches an RDB pass by knows what a plan knows that reads it from a file, whatever pieces it comes in.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { planRdb } from '../../lib/sources/rdb/plan.ts';
import { type RdbFacts, RdbProof } from '../../lib/sources/rdb/proof.ts';
import { MemorySource } from '../../lib/storage/memory-source.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { string } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const SAMPLE = readFileSync(new URL('../fixtures/sample.rdb', import.meta.url));

function prove(bytes: Buffer, cuts: () => number, proof = new RdbProof()): { facts: RdbFacts; passed: Buffer } {
  const passed: Buffer[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = cuts();
      for (const block of proof.take(bytes.subarray(at, at + size))) passed.push(Buffer.from(block));
      at += size;
    }
    passed.push(Buffer.from(proof.finish()));
    return { facts: proof.facts(), passed: Buffer.concat(passed) };
  } finally {
    proof.end();
  }
}

/** Over several blocks, with values that are larger than one. */
function large(): Buffer {
  const file = new RdbFileBuilder().aux('redis-ver', '7.0.0').selectDb(0);
  for (let n = 0; n < 30_000; n++) {
    if (n % 3 === 0) file.expireMs(1_900_000_000_000);
    file.raw(0, string(`key:${n}`), string('v'.repeat(n % 90)));
  }
  file.raw(0, string('big'), string('x'.repeat(3_000_000))).selectDb(7);
  for (let n = 0; n < 500; n++) file.raw(2, string(`set:${n}`), 1, string('m'));
  return file.raw(0, string('z'), string('z')).end();
}

const FILES = { sample: SAMPLE, large: large(), empty: new RdbFileBuilder().end() };

describe.each(Object.entries(FILES))('%s', (_, bytes) => {
  test('is what a plan says', async () => {
    const { facts } = prove(bytes, () => 65_536);
    const plan = await planRdb(new MemorySource('x', bytes));
    expect(facts).toMatchObject({
      dialect: plan.dialect,
      version: plan.version,
      bytes: plan.bytes,
      checksum: plan.checksum,
      crc64: plan.crc,
      keys: plan.keys,
      expires: plan.expires,
      functions: plan.functions.length,
    });
    expect(facts.dbs.map(({ db, keys, expires }) => ({ db, keys, expires }))).toEqual(plan.dbs);
    for (const { keys, types } of facts.dbs) {
      expect(Object.values(types).reduce((sum, count) => sum + count, 0)).toBe(keys);
    }
  });

  test.each(Array.from({ length: runs(3, 40) }, (__, run) => run))('is the same in any pieces: run %i', (run) => {
    const seed = seedOr(500 + run);
    const random = new Random(seed);
    const longest = random.pick([100, 4096, 70_000, 3_000_000]);
    const { facts, passed } = prove(bytes, () => random.int(1, longest));
    expect(facts, `seed ${seed}`).toEqual(prove(bytes, () => bytes.length).facts);
    expect(passed.equals(bytes), `seed ${seed}`).toBe(true);
  });

  test('is whole at its last byte, and not before', () => {
    const proof = new RdbProof();
    for (const _ of proof.take(bytes.subarray(0, -1)));
    expect(proof.whole()).toBe(false);
    for (const _ of proof.take(bytes.subarray(-1)));
    expect(proof.whole()).toBe(true);
    proof.end();
  });

  test('tells every key when asked to, the one of a large value too', () => {
    const keys: string[] = [];
    const proof = new RdbProof({ onKey: (db, key) => keys.push(`${db} ${key?.toString('latin1')}`) });
    const { facts } = prove(bytes, () => 100_000, proof);
    expect(facts).toEqual(prove(bytes, () => bytes.length).facts);
    expect(new Set(keys).size).toBe(facts.keys);
    if (bytes === FILES.large) expect(keys).toContain('0 big');
  });

  test('cut short, or with a byte more, is refused', () => {
    expect(() => prove(bytes.subarray(0, -1), () => 1000)).toThrow(expect.objectContaining({ code: 'RDB_TRUNCATED' }));
    expect(() => prove(Buffer.concat([bytes, Buffer.of(10)]), () => 1000)).toThrow(
      expect.objectContaining({ code: 'RDB_TAIL' }),
    );
  });
});

test('ended twice it gives its memory back once: two later ones do not share it', () => {
  const ended = new RdbProof();
  ended.end();
  ended.end();
  const [one, other] = [new RdbProof(), new RdbProof()];
  const half = SAMPLE.length >> 1;
  for (const _ of one.take(SAMPLE.subarray(0, half)));
  for (const _ of other.take(FILES.large.subarray(0, half)));
  expect(prove(SAMPLE.subarray(half), () => 10_000, one).facts.keys).toBeGreaterThan(0);
  other.end();
});
