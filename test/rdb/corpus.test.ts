// Files of other projects (rdb-format.md §3): each is read to its end, and compared with the JSON that stands beside it.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { corpusFiles, corpusLacks, corpusText, readContent, readCorpus } from '../support/corpus.ts';
import { expectLibrdb, expectRdbGo, jsonOf, OTHER_NAMES, parseLibrdb, REFUSED } from '../support/corpus-expected.ts';
import { Random, seedOr } from '../support/random.ts';
import { scanFile } from '../support/scan-events.ts';

const SEED = seedOr(20261123);

/** Written with `rdbchecksum no`. */
const UNCHECKED = ['librdb/script.rdb'];

/** JSON of some of a file's keys. */
const SUBSETS: Readonly<Record<string, string>> = {
  'librdb/multiple_lists_strings_2filters.json': 'librdb/multiple_lists_strings.rdb',
  'librdb/multiple_lists_strings_subset_list.json': 'librdb/multiple_lists_strings.rdb',
};

const files = corpusFiles();
const sound = files.filter((file) => REFUSED[file] === undefined);

describe.skipIf(corpusLacks !== '')(`the corpus${corpusLacks}`, () => {
  test('is there as a whole', () => {
    expect(files.length).toBeGreaterThanOrEqual(82);
    for (const file of [...Object.keys(REFUSED), ...UNCHECKED, ...Object.keys(OTHER_NAMES)]) {
      expect(files).toContain(file);
    }
  });

  test.each(sound)('%s is scanned to its end, checksum included, in one piece and in many', (file) => {
    const bytes = readCorpus(file);
    const { records, scanner } = scanFile(bytes);
    expect(scanner.recordEnd).toBe(bytes.length);
    const version = scanner.dialect?.version ?? 0;
    expect(scanner.checksum).toBe(version < 5 ? 'absent' : UNCHECKED.includes(file) ? 'disabled' : 'ok');
    const random = new Random(SEED).fork(file);
    const feeds = [];
    for (let to = 0; to < bytes.length; ) {
      to = Math.min(bytes.length, to + random.int(1, 300));
      feeds.push({ to, headroom: random.pick([0, 500]) });
    }
    const sliced = scanFile(bytes, { feeds });
    if (!isDeepStrictEqual(sliced.records, records)) expect(sliced.records, `seed ${SEED}`).toEqual(records);
  });

  test.each(sound)('every value of %s is decoded', (file) => {
    const { keys, records } = readContent(readCorpus(file));
    expect(keys.length).toBe(records.filter((record) => record.event === 'KEY').length);
  });

  test.each(Object.keys(REFUSED))('%s is refused by name', (file) => {
    let error: unknown;
    try {
      readContent(readCorpus(file));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RdbError);
    expect(error).toMatchObject(REFUSED[file] as object);
  });

  const withJson = sound.flatMap((file) => jsonOf(file).map(([name, text]) => [file, name, text] as const));

  test.each(withJson)('%s holds what %s says', (file, _, text) => {
    const bytes = readCorpus(file);
    const content = readContent(bytes);
    if (file.startsWith('librdb/')) expectLibrdb(content, bytes, parseLibrdb(text), true);
    else expectRdbGo(content, JSON.parse(text), true);
  });

  test.each(Object.entries(SUBSETS))('what %s says is in %s', (name, file) => {
    const bytes = readCorpus(file);
    const json = parseLibrdb(corpusText(name) as string);
    expect(Object.keys(json[0] ?? {}).length).toBe(3);
    expectLibrdb(readContent(bytes), bytes, json, false);
  });

  test('filtered JSON of rdb-go is in its file', () => {
    expectRdbGo(
      readContent(readCorpus('rdb-go/memory.rdb')),
      JSON.parse(corpusText('rdb-go/memory_regex.json') ?? ''),
      false,
    );
  });

  test('spans are, byte for byte, what librdb calls raw values', () => {
    const { keys } = readContent(readCorpus('librdb/multiple_lists_strings.rdb'));
    const [json] = parseLibrdb(corpusText('librdb/multiple_lists_strings_subset_str.json') ?? '');
    const strings = keys.filter(({ value }) => value.kind === 'string');
    const spans = strings.map(({ key, span }) => [key.toString('latin1'), span.toString('latin1')]);
    expect(Object.fromEntries(spans)).toEqual(json);
  });

  test('a key of librdb’s that has expired is there, with its expiry', () => {
    // Its JSON is empty, as librdb leaves expired keys out; here that is for whoever writes them to decide.
    expect(corpusText('librdb/set_expired.json')?.trim()).toBe('');
    const { keys } = readContent(readCorpus('librdb/set_expired_v11.rdb'));
    expect(keys).toMatchObject([{ value: { kind: 'string' } }]);
    expect(Number(keys[0]?.expireAt)).toBeLessThan(Date.parse('2026-01-01'));
    const [later] = readContent(readCorpus('librdb/set_not_expired_v11.rdb')).keys;
    expect(Number(later?.expireAt)).toBeGreaterThan(Date.parse('2027-01-01'));
  });
});
