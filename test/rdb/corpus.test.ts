// Files of other projects (rdb-format.md §3): each is read to its end, and compared with the JSON that stands beside it.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import {
  asLibrdb,
  asRdbGo,
  type CorpusContent,
  corpusFiles,
  corpusLacks,
  corpusText,
  librdbExpected,
  librdbExtras,
  rdbGoExpected,
  readContent,
  readCorpus,
} from '../support/corpus.ts';
import { Random, seedOr } from '../support/random.ts';
import { scanFile } from '../support/scan-events.ts';

const SEED = seedOr(20261123);

/** Files that are made to be refused. */
const REFUSED: Readonly<Record<string, { code: string; offset: number }>> = {
  'librdb/future_v19.rdb': { code: 'RDB_VERSION', offset: 5 },
  'librdb/invalid_chksum_v8.rdb': { code: 'RDB_CHECKSUM', offset: 201 },
};
/** Written with `rdbchecksum no`. */
const UNCHECKED = ['librdb/script.rdb'];

/** JSON that stands beside its file under another name than `NAME.json` and `NAME_data.json`. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  'librdb/ziplist_v3.rdb': ['ziplist_data.json'],
  'librdb/hash_v3.rdb': ['hash_data.json', 'plain_hash_data.json'],
  'librdb/hash_with_expire_v12.rdb': ['hash_ex_v12_data.json'],
  'librdb/hash_lp_with_hexpire_v12.rdb': ['hash_lp_ex_v12_data.json'],
  'librdb/stream_v11.rdb': ['stream_data.json', 'stream_data_with_meta.json'],
  'librdb/set_not_expired_v11.rdb': ['set_not_expired.json'],
  'librdb/multiple_lists_strings.rdb': ['multiple_lists_strings_no_aux.json'],
};

/** JSON of some of a file's keys. */
const SUBSETS: Readonly<Record<string, string>> = {
  'librdb/multiple_lists_strings_2filters.json': 'librdb/multiple_lists_strings.rdb',
  'librdb/multiple_lists_strings_subset_list.json': 'librdb/multiple_lists_strings.rdb',
};

const files = corpusFiles();
const sound = files.filter((file) => REFUSED[file] === undefined);

function jsonOf(file: string): [name: string, text: string][] {
  const base = file.replace(/\.rdb$/, '');
  const folder = file.slice(0, file.indexOf('/') + 1);
  const others = (OTHER_NAMES[file] ?? []).map((name) => folder + name);
  return [`${base}.json`, `${base}_data.json`, ...others].flatMap((name) => {
    const text = corpusText(name);
    return text === undefined ? [] : [[name, text]];
  });
}

/** librdb's tool writes the members of an object without the braces around them. */
function parseLibrdb(text: string): Record<string, unknown>[] {
  return JSON.parse(text.trimStart().startsWith('[') ? text : `[{${text}}]`);
}

function expectLibrdb(content: CorpusContent, bytes: Buffer, json: Record<string, unknown>[], all: boolean): void {
  const dbs = [...new Set(content.keys.map((key) => key.db))];
  // A file without keys is an object without members.
  if (dbs.length > 1) expect(json.length).toBe(dbs.length);
  json.forEach((expected, i) => {
    const keys = content.keys.filter((key) => key.db === (dbs[i] ?? 0));
    const actual: Record<string, unknown> = librdbExtras(content, expected, bytes);
    const wanted: Record<string, unknown> = { ...expected };
    // It numbers functions by twos.
    if ('__func__' in expected) wanted.__func__ = Object.values(expected.__func__ as object);
    for (const { key, value } of keys) {
      const name = key.toString('latin1');
      if (!(name in expected) && !all) continue;
      const withMeta = value.kind === 'stream' && 'length' in (expected[name] as object);
      actual[name] = asLibrdb(value, withMeta);
      wanted[name] = librdbExpected(value.kind, expected[name]);
    }
    expect(actual).toEqual(wanted);
  });
}

function expectRdbGo(content: CorpusContent, json: Record<string, unknown>[], all: boolean): void {
  const keys = content.keys.map(asRdbGo);
  const expected = json.filter(({ type }) => type !== 'aux' && type !== 'functions').map(rdbGoExpected);
  for (const each of expected) {
    const actual = keys.find(({ db, key }) => db === each.db && key === each.key);
    // Thousands of messages are compared faster without making them fit to be shown.
    if (!isDeepStrictEqual(actual, each)) expect(actual).toEqual(each);
  }
  if (all) expect(keys.length).toBe(expected.length);
  const aux = json.filter(({ type }) => type === 'aux').map(({ key, value }) => [key, value]);
  if (aux.length > 0) expect(content.aux).toEqual(Object.fromEntries(aux));
  const functions = json.filter(({ type }) => type === 'functions').map(({ functionsLua }) => functionsLua);
  expect(content.functions).toEqual(functions);
}

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
