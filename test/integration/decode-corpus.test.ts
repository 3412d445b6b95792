// Files of other projects through decode: each one's lines say what the JSON beside it says, and are strict JSON for
// python too.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonRecord } from '../../lib/sources/json/json-records.ts';
import { recordsOf } from '../sources/json/records.ts';
import { type CorpusContent, corpusFiles, corpusLacks, readContent, readCorpus } from '../support/corpus.ts';
import { expectLibrdb, expectRdbGo, jsonOf, parseLibrdb, REFUSED } from '../support/corpus-expected.ts';
import { type DecodeRun, decodeFile } from '../support/decode-run.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { pythonLacks, strictLines } from '../support/strict-json.ts';

const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

const files = corpusFiles();
const sound = files.filter((file) => REFUSED[file] === undefined);

/** What became of each file: whole, and with its values in parts. */
const decoded = new Map<string, { whole: DecodeRun; inParts: DecodeRun }>();
beforeAll(async () => {
  for (const file of files) {
    const path = work.file(file.replaceAll('/', '-'));
    writeFileSync(path, readCorpus(file));
    decoded.set(file, { whole: await decodeFile(path), inParts: await decodeFile(path, { maxLineBytes: 1000 }) });
  }
});

const runOf = (file: string) => decoded.get(file) as { whole: DecodeRun; inParts: DecodeRun };

/** The file's content as its lines have it; what has no line, the numbers of keys in a database, is the file's own. */
async function contentOf(file: string, text: Buffer): Promise<CorpusContent> {
  const lines = await recordsOf(text);
  const keys = lines.filter((record): record is JsonRecord & { kind: 'key' } => record.kind === 'key');
  const aux = lines.flatMap((line) => (line.kind === 'aux' ? [[`${line.name}`, line.value.toString('latin1')]] : []));
  return {
    records: readContent(readCorpus(file)).records,
    keys: keys.map(({ db, key, expireAt, value }) => ({ db, key, expireAt, value, span: Buffer.alloc(0) })),
    aux: Object.fromEntries(aux),
    functions: lines.flatMap((line) => (line.kind === 'function' ? [line.code.toString('latin1')] : [])),
  };
}

describe.skipIf(corpusLacks !== '')(`the corpus, decoded${corpusLacks}`, () => {
  test('each file to its end, but for those that are made to be refused', () => {
    expect(files.length).toBeGreaterThanOrEqual(82);
    for (const [file, { whole }] of decoded) {
      const { outcome, error, damaged } = whole.report;
      const refused = REFUSED[file];
      const expected =
        refused === undefined
          ? { outcome: 'complete', error: undefined, damaged: [], end: 'committed' }
          : { outcome: 'stopped', error: refused, damaged: [], end: 'left' };
      expect({ outcome, error, damaged, end: whole.end }, file).toMatchObject(expected);
    }
  });

  const withJson = sound.flatMap((file) => jsonOf(file).map(([name, text]) => [file, name, text] as const));

  test.each(withJson)('the lines of %s say what %s says', async (file, _, json) => {
    const { whole, inParts } = runOf(file);
    for (const { text } of [whole, inParts]) {
      const content = await contentOf(file, text);
      if (file.startsWith('librdb/')) expectLibrdb(content, readCorpus(file), parseLibrdb(json), true);
      else expectRdbGo(content, JSON.parse(json), true);
    }
  });

  test('files without JSON beside them have a line for each key', async () => {
    const shown = ({ keys }: CorpusContent) =>
      keys.map(({ db, key, expireAt, value: { kind } }) => ({ db, key, expireAt, kind }));
    for (const file of sound) {
      const content = await contentOf(file, runOf(file).whole.text);
      expect(shown(content), file).toEqual(shown(readContent(readCorpus(file))));
    }
  });

  test.skipIf(pythonLacks !== '')(`every line is strict JSON for python${pythonLacks}`, () => {
    const runs = [...decoded.values()].flatMap(({ whole, inParts }) => [whole, inParts]);
    const lines = runs.reduce((sum, { report }) => sum + report.lines, 0);
    expect(lines).toBeGreaterThan(1000);
    expect(strictLines(Buffer.concat(runs.map(({ text }) => text)))).toBe(lines);
  });
});

describe.skipIf(pythonLacks !== '')(`python refuses what is no strict JSON${pythonLacks}`, () => {
  test.each([
    ['NaN', '{"a":NaN}\n'],
    ['-Infinity', '{"a":-Infinity}\n'],
    ['a name that comes twice', '{"a":1,"b":{"c":1,"c":2}}\n'],
    ['half a surrogate pair', '{"a":"\\ud800"}\n'],
    ['a byte that is no UTF-8', Buffer.from('{"a":"\xff"}\n', 'latin1')],
    ['a control character', '{"a":"\u0001"}\n'],
    ['a number beyond 2^53', '{"a":9007199254740992}\n'],
    ['an array', '[]\n'],
    ['a line that is cut', '{"a":1}'],
  ])('%s', (_, text) => {
    expect(() => strictLines(Buffer.from(text as string))).toThrow(/^line 1: /);
  });
});
