import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type DecodeOptions, type DecodeReport, decode } from '../../lib/jobs/decode.ts';
import { openOutput, StreamOutput } from '../../lib/storage/output.ts';
import { temporaryFolder } from '../support/folder.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const sample = join(import.meta.dirname, '..', 'fixtures', 'sample.rdb');

interface Line {
  db?: number;
  key: string;
  type: string;
  value?: unknown;
  part?: number;
  last?: boolean;
}

/** Decodes into a file and gives its lines. */
async function lines(
  files: string | string[],
  options: Partial<DecodeOptions> & { name?: string } = {},
): Promise<{ report: DecodeReport; lines: Line[]; path: string }> {
  const { name = 'out.jsonl', ...rest } = options;
  const folder = temporaryFolder();
  const path = join(folder, name);
  const output = await openOutput(path);
  const report = await decode({ files: [files].flat(), output, workDir: folder, ...rest });
  const written = existsSync(path) ? path : `${path}.partial`;
  const bytes = readFileSync(written);
  const text = name.endsWith('.gz') ? gunzipSync(bytes) : name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
  return { report, lines: text.toString().split('\n').slice(0, -1).map(parse), path };
}

const parse = (line: string): Line => JSON.parse(line) as Line;

describe('a whole file', () => {
  test('has a line for each key, and for what is no key', async () => {
    const decoded = await lines(sample);
    expect(decoded.report).toMatchObject({ outcome: 'complete', keys: 19_992, filtered: 0, damaged: [] });
    expect(decoded.lines.filter(({ db }) => db !== undefined)).toHaveLength(19_992);
    expect(decoded.lines.filter(({ type }) => type === 'function').map(({ key }) => key)).toEqual(['site']);
    expect(decoded.lines.find(({ key }) => key === 'redis-ver')).toEqual({
      type: 'aux',
      key: 'redis-ver',
      value: '7.0.15',
    });
    expect(decoded.lines).toHaveLength(decoded.report.lines);
    expect(existsSync(`${decoded.path}.partial`)).toBe(false);
  });

  test.each(['out.jsonl.gz', 'out.jsonl.zst'])('is packed as the name %s says', async (name) => {
    const decoded = await lines(sample, { name });
    expect(decoded.lines).toHaveLength(decoded.report.lines);
  });

  test('may come packed', async () => {
    const path = join(temporaryFolder(), 'sample.rdb.gz');
    writeFileSync(path, gzipSync(readFileSync(sample)));
    expect((await lines(path)).report).toMatchObject({ outcome: 'complete', keys: 19_992 });
  });

  test('is cut down by the same rules as a restore', async () => {
    const decoded = await lines(sample, { filter: { dbs: [1], kinds: ['string'] }, keysOnly: true });
    const keys = decoded.lines.filter(({ db }) => db !== undefined);
    expect(keys.length + decoded.report.filtered).toBe(19_992);
    expect(keys.every(({ db, type, value }) => db === 1 && type === 'string' && value === undefined)).toBe(true);
  });

  test('goes on in parts where a value is longer than a line, and loses nothing by it', async () => {
    const whole = await lines(sample);
    const cut = await lines(sample, { maxLineBytes: 1024 });
    const stream = (from: Line[]) => from.filter(({ type }) => type === 'stream');
    const parts = stream(cut.lines);
    expect(parts.length).toBeGreaterThan(10);
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, i) => i + 1));
    expect(parts.map(({ last }) => last === true)).toEqual(parts.map((_, i) => i === parts.length - 1));
    const entries = (from: Line[]) => from.flatMap(({ value }) => (value as { entries: unknown[] }).entries ?? []);
    expect(entries(parts)).toEqual(entries(stream(whole.lines)));
  });

  test('a value that a block does not hold is whole too', async () => {
    const long = 'x'.repeat(3_000_000);
    const path = join(temporaryFolder(), 'long.rdb');
    const rdb = new RdbFileBuilder('REDIS0010').selectDb(0).key('before', values.STRING('1'));
    writeFileSync(path, rdb.key('long', values.STRING(long)).key('after', values.STRING('2')).end());
    const whole = await lines(path);
    expect(whole.lines.map(({ key, value }) => [key, (value as string).length])).toEqual([
      ['before', 1],
      ['long', long.length],
      ['after', 1],
    ]);
    const cut = await lines(path, { maxLineBytes: 100_000 });
    const texts = cut.lines.filter(({ key }) => key === 'long').map(({ value }) => value as string);
    expect(texts.length).toBeGreaterThan(20);
    expect(texts.join('')).toBe(long);
    expect(cut.report.keys).toBe(3);
  });
});

describe('a damaged file', () => {
  const bytes = readFileSync(sample);

  function damaged(change: (copy: Buffer) => Buffer): string {
    const path = join(temporaryFolder(), 'damaged.rdb');
    writeFileSync(path, change(Buffer.from(bytes)));
    return path;
  }

  test('gives all lines before the damage, under a name that says that there should be more', async () => {
    const cut = await lines(damaged((copy) => copy.subarray(0, 400_000)));
    expect(cut.report).toMatchObject({ outcome: 'stopped', error: { code: 'RDB_TRUNCATED' } });
    expect(existsSync(cut.path)).toBe(false);
    expect(existsSync(`${cut.path}.partial`)).toBe(true);
    const whole = await lines(sample);
    expect(cut.lines.length).toBeGreaterThan(5000);
    expect(cut.lines).toEqual(whole.lines.slice(0, cut.lines.length));
  });

  test('is no whole result either when only its checksum is wrong', async () => {
    const path = damaged((copy) => {
      copy.writeUInt8((copy.at(-1) as number) ^ 1, copy.length - 1);
      return copy;
    });
    const wrong = await lines(path, { name: 'out.jsonl.zst' });
    expect(wrong.report.error?.code).toBe('RDB_CHECKSUM');
    expect(wrong.lines).toHaveLength((await lines(sample)).lines.length);
    expect(existsSync(wrong.path)).toBe(false);
  });

  test('whose one value is broken inside goes on behind it when told to, and names the key', async () => {
    const path = join(temporaryFolder(), 'inside.rdb');
    const listpack = Buffer.from(values.HASH_LISTPACK([['f', 'v']]).value);
    listpack[3] = (listpack[3] as number) ^ 0xff;
    const rdb = new RdbFileBuilder('REDIS0010').selectDb(3).key('a', values.STRING('1'));
    const broken = { ...values.HASH_LISTPACK([['f', 'v']]), value: listpack };
    writeFileSync(path, rdb.key('broken', broken).key('z', values.STRING('2')).end());
    const stopped = await lines(path);
    expect(stopped.report.error?.describe()).toMatch(/^RDB_LISTPACK at byte \d+ \(db 3, key "broken"\).*--salvage/s);
    expect(stopped.lines.map(({ key }) => key)).toEqual(['a']);
    const salvaged = await lines(path, { salvage: true });
    expect(salvaged.report).toMatchObject({ outcome: 'partial', keys: 2, damaged: [{ db: 3, code: 'RDB_LISTPACK' }] });
    expect(salvaged.lines.map(({ key }) => key)).toEqual(['a', 'z']);
  });
});

test('a reader who has read enough ends the job, and is no failure', async () => {
  const stream = new Writable({
    write: (_bytes, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const report = await decode({ files: [sample], output: new StreamOutput(stream) });
  expect(report).toMatchObject({ outcome: 'interrupted', error: undefined });
});
