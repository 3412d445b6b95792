// The examples in docs/analysis.md, run as they stand there on the lines of a real file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { type Line, parseLines } from '../support/decode-run.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { blocks, read, root } from './documents.ts';

const sample = join(root, 'test', 'fixtures', 'sample.rdb');
const page = blocks(read('docs/analysis.md'));

/** The example of that name, which its first line has. */
function example(language: string, mark: string, name: string): string {
  const found = page.filter((block) => block.language === language && block.text.startsWith(`${mark} ${name}\n`));
  if (found.length !== 1) throw new Error(`docs/analysis.md has ${found.length} examples ${mark} ${name}`);
  return (found[0] as (typeof found)[number]).text;
}

let folder: string;
/** The lines of both files. */
let lines: Line[];
let keys: Line[];
const binaryKey = Buffer.of(0xff, 0, 0x61);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-analysis-'));
  const special = join(folder, 'special.rdb');
  writeFileSync(special, specialFile());
  // Two packed files for the `*` of the page, one of them in parts; and all in one plain file.
  await written(['dump-1.jsonl.zst', sample], ['dump-2.jsonl.zst', special, 400], ['1.jsonl', sample]);
  await written(['2.jsonl', special, 400]);
  writeFileSync(join(folder, 'dump.jsonl'), Buffer.concat([text('1.jsonl'), text('2.jsonl')]));
  lines = parseLines(text('dump.jsonl'));
  keys = lines.filter(({ db, part = 1 }) => db !== undefined && part === 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the sample lacks: a binary key, a key that looks like the mark of one, numbers at the edges, a value in parts. */
function specialFile(): Buffer {
  const many = Array.from({ length: 100 }, (_, i) => `item ${i}`);
  return new RdbFileBuilder('REDIS0012')
    .selectDb(7)
    .key(binaryKey, values.STRING('v'))
    .key('{"base64":"/wBh"}', values.STRING('text'))
    .expireMs(2n ** 53n)
    .key('in the year 287396', values.STRING(binaryKey))
    .key(
      'leaderboard:inf',
      values.ZSET_2([
        ['winner', Number.POSITIVE_INFINITY],
        ['second', 1e300],
      ]),
    )
    .key('parts', values.LIST(many))
    .key('fields that expire', values.HASH_METADATA([['token', 'v', 4_070_908_800_000n]]))
    .end();
}

async function written(...files: [name: string, rdb: string, maxLineBytes?: number][]): Promise<void> {
  for (const [name, rdb, maxLineBytes] of files) {
    const report = await decode({ files: [rdb], output: await openOutput(join(folder, name)), maxLineBytes });
    expect(report.outcome).toBe('complete');
  }
}

const text = (name: string): Buffer => readFileSync(join(folder, name));
const sizeOf = (line: Line): number => line.size as number;
const nameOf = ({ key }: Line): string => (typeof key === 'string' ? key : JSON.stringify(key));
const largest = () => keys.toSorted((a, b) => sizeOf(b) - sizeOf(a));

function counted<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

describe('DuckDB', () => {
  let database: DuckDBConnection;

  beforeAll(async () => {
    database = await (await DuckDBInstance.create(':memory:')).connect();
    await database.run(`SET file_search_path = '${folder}'`);
    await database.run(example('sql', '--', 'lines'));
    await database.run(example('sql', '--', 'keys'));
  });
  afterAll(() => database?.closeSync());

  type Row = Record<string, Json>;
  async function ask(name: string): Promise<Row[]> {
    return (await database.runAndReadAll(example('sql', '--', name))).getRowObjectsJson();
  }
  const query = async (sql: string): Promise<Row[]> => (await database.runAndReadAll(sql)).getRowObjectsJson();

  test('reads each line of all files, packed as they are, and each key once', async () => {
    expect(await query('SELECT count(*) AS lines FROM lines')).toEqual([{ lines: String(lines.length) }]);
    expect(await query('SELECT count(*) AS keys FROM keys')).toEqual([{ keys: '19998' }]);
    expect(keys).toHaveLength(19_998);
  });

  test("has the schema's properties as columns, in its order", async () => {
    const columns = await query("SELECT column_name FROM information_schema.columns WHERE table_name = 'lines'");
    expect(columns.map((row) => row.column_name)).toEqual(Object.keys(properties()));
  });

  test('each column holds what the lines say', async () => {
    const rows = await query("SELECT * FROM lines WHERE db = 7 OR type = 'aux'");
    const expected = lines.filter(({ db, type }) => db === 7 || type === 'aux');
    expect(rows).toHaveLength(expected.length);
    const seen = rows.map((row) => {
      const { db, key, type, encoding, expiry, size, elements, value, part, last } = row;
      const known = { db, type, encoding, last };
      const numbers = { expiry, size, elements, part };
      return {
        ...known,
        ...Object.fromEntries(
          Object.entries(numbers).map(([name, each]) => [name, each === null ? null : Number(each)]),
        ),
        key: JSON.parse(key as string),
        value: JSON.parse(value as string),
      };
    });
    const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    const told = expected.map(({ db = null, key, type, encoding = null, last = null, ...rest }) => {
      const { expiry, size = null, elements = null, part = null, value } = rest;
      return {
        db,
        type,
        encoding,
        last,
        expiry: expiry === undefined ? null : Number(expiry),
        size,
        elements,
        part,
        key,
        value,
      };
    });
    expect(seen.sort(byText)).toEqual(told.sort(byText));
    expect(await query("SELECT expiry FROM lines WHERE key ->> '$' LIKE 'in the year%'")).toEqual([
      { expiry: String(2n ** 53n) },
    ]);
  });

  test('what fills the file', async () => {
    const rows = await ask('prefixes');
    const counts = counted(
      keys.filter(({ key }) => typeof key === 'string').map(({ key }) => String(key).split(':')[0]),
    );
    expect(rows[0]).toEqual({
      prefix: 'page',
      keys: String(counts.get('page')),
      bytes: String(sum(keys.filter(({ key }) => String(key).startsWith('page:')).map(sizeOf))),
    });
    expect(rows.find(({ prefix }) => prefix === 'session')?.keys).toBe(String(counts.get('session')));
  });

  test('the largest keys', async () => {
    const rows = await ask('largest');
    expect(rows).toHaveLength(10);
    expect(rows.map(({ size }) => Number(size))).toEqual(largest().slice(0, 10).map(sizeOf));
    expect(rows[0]).toMatchObject({ db: 0, name: 'events', type: 'stream', elements: '1199' });
  });

  test('keys that expire, by day', async () => {
    const rows = await ask('expiring');
    const days = counted(
      keys
        .filter(({ expiry }) => typeof expiry === 'number')
        .map(({ expiry }) => new Date(expiry as number).toISOString().slice(0, 10)),
    );
    // A year that JavaScript has no date for, and DuckDB has.
    expect(rows.pop()).toMatchObject({ keys: '1' });
    expect(rows).toEqual([...days].sort().map(([day, count]) => ({ day, keys: String(count) })));
    expect(rows.length).toBeGreaterThan(20);
  });

  test('binary keys, and none that only look so', async () => {
    expect(await ask('binary')).toMatchObject([{ db: 7, key: 'FF0061', type: 'string' }]);
    const bytes = await query(`SELECT hex(bytes) AS bytes FROM keys WHERE name = '{"base64":"/wBh"}'`);
    expect(bytes).toEqual([{ bytes: Buffer.from('{"base64":"/wBh"}').toString('hex').toUpperCase() }]);
  });

  test('fields of hashes', async () => {
    const users = keys.filter(({ type, key }) => type === 'hash' && String(key).startsWith('user:'));
    const logins = users.map(({ value }) => Number((value as Record<string, string>).logins)).sort((a, b) => b - a);
    const rows = await ask('fields');
    expect(rows.map((row) => row.logins)).toEqual(logins.slice(0, 5));
    expect(rows.every(({ plan }) => ['free', 'pro', 'team'].includes(String(plan)))).toBe(true);
  });

  test('names of fields, of hashes in both shapes', async () => {
    const rows = await ask('names');
    expect(rows[0]).toEqual({ field: 'joined', hashes: '1500' });
    const all = await query(example('sql', '--', 'names').replace('LIMIT 5', ''));
    expect(all).toContainEqual({ field: 'token', hashes: '1' });
    expect(all).toContainEqual({ field: 'dark-mode', hashes: '1' });
  });

  test('members of sorted sets, with scores that JSON has no number for', async () => {
    const rows = await ask('members');
    expect(rows.slice(0, 2)).toEqual([
      { name: 'leaderboard:inf', member: 'winner', score: 'Infinity' },
      { name: 'leaderboard:inf', member: 'second', score: 1e300 },
    ]);
    expect(rows[2]?.score).toBe(largestScore());
  });

  test('what is pending in a stream', async () => {
    const rows = await ask('pending');
    expect(rows).toEqual([
      { name: 'events', group: 'billing', consumer: 'worker-2', pending: '40' },
      { name: 'events', group: 'billing', consumer: 'worker-1', pending: '0' },
      { name: 'events', group: 'billing', consumer: 'worker-3', pending: '0' },
    ]);
  });

  test('no example is left out', () => {
    const names = page
      .filter(({ language, text: sql }) => language === 'sql' && !sql.startsWith('-- athena\n'))
      .map(({ text: sql }) => /^-- (\w+)\n/.exec(sql)?.[1]);
    const asked = [
      'lines',
      'keys',
      'prefixes',
      'largest',
      'expiring',
      'binary',
      'fields',
      'names',
      'members',
      'pending',
    ];
    expect(names).toEqual(asked);
  });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function largestScore(): number {
  const boards = keys.filter(({ db, key }) => db === 0 && String(key).startsWith('leaderboard:'));
  return Math.max(...boards.flatMap(({ value }) => (value as { score: number }[]).map(({ score }) => score)));
}

const jqLacks = spawnSync('jq', ['--version']).status === 0 ? '' : ' [skipped: no jq here]';

describe.skipIf(jqLacks !== '')(`jq${jqLacks}`, () => {
  /** The words of each line that the example writes. */
  function ask(name: string): string[][] {
    const { stdout, stderr } = spawnSync('bash', ['-c', example('sh', '#', name)], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
  }

  test('keys of each type', () => {
    const types = [...counted(keys.map(({ type }) => type))].map(([type, count]) => [String(count), type]);
    expect(ask('types').sort()).toEqual(types.sort());
  });

  test('the largest keys', () => {
    expect(ask('largest').map(([size]) => Number(size))).toEqual(largest().slice(0, 10).map(sizeOf));
  });

  test('keys that expire within a day', () => {
    const limit = 4_070_908_800_000 + 86_400_000;
    const expected = keys.filter(({ expiry }) => typeof expiry === 'number' && expiry < limit);
    expect(ask('expiring').map(([key]) => key)).toEqual(expected.map(nameOf));
    expect(expected.length).toBeGreaterThan(600);
  });

  test("a hash's field", () => {
    const user = keys.find(({ key }) => key === 'user:1')?.value as { name: string };
    expect(ask('field').map((words) => words.join(' '))).toEqual([user.name]);
  });

  test('binary keys', () => {
    expect(ask('binary')).toEqual([['ff', '00', '61']]);
  });
});

function properties(): Record<string, { type?: string; $ref?: string; const?: unknown; enum?: unknown[] }> {
  return JSON.parse(read('docs/keyferry-lines.schema.json')).properties;
}

test("Athena's table has the schema's properties as columns, in its order, of types that hold them", () => {
  const [table = ''] = page
    .filter(({ text: sql }) => sql.includes('CREATE EXTERNAL TABLE'))
    .map(({ text: sql }) => sql);
  const columns = [...table.matchAll(/^ {2}`(\w+)` (\w+),?$/gm)].map(([, name, type]) => [name, type]);
  const types = Object.entries(properties()).map(([name, { type, $ref, const: constant }]) => {
    if (name === 'db' || name === 'freq') return [name, 'int'];
    if (constant === true) return [name, 'boolean'];
    const isNumber = type === 'integer' || $ref === '#/$defs/count' || $ref === '#/$defs/signed';
    return [name, isNumber ? 'bigint' : 'string'];
  });
  expect(columns).toEqual(types);
  expect(table).toContain("ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'");
  expect(table).toContain("'case.insensitive' = 'false'");
});
