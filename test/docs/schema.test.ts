// The schema of the lines: all that decode writes is valid by it, and each of its rules refuses something.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test } from 'vitest';
import { corpusFiles, corpusLacks, readCorpus } from '../support/corpus.ts';
import { decodeFile, type Line, parseLines } from '../support/decode-run.ts';
import { seedOr } from '../support/random.ts';
import { filledFile, WorkFolder } from '../support/restore-run.ts';
import { samples } from '../support/samples.ts';
import { lacks, SERVER_NAMES } from '../support/servers.ts';
import { blocks, read, root, rows, section } from './documents.ts';

const SEED = seedOr(20_261_123);
const schema = JSON.parse(readFileSync(join(root, 'docs', 'keyferry-lines.schema.json'), 'utf8'));
// Types of single rules are given by their neighbours.
const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);

const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

const sample = join(root, 'test', 'fixtures', 'sample.rdb');

function expectValid(lines: readonly Line[]): void {
  for (const line of lines) {
    if (!validate(line)) {
      expect.fail(`${JSON.stringify(validate.errors?.slice(0, 3))}\n${JSON.stringify(line).slice(0, 1000)}`);
    }
  }
}

/** The lines of a file whole, in parts, without values, and of keys alone. Of a damaged one: those before the damage. */
async function expectAllValid(file: string): Promise<number> {
  const ways = [{}, { maxLineBytes: 300 }, { noValue: true }, { keysOnly: true }];
  const counts: number[] = [];
  for (const way of ways) {
    const lines = parseLines((await decodeFile(file, way)).text);
    expectValid(lines);
    counts.push(lines.length);
  }
  return Math.max(...counts);
}

describe('real lines are valid', () => {
  test('of the sample', async () => {
    expect(await expectAllValid(sample)).toBeGreaterThan(20_000);
  });

  test('of every type in every encoding, with every attribute', async () => {
    for (const { name, bytes } of samples) {
      const file = work.file(`${name.replaceAll(' ', '-')}.rdb`);
      writeFileSync(file, bytes);
      await expectAllValid(file);
    }
  });

  test.skipIf(corpusLacks !== '')(`of the corpus${corpusLacks}`, async () => {
    for (const name of corpusFiles()) {
      const file = work.file(name.replaceAll('/', '-'));
      writeFileSync(file, readCorpus(name));
      await expectAllValid(file);
    }
  });

  for (const name of SERVER_NAMES) {
    test.skipIf(lacks(name) !== '')(`of ${name}'s data${lacks(name)}`, async () => {
      const file = work.file(`${name}.rdb`);
      await filledFile(file, name, { seed: SEED, scale: 0.1, eviction: name.startsWith('redis') ? 'lru' : 'lfu' });
      const { report, text } = await decodeFile(file, { maxLineBytes: 100_000 });
      expect(report.outcome).toBe('complete');
      expectValid(parseLines(text));
    });
  }
});

const key = (type: string, rest: object): Line => ({ db: 0, key: 'k', type, ...rest });
const pending = { id: '1-0', deliveredAt: 5, count: 1 };
const consumer = { name: 'c', seenAt: 5, activeAt: -1, pending: ['1-0'] };
const group = { name: 'g', lastId: '1-0', entriesRead: -1, pending: [pending], consumers: [consumer], nacked: [] };
const producer = { id: 'p', messages: [{ id: 'm', entry: '1-0' }] };
const idempotence = { duration: 1, maxSize: 1, producers: [producer], added: 1, duplicates: 0 };
const stream = {
  entries: [{ id: '1-0', fields: [['f', 'v']] }],
  length: 1,
  lastId: '1-0',
  firstId: '1-0',
  maxDeletedId: '0-0',
  entriesAdded: '18446744073709551615',
  groups: [group],
  idempotence,
};
const full = { encoding: 'raw', expiry: -5, idle: 0, freq: 255, meta: '8wA=', size: 4, elements: 1, value: 'v' };
const base64 = { base64: '/wA=' };
const moduleValue = { module: 'ReJSON-RL', version: 3, payload: 'BQJ7fQA=' };
const hashField = { field: base64, value: 'v', expiry: 1_900_000_000_000 };
const arrayItems = [
  { index: 0, value: 'v' },
  { index: '9007199254740992', value: { int: -1 } },
  { index: 2, value: { float: 'nan' } },
];

/** Lines that are valid, by a name to which {@link broken} refers. */
const valid = {
  aux: { type: 'aux', key: 'redis-ver', value: '7' },
  function: { type: 'function', key: 'lib', value: '#!lua name=lib\n' },
  'function without a name': { type: 'function', value: 'code' },
  'key only': key('string', {}),
  string: key('string', full),
  'by hand': key('string', { value: base64 }),
  list: key('list', { encoding: 'quicklist', value: ['a', base64] }),
  set: key('set', { encoding: 'intset', value: ['1'] }),
  zset: key('zset', { encoding: 'skiplist', value: [{ member: 'm', score: '-inf' }] }),
  hash: key('hash', { encoding: 'listpack', value: { base64: 'plain', f: base64 } }),
  'empty hash': key('hash', { encoding: 'hashtable', elements: 0, value: {} }),
  fields: key('hash', { encoding: 'listpackex', value: [hashField] }),
  paths: key('hash', { encoding: 'pathhash', value: { paths: [{ path: '/', fields: [{ field: 'f', value: 'v' }] }] } }),
  stream: key('stream', { encoding: 'stream', value: stream }),
  module: key('module', { encoding: 'module', elements: 1, value: moduleValue }),
  array: key('array', { encoding: 'array', value: { insertIndex: 3, items: arrayItems } }),
  'first part': key('string', { ...full, elements: undefined, part: 1 }),
  'middle part': key('list', { value: ['a'], part: 2 }),
  'last part': key('list', { elements: 9, value: ['a'], part: 3, last: true }),
  'part of a hash': key('hash', { value: [{ field: 'f', value: 'v' }], part: 2 }),
  'part of a stream': key('stream', { value: { entries: stream.entries }, part: 2 }),
  'last part of a stream': key('stream', { elements: 1, value: stream, part: 2, last: true }),
} satisfies Record<string, Line>;

test.each(Object.entries(valid))('valid: %s', (_, line) => {
  // As JSON has it: without what is undefined.
  expectValid([JSON.parse(JSON.stringify(line))]);
});

/** A copy with something else at a path such as `value.groups.0.name`; `undefined` removes it. */
function changed(line: Line, path: string, to: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(line));
  const steps = path.split('.');
  const last = steps.pop() as string;
  let at = copy;
  for (const step of steps) at = at[step];
  if (to === undefined) delete at[last];
  else at[last] = to;
  return copy;
}

const broken: readonly (readonly [what: string, line: keyof typeof valid, path: string, to: unknown])[] = [
  ['no type', 'string', 'type', undefined],
  ['an unknown type', 'string', 'type', 'text'],
  ['an unknown property', 'string', 'ttl', 5],
  ['no db', 'string', 'db', undefined],
  ['a db below 0', 'string', 'db', -1],
  ['a db beyond an int', 'string', 'db', 2 ** 31],
  ['a db as text', 'string', 'db', '0'],
  ['no key', 'string', 'key', undefined],
  ['a key that is a number', 'string', 'key', 5],
  ['a key that is null', 'string', 'key', null],
  ['a byte 0 in text', 'string', 'key', 'a\u0000b'],
  ['base64 of nothing', 'string', 'key', { base64: '' }],
  ['base64 without its padding', 'string', 'key', { base64: '/wA' }],
  ['base64 in the alphabet of URLs', 'string', 'key', { base64: '_wA=' }],
  ['a mark with more in it', 'string', 'key', { base64: '/wA=', text: 'x' }],
  ['an object that is no mark', 'string', 'value', {}],
  ["another type's encoding", 'string', 'encoding', 'listpack'],
  ["a list in a set's encoding", 'list', 'encoding', 'intset'],
  ["a set in a list's encoding", 'set', 'encoding', 'quicklist'],
  ["a sorted set in a set's encoding", 'zset', 'encoding', 'hashtable'],
  ["a hash in a sorted set's encoding", 'hash', 'encoding', 'skiplist'],
  ['an encoding of streams that does not exist', 'stream', 'encoding', 'listpack'],
  ['an encoding of modules that does not exist', 'module', 'encoding', 'raw'],
  ['an encoding of arrays that does not exist', 'array', 'encoding', 'listpack'],
  ['an expiry in parts of a ms', 'string', 'expiry', 1.5],
  ['an expiry that is null', 'string', 'expiry', null],
  ['an expiry below -2^53 as a number', 'string', 'expiry', -(2 ** 53)],
  ['an expiry beyond 2^53 as a number', 'string', 'expiry', 2 ** 53],
  ['a small expiry as text', 'string', 'expiry', '5'],
  ['a date', 'string', 'expiry', '2026-01-01T00:00:00Z'],
  ['an idle time below 0', 'string', 'idle', -1],
  ['a frequency below 0', 'string', 'freq', -1],
  ['a frequency beyond a byte', 'string', 'freq', 256],
  ['metadata that is no base64', 'string', 'meta', '?'],
  ['a size beyond 2^53', 'string', 'size', 2 ** 53],
  ['a size as text', 'string', 'size', '4'],
  ['a string of two elements', 'string', 'elements', 2],
  ['elements below 0', 'list', 'elements', -1],
  ['a string that is an array', 'string', 'value', ['v']],
  ['a list that is a string', 'list', 'value', 'a'],
  ['a number in a list', 'list', 'value.0', 5],
  ['null in a set', 'set', 'value.0', null],
  ['a sorted set as an object', 'zset', 'value', { m: 1 }],
  ['an element without a score', 'zset', 'value.0.score', undefined],
  ['an element without a member', 'zset', 'value.0.member', undefined],
  ['a score that nobody can read', 'zset', 'value.0.score', 'Infinity'],
  ['a small score as text', 'zset', 'value.0.score', '1.5'],
  ['a score below -2^53 as a number', 'zset', 'value.0.score', -1e300],
  ['a score beyond 2^53 as a number', 'zset', 'value.0.score', 1e300],
  ['more in an element', 'zset', 'value.0.rank', 1],
  ['a number in a hash', 'hash', 'value.f', 5],
  ['a field with a byte 0 in an object', 'hash', 'value.a\u0000b', 'v'],
  ['a field without its value', 'fields', 'value.0.value', undefined],
  ['a field whose expiry is below 0', 'fields', 'value.0.expiry', -1],
  ['more in a field', 'fields', 'value.0.ttl', 5],
  ['paths that are none', 'paths', 'value', { paths: 'x', more: [] }],
  ['a path without fields', 'paths', 'value.paths.0.fields', undefined],
  ["a path's field that expires", 'paths', 'value.paths.0.fields.0.expiry', 5],
  ['a stream without its length', 'stream', 'value.length', undefined],
  ['a stream without its last id', 'stream', 'value.lastId', undefined],
  ['a stream without groups', 'stream', 'value.groups', undefined],
  ['an id without a sequence number', 'stream', 'value.entries.0.id', '1'],
  ['an id with leading zeros', 'stream', 'value.lastId', '01-0'],
  ['fields of an entry as an object', 'stream', 'value.entries.0.fields', { f: 'v' }],
  ['a field of an entry without its value', 'stream', 'value.entries.0.fields.0', ['f']],
  ['an entry without its id', 'stream', 'value.entries.0.id', undefined],
  ['an entry without its fields', 'stream', 'value.entries.0.fields', undefined],
  ['three in a pair', 'stream', 'value.entries.0.fields.0', ['f', 'v', 'w']],
  ['a group without consumers', 'stream', 'value.groups.0.consumers', undefined],
  ['more in a group', 'stream', 'value.groups.0.lag', 0],
  ['a pending entry without its count', 'stream', 'value.groups.0.pending.0.count', undefined],
  ['a consumer without its time', 'stream', 'value.groups.0.consumers.0.seenAt', undefined],
  ['a pending id that is none', 'stream', 'value.groups.0.consumers.0.pending.0', 'x'],
  ['a given-back id that is none', 'stream', 'value.groups.0.nacked', [1]],
  ['a producer without messages', 'stream', 'value.idempotence.producers.0.messages', undefined],
  ['a message without its entry', 'stream', 'value.idempotence.producers.0.messages.0.entry', undefined],
  ['half an idempotence', 'stream', 'value.idempotence.added', undefined],
  ['a module without its payload', 'module', 'value.payload', undefined],
  ['a module of a name that cannot be', 'module', 'value.module', 'JSON'],
  ['a version beyond ten bits', 'module', 'value.version', 1024],
  ['a version below 0', 'module', 'value.version', -1],
  ['a module of two elements', 'module', 'elements', 2],
  ['a module in parts', 'module', 'part', 1],
  ['an array without items', 'array', 'value.items', undefined],
  ['an item without its index', 'array', 'value.items.0.index', undefined],
  ['an item of an unknown kind', 'array', 'value.items.0.value', { double: 1 }],
  ['an index beyond 64 bits', 'array', 'value.items.0.index', '1'.repeat(21)],
  ['a small index as text', 'array', 'value.items.0.index', '5'],
  ['an item of two kinds', 'array', 'value.items.1.value', { int: 1, float: 1 }],
  ['an item below 0', 'array', 'value.items.0.index', -1],
  ['an aux field with a db', 'aux', 'db', 0],
  ['an aux field that expires', 'aux', 'expiry', 5],
  ['an aux field without a name', 'aux', 'key', undefined],
  ['an aux field that is a number', 'aux', 'value', 5],
  ['a function in parts', 'function', 'part', 1],
  ['a part 0', 'first part', 'part', 0],
  ['a part without its value', 'first part', 'value', undefined],
  ['a last part without a number', 'string', 'last', true],
  ['last: false', 'last part', 'last', false],
  ['a count before the last part', 'middle part', 'elements', 9],
  ['a size behind the first part', 'middle part', 'size', 9],
  ['an expiry behind the first part', 'last part', 'expiry', 9],
  ['an idle time behind the first part', 'middle part', 'idle', 9],
  ['a frequency behind the first part', 'middle part', 'freq', 9],
  ['metadata behind the first part', 'middle part', 'meta', '8wA='],
  ['an encoding behind the first part', 'middle part', 'encoding', 'quicklist'],
  ['a hash in parts as an object', 'part of a hash', 'value', { f: 'v' }],
  ["a stream's part without entries", 'part of a stream', 'value', {}],
  ["a stream's state before its last part", 'part of a stream', 'value', stream],
  ["a stream's last part without its state", 'last part of a stream', 'value', { entries: [] }],
];

test.each(broken)('refused: %s', (_, line, path, to) => {
  expect(validate(changed(valid[line], path, to))).toBe(false);
});

/** What nothing in a line may be, but for what {@link MAY_BE} names. */
const WRONG: readonly unknown[] = [null, true, -0.5, [null], { unknown: null }];
/** Scores may be any number; a last part says so. */
const MAY_BE: Readonly<Record<string, unknown>> = { score: -0.5, float: -0.5, last: true };

/** The paths of everything in it, as {@link changed} takes them. */
function pathsIn(json: unknown, path = ''): string[] {
  if (json === null || typeof json !== 'object') return [path];
  const inside = Object.entries(json).flatMap(([name, each]) => pathsIn(each, path === '' ? name : `${path}.${name}`));
  return path === '' ? inside : [path, ...inside];
}

test.each(Object.entries(valid))('refused: what is of another kind, or unknown, anywhere in: %s', (_, line) => {
  const whole = JSON.parse(JSON.stringify(line));
  for (const path of pathsIn(whole)) {
    const name = path.slice(path.lastIndexOf('.') + 1);
    for (const wrong of WRONG.filter((each) => each !== MAY_BE[name])) {
      expect(validate(changed(line, path, wrong)), `${path}: ${JSON.stringify(wrong)}`).toBe(false);
    }
  }
  const objects = ['', ...pathsIn(whole)].filter((path) => isObject(at(whole, path)));
  for (const path of objects) {
    const unknown = path === '' ? 'unknown' : `${path}.unknown`;
    expect(validate(changed(line, unknown, null)), unknown).toBe(false);
  }
});

const isObject = (json: unknown): boolean => json !== null && typeof json === 'object' && !Array.isArray(json);

function at(json: unknown, path: string): unknown {
  if (path === '') return json;
  return path.split('.').reduce((inner, step) => (inner as Record<string, unknown>)[step], json);
}

test('refused: a module in one part, which is the last', () => {
  expect(validate(key('module', { value: moduleValue, part: 1, last: true }))).toBe(false);
});

test('refused: what is no object', () => {
  for (const wrong of [null, true, 1, 'string', [], [valid.string]]) expect(validate(wrong)).toBe(false);
});

describe('the page and the schema agree', () => {
  const page = read('docs/json-format.md');

  test('on the properties and their order', () => {
    const named = rows(section(page, '## Lines')).map(([name]) => name?.replaceAll('`', ''));
    expect(Object.keys(schema.properties)).toEqual(named);
  });

  test("on the encodings' names", () => {
    const [, , told = ''] = rows(section(page, '## Lines')).find(([name]) => name === '`encoding`') ?? [];
    const names = [...told.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    const rules: { then?: { properties?: { encoding?: { enum?: string[]; const?: string } } } }[] = schema.allOf;
    const known = rules.flatMap(({ then }) => {
      const { enum: several = [], const: one } = then?.properties?.encoding ?? {};
      return one === undefined ? several : [one];
    });
    expect([...new Set(known)].sort()).toEqual([...new Set(names)].sort());
  });

  test('on the examples', () => {
    const [lines, state] = blocks(page).map(({ text }) => text);
    expectValid(parseLines(Buffer.from(lines as string)));
    const value = JSON.parse((state as string).replaceAll('\n', ' '));
    expectValid([key('stream', { value })]);
  });
});
