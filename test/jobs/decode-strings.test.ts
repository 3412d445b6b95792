// The short way of plain strings writes what the general way writes. A filter that takes all keys leads the general way.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DecodeRun, decodeFile } from '../support/decode-run.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { type As, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const EVERY_KEY = { filter: { match: ['*'] } };
const LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 300, 16_383, 16_384, 70_000];
const SPECIAL = ['"', '\\', '\n', '\u0001', '\u007f', 'é', '€', '😀', '\u2028', '/'];
const EXPIRIES = [1n, 999n, 1_700_000_000_000n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];

function text(random: Random): Buffer {
  const length = random.chance(0.8) ? random.int(0, 40) : random.pick(LENGTHS);
  const choice = random.int(0, 9);
  if (choice === 0) return random.bytes(length);
  if (choice < 4) {
    const special = random.pick(SPECIAL);
    const plain = random.text(length);
    return Buffer.from(choice === 1 ? special.repeat(length) : plain.replaceAll('e', special));
  }
  return Buffer.from(random.text(length));
}

/** Mostly strings: in all their encodings, with all attributes, damaged now and then, and other types between them. */
function made(random: Random): Buffer {
  const rdb = new RdbFileBuilder('REDIS0011').aux('redis-ver', '7.2.4').selectDb(0);
  const integers = [0, -1, 127, -128, 32_767, -32_768, 2_147_483_647, -2_147_483_648];
  let size = 0;
  for (let i = 0; size < 2_500_000 && i < 8000; i++) {
    if (random.chance(0.001)) rdb.selectDb(random.int(0, 15));
    if (random.chance(0.2)) rdb.expireMs(random.pick(EXPIRIES));
    if (random.chance(0.03)) rdb.idle(random.int(0, 100_000));
    if (random.chance(0.03)) rdb.freq(random.int(0, 255));
    const name = random.chance(0.05) ? text(random) : Buffer.from(`${random.text(random.int(0, 30))}${i}`);
    const integer = String(random.pick(integers));
    const value = text(random);
    const as: As = value.length > 20 && random.chance(0.3) ? 'lzf' : 'raw';
    const keyAs: As = random.chance(0.02) ? 'int' : 'raw';
    const kind = random.int(0, 9);
    const built =
      kind === 0
        ? values.HASH_LISTPACK([['f', 'v']])
        : kind < 3
          ? values.STRING(integer, 'int')
          : values.STRING(value, as);
    rdb.key(keyAs === 'int' ? String(i) : name, built, keyAs);
    size += name.length + value.length;
  }
  return rdb.end();
}

const told = ({ report, text, end }: DecodeRun) => ({
  error: report.error?.describe(),
  keys: report.keys,
  lines: report.lines,
  bytes: report.bytes,
  damaged: report.damaged,
  end,
  text: text.length,
});

test('random strings come out the same, whole and damaged, in long and in short lines', async () => {
  const seed = seedOr(20_261_123);
  const random = new Random(seed);
  for (let run = 0; run < runs(6, 150); run++) {
    const bytes = made(random);
    if (run % 3 === 1) for (let hit = 0; hit < 3; hit++) bytes[random.int(9, bytes.length - 1)] = random.int(0, 255);
    const path = join(temporaryFolder(), 'strings.rdb');
    writeFileSync(path, run % 3 === 2 ? bytes.subarray(0, random.int(1000, bytes.length)) : bytes);
    const options = { maxLineBytes: random.pick([1024, 70_000, 2 ** 23]), salvage: run % 2 === 1 };
    const quick = await decodeFile(path, options);
    const general = await decodeFile(path, { ...options, ...EVERY_KEY });
    const where = `seed ${seed}, run ${run}`;
    expect(told(quick), where).toEqual(told(general));
    expect(quick.text.equals(general.text), where).toBe(true);
  }
});
