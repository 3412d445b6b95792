// Random files there and back: what an RDB holds is the same after decode and load, whatever its bytes, its encodings and
// the length of the lines between.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { jsonToRdb } from '../../lib/jobs/load.ts';
import { decodeTemplateNames, decodeValue } from '../../lib/rdb/decode.ts';
import type { ValueType } from '../../lib/rdb/types.ts';
import { comparable, recordsOf } from '../sources/json/records.ts';
import { decodedText, type Line, parseLines } from '../support/decode-run.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { randomRdb } from '../support/random-rdb.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { scanFile } from '../support/scan-events.ts';
import { pythonLacks, strictLines } from '../support/strict-json.ts';

const SEED = seedOr(20_261_128);

const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

/** What a line says apart from how the RDB has it: that may be another encoding, and so another size. */
function meaning({ encoding: _, size: _size, ...line }: Line): unknown {
  const { type, value } = line;
  if (type === 'set' || type === 'zset') return { ...line, value: sorted(value as unknown[]) };
  if (type !== 'stream') return line;
  const groups = (value as { groups: { nacked?: unknown[] }[] }).groups.map(({ nacked, ...group }) =>
    // That none was given back is said by the latest encoding alone.
    nacked === undefined || nacked.length === 0 ? group : { ...group, nacked },
  );
  return { ...line, value: { ...(value as object), groups } };
}

/** Members have no order: servers sort them where they are packed. */
function sorted(members: unknown[]): unknown[] {
  return members.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The values of all keys as the RDB has them, without JSON. */
function valuesOf(bytes: Buffer): unknown[] {
  const { records, scanner } = scanFile(bytes);
  const templates = new Map<bigint, readonly Buffer[]>();
  return records.flatMap(({ event, template, keyStart = 0, valueStart = 0, end }) => {
    if (template !== undefined) {
      const { id, offset, bytes: length } = template;
      templates.set(id, decodeTemplateNames(bytes.subarray(offset, offset + length), offset));
    }
    if (event !== 'KEY') return [];
    const type = scanner.dialect?.types[bytes[keyStart - 1] as number] as ValueType;
    const options = { templates: (id: bigint) => templates.get(id) };
    return [comparable(decodeValue(type, bytes.subarray(valueStart, end), options))];
  });
}

const strict: Buffer[] = [];

test.each(['redis', 'valkey'] as const)('files of %s', async (family) => {
  const [first, second, lines] = [work.file('1.rdb'), work.file('2.rdb'), work.file('lines.jsonl')];
  for (let run = 0; run < runs(10, 500); run++) {
    const random = new Random(SEED).fork(`${family} ${run}`);
    const label = `seed ${SEED}, ${family}, run ${run}`;
    writeFileSync(first, randomRdb(random, family));
    const whole = await decodedText(first);
    const inParts = await decodedText(first, { maxLineBytes: random.int(1, 5000) });
    for (const text of [whole, inParts]) {
      const keys = (await recordsOf(text)).filter((record) => record.kind === 'key');
      expect(
        keys.map(({ value }) => comparable(value)),
        label,
      ).toEqual(valuesOf(readFileSync(first)));
    }
    writeFileSync(lines, inParts);
    await jsonToRdb({ files: [lines], path: second });
    const again = parseLines(await decodedText(second));
    expect(again.map(meaning), label).toEqual(parseLines(whole).map(meaning));
    if (run < 10) strict.push(whole, inParts);
  }
});

test.skipIf(pythonLacks !== '')(`their lines are strict JSON for python${pythonLacks}`, () => {
  expect(strictLines(Buffer.concat(strict))).toBeGreaterThan(500);
});
