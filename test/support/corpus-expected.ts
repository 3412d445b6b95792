// What the corpus's JSON says is compared with what was read of its files, by either project's rules.
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import {
  asLibrdb,
  asRdbGo,
  type CorpusContent,
  corpusText,
  librdbExpected,
  librdbExtras,
  rdbGoExpected,
} from './corpus.ts';

/** Files that are made to be refused. */
export const REFUSED: Readonly<Record<string, { code: string; offset: number }>> = {
  'librdb/future_v19.rdb': { code: 'RDB_VERSION', offset: 5 },
  'librdb/invalid_chksum_v8.rdb': { code: 'RDB_CHECKSUM', offset: 201 },
};

/** JSON that stands beside its file under another name than `NAME.json` and `NAME_data.json`. */
export const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  'librdb/ziplist_v3.rdb': ['ziplist_data.json'],
  'librdb/hash_v3.rdb': ['hash_data.json', 'plain_hash_data.json'],
  'librdb/hash_with_expire_v12.rdb': ['hash_ex_v12_data.json'],
  'librdb/hash_lp_with_hexpire_v12.rdb': ['hash_lp_ex_v12_data.json'],
  'librdb/stream_v11.rdb': ['stream_data.json', 'stream_data_with_meta.json'],
  'librdb/set_not_expired_v11.rdb': ['set_not_expired.json'],
  'librdb/multiple_lists_strings.rdb': ['multiple_lists_strings_no_aux.json'],
};

/** The JSON that stands beside a file: its names and texts. */
export function jsonOf(file: string): [name: string, text: string][] {
  const base = file.replace(/\.rdb$/, '');
  const folder = file.slice(0, file.indexOf('/') + 1);
  const others = (OTHER_NAMES[file] ?? []).map((name) => folder + name);
  return [`${base}.json`, `${base}_data.json`, ...others].flatMap((name) => {
    const text = corpusText(name);
    return text === undefined ? [] : [[name, text]];
  });
}

/** librdb's tool writes the members of an object without the braces around them. */
export function parseLibrdb(text: string): Record<string, unknown>[] {
  return JSON.parse(text.trimStart().startsWith('[') ? text : `[{${text}}]`);
}

/** @param all whether the JSON has all keys of the file */
export function expectLibrdb(
  content: CorpusContent,
  bytes: Buffer,
  json: Record<string, unknown>[],
  all: boolean,
): void {
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

/** @param all whether the JSON has all keys of the file */
export function expectRdbGo(content: CorpusContent, json: Record<string, unknown>[], all: boolean): void {
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
