import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import { jsonToRdb } from '../../lib/jobs/load.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { temporaryFolder } from '../support/folder.ts';

const line = (fields: object): string => `${JSON.stringify({ db: 0, type: 'string', ...fields })}\n`;

function load(content: string | Buffer): { path: string; loading: Promise<unknown> } {
  const folder = temporaryFolder();
  const file = join(folder, 'in.jsonl');
  writeFileSync(file, content);
  const path = join(folder, 'out.rdb');
  return { path, loading: jsonToRdb({ files: [file], path }) };
}

test('what has been loaded decodes to the same lines', async () => {
  const folder = temporaryFolder();
  const again = join(folder, 'again.jsonl');
  const lines = `${line({ key: 'a', encoding: 'raw', expiry: 4_102_444_800_000, idle: 7, size: 4, elements: 1, value: 'x' })}`;
  const { path, loading } = load(lines);
  await loading;
  await decode({ files: [path], output: await openOutput(again) });
  const written = readFileSync(again, 'utf8')
    .split('\n')
    .filter((each) => each.includes('"db"'));
  expect(written.map((each) => JSON.parse(each))).toEqual([
    {
      db: 0,
      key: 'a',
      type: 'string',
      encoding: 'raw',
      expiry: 4_102_444_800_000,
      idle: 7,
      size: 4,
      elements: 1,
      value: 'x',
    },
  ]);
});

describe('nothing appears of an input that is not in order', () => {
  test.each([
    ['a syntax error', `${line({ key: 'a', value: '1' })}{"db":0,`, 'JSON_SYNTAX', /line 2/],
    [
      'a key that comes twice',
      line({ key: 'a', value: '1' }) + line({ key: 'a', value: '2' }),
      'JSON_RECORD',
      /line 2.*"a"/,
    ],
    ['a property that does not exist', line({ key: 'a', value: '1', expire: 5 }), 'JSON_RECORD', /line 1/],
    ['a line without its value', line({ key: 'a' }), 'JSON_RECORD', /line 1/],
    ['a member that comes twice', line({ key: 's', type: 'set', value: ['m', 'm'] }), 'JSON_RECORD', /line 1.*"s"/],
    [
      'a function behind keys',
      `${line({ key: 'a', value: '1' })}{"type":"function","value":"#!lua name=l\\n"}\n`,
      'JSON_RECORD',
      /line 2/,
    ],
    [
      'a packed file that is cut off',
      gzipSync(line({ key: 'a', value: 'x'.repeat(10_000) })).subarray(0, 40),
      'INPUT_COMPRESSION',
      /in\.jsonl/,
    ],
  ] as const)('%s', async (_, content, code, where) => {
    const { path, loading } = load(content as string);
    const error = (await loading.catch((thrown: unknown) => thrown)) as Error & { code?: string; where?: string };
    expect(error).toMatchObject({ code, where: expect.stringMatching(where) });
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });

  test('a file that is not there', async () => {
    const path = join(temporaryFolder(), 'out.rdb');
    await expect(jsonToRdb({ files: ['/nowhere.jsonl'], path })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    expect(existsSync(path)).toBe(false);
  });
});
