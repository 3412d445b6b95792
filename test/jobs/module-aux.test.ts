// What modules keep beside their keys goes from RDB to JSON and back.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonToRdb } from '../../lib/jobs/load.ts';
import { decodedText, parseLines } from '../support/decode-run.ts';
import { temporaryFolder } from '../support/folder.ts';
import { moduleId, moduleItem, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

function written(name: string, contents: string | Buffer): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, contents);
  return path;
}

const module = moduleId('ReJSON-RL', 3);

test('before and behind the keys, in lines of their own', async () => {
  const rdb = new RdbFileBuilder('REDIS0010').moduleAux(module, 1, [moduleItem.string('before')]);
  rdb
    .selectDb(0)
    .key('k', values.STRING('v'))
    .moduleAux(module, 2, [moduleItem.unsigned(7n)]);
  const text = await decodedText(written('dump.rdb', rdb.end()));
  expect(parseLines(text).map(({ type, key }) => [type, key])).toEqual([
    ['module-aux', 'ReJSON-RL'],
    ['string', 'k'],
    ['module-aux', 'ReJSON-RL'],
  ]);
  const path = join(temporaryFolder(), 'again.rdb');
  await jsonToRdb({ files: [written('lines.jsonl', text)], path });
  expect((await decodedText(path)).equals(text)).toBe(true);
  expect(readFileSync(path).includes('before')).toBe(true);
});

test('a payload that is no module’s is refused by line', async () => {
  const line = '{"type":"module-aux","key":"ReJSON-RL","value":{"module":"ReJSON-RL","version":3,"payload":"AgEJ"}}\n';
  const loading = jsonToRdb({ files: [written('bad.jsonl', line)], path: join(temporaryFolder(), 'no.rdb') });
  await expect(loading).rejects.toMatchObject({
    code: 'JSON_RECORD',
    where: expect.stringMatching(/bad\.jsonl, line 1$/),
  });
});
