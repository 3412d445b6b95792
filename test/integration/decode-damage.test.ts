// Damaged files through decode: all lines before the damage, a named error with its place, and never a result that looks
// whole. No hang, no other error, no memory taken on a forged length's word.
//
// Every figure below is a sample by default; `KEYFERRY_RUNS=full` takes more.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corpusLacks } from '../support/corpus.ts';
import type { DecodeDamageOrder, DecodeDamageResult } from '../support/decode-damage-run.ts';
import { decodeFile, parseLines } from '../support/decode-run.ts';
import { runs, seedOr } from '../support/random.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { filledFile, WorkFolder } from '../support/restore-run.ts';
import { anyServer } from '../support/servers.ts';
import { runWatched } from '../support/watched-process.ts';

const SEED = seedOr(20_261_123);
const MIB = 1024 * 1024;
const SCRIPT = fileURLToPath(new URL('../support/decode-damage-run.ts', import.meta.url));
const KEYFERRY = fileURLToPath(new URL('../../cli/keyferry.ts', import.meta.url));
const sample = fileURLToPath(new URL('../fixtures/sample.rdb', import.meta.url));

const hasCorpus = corpusLacks === '';
/** Bytes up to which a file is cut at every one of them. */
const SMALL_BYTES = runs(100, 600);
const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

let served: string;
beforeAll(async () => {
  served = await filledFile(work.file('served.rdb'), anyServer(), { seed: SEED, scale: 0.1 });
});

function damaged(kind: DecodeDamageOrder['kind'], count: number): Promise<DecodeDamageResult> {
  const folder = work.folder();
  const order: DecodeDamageOrder = { kind, seed: SEED, count, smallBytes: SMALL_BYTES, folder, files: [served] };
  return runWatched(SCRIPT, order);
}

function expectHarmless(result: DecodeDamageResult): void {
  expect(result.failures).toEqual([]);
  expect(result.largestBuffer, 'the largest buffer that anybody asked for').toBeLessThan(16 * MIB);
  expect(result.grownBytes, 'growth of the process').toBeLessThan(64 * MIB);
  expect(result.slowest.ms, result.slowest.case).toBeLessThan(5000);
}

test('files that end too early, small ones at every byte: the lines of all records that are whole', async () => {
  const count = runs(100, 10_000);
  const result = await damaged('truncated', count);
  expectHarmless(result);
  expect(result.cases).toBeGreaterThan(count + (hasCorpus ? 300 : 100));
  const { RDB_TRUNCATED = 0, INPUT_EMPTY = 0, ...others } = result.verdicts;
  // Of some bytes nobody can say that they were the beginning of an RDB.
  expect(Object.keys(others)).toEqual(['INPUT_NOT_RDB']);
  expect(RDB_TRUNCATED).toBeGreaterThan((hasCorpus ? 0.9 : 0.8) * result.cases);
  expect(INPUT_EMPTY).toBeGreaterThan(0);
});

/** What the damage must have led to, or the test has not reached what it is for. */
const STRUCTURE = ['RDB_OPCODE', 'RDB_TRUNCATED', 'RDB_CHECKSUM', 'complete'];
/** Few but the corpus's files have ziplists: Redis 7.0 writes none any more. */
const OLD = hasCorpus ? ['RDB_ZIPLIST'] : [];
const CONTENT = ['RDB_LZF', 'RDB_LISTPACK', 'RDB_VALUE', ...OLD];
/** What rarer damage leads to, in as many cases as that. */
const MANY = 2000;
const RARE_STRUCTURE = ['RDB_LENGTH', 'RDB_STRING'];
const RARE_CONTENT = ['RDB_STREAM'];

/** Enough cases to reach the first of each; the corpus brings some of it in more files. */
const SAMPLE = hasCorpus ? 250 : 1500;

test.each(['flipped', 'forged'] as const)('%s: with the checksum as it was, repaired, and disabled', async (kind) => {
  const count = runs(SAMPLE, 10_000);
  const result = await damaged(kind, count);
  expectHarmless(result);
  expect(result.cases).toBe(count);
  if (count < SAMPLE) return;
  const [structure, content] = count < MANY ? [[], []] : [RARE_STRUCTURE, RARE_CONTENT];
  expect(Object.keys(result.verdicts), `seed ${SEED}`).toEqual(expect.arrayContaining([...STRUCTURE, ...structure]));
  expect(Object.keys(result.salvaged), `seed ${SEED}`).toEqual(expect.arrayContaining([...CONTENT, ...content]));
});

describe('values too large to be held', () => {
  const long = Array.from({ length: 60_000 }, (_, i) => `member number ${i}`);

  /** A large value, damaged where `damage` says, between two small ones; the checksum is right. */
  function fileWith(damage: (value: Buffer) => void): string {
    const large = values.LIST_QUICKLIST_2([long.slice(0, 30_000), long.slice(30_000)]);
    const value = Buffer.from(large.value);
    damage(value);
    const path = work.file('large.rdb');
    const rdb = new RdbFileBuilder('REDIS0011').selectDb(0).key('before', values.STRING('1'));
    writeFileSync(
      path,
      rdb
        .key('large', { ...large, value })
        .key('after', values.STRING('2'))
        .end(),
    );
    return path;
  }

  const options = { maxLineBytes: 50_000 };
  const namesOf = (text: Buffer) => [...new Set(parseLines(text).map(({ key }) => key))];

  test('have no last line where they are damaged, and are left out of what is salvaged by that mark', async () => {
    // An element's encoding, far behind what fits into one line.
    const path = fileWith((value) => value.fill(0xff, value.length - 1000, value.length - 980));
    const stopped = await decodeFile(path, options);
    expect(stopped.report.error?.describe()).toMatch(/^RDB_LISTPACK at byte [\d,]+ .*key "large"/);
    expect(stopped.end).toBe('left');
    expect(namesOf(stopped.text)).toEqual(['before', 'large']);
    const { report, text, end } = await decodeFile(path, { ...options, salvage: true });
    expect({ outcome: report.outcome, end }).toEqual({ outcome: 'partial', end: 'committed' });
    expect(report.damaged.map(({ key }) => key?.toString())).toEqual(['large']);
    const parts = parseLines(text).filter(({ key }) => key === 'large');
    expect(parts.length).toBeGreaterThan(10);
    expect(parts.some(({ last }) => last)).toBe(false);
    expect(namesOf(text)).toEqual(['before', 'large', 'after']);
  });

  test('end where the file ends', async () => {
    const path = fileWith(() => undefined);
    writeFileSync(path, readFileSync(path).subarray(0, 400_000));
    const { report, text } = await decodeFile(path, options);
    expect(report.error?.code).toBe('RDB_TRUNCATED');
    expect(namesOf(text)).toEqual(['before']);
  });
});

describe('a packed file that is damaged', () => {
  const bytes = readFileSync(sample);
  test.each([
    ['gz', 'cut', gzipSync(bytes).subarray(0, 200_000)],
    ['zst', 'cut', zstdCompressSync(bytes).subarray(0, 200_000)],
    ['gz', 'flipped', flipped(gzipSync(bytes), 200_000)],
    ['zst', 'flipped', flipped(zstdCompressSync(bytes), 200_000)],
    ['gz', 'whole, but of an RDB that is cut', gzipSync(bytes.subarray(0, 400_000))],
  ])('%s, %s: a named error, and an output that is not whole', async (ending, _, packed) => {
    const path = work.file(`packed.rdb.${ending}`);
    writeFileSync(path, packed);
    const { report, text, end } = await decodeFile(path, { workDir: work.folder() });
    expect(report).toMatchObject({
      outcome: 'stopped',
      error: { code: expect.stringMatching(/^(INPUT|RDB)_[A-Z_]+$/) },
    });
    expect(end).toBe('left');
    parseLines(text);
  });

  function flipped(packed: Buffer, at: number): Buffer {
    packed[at] = (packed[at] as number) ^ 0x10;
    return packed;
  }
});

describe('in a terminal', () => {
  const execute = promisify((args: string[], done: (error: null, result: { code: number; stderr: string }) => void) => {
    const child = spawn(process.execPath, [KEYFERRY, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.once('close', (code) => done(null, { code: code ?? -1, stderr }));
  });

  test('the output has all lines before the cut, under another name', async () => {
    const folder = work.folder();
    const [file, out] = [join(folder, 'cut.rdb'), join(folder, 'out.jsonl.zst')];
    writeFileSync(file, readFileSync(sample).subarray(0, 300_000));
    const { code, stderr } = await execute(['decode', file, '-o', out, '--quiet']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^RDB_TRUNCATED at byte [\d,]+ of 300,000 \(db 0, (?:after )?key "[^"]+"\)/);
    expect(stderr).toContain(`${out}.partial`);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(out)).toBe(false);
    const text = zstdDecompressSync(readFileSync(`${out}.partial`));
    const whole = await decodeFile(sample);
    expect(parseLines(text).length).toBeGreaterThan(5000);
    expect(whole.text.subarray(0, text.length).equals(text)).toBe(true);
  });

  test('an output that stood there before stays as it was', async () => {
    const folder = work.folder();
    const [file, out] = [join(folder, 'no.rdb'), join(folder, 'out.jsonl')];
    writeFileSync(file, 'REDIS0011 and nothing that follows from it');
    writeFileSync(out, 'from before\n');
    const { code, stderr } = await execute(['decode', file, '-o', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^RDB_TRUNCATED at byte 10 of 42/m);
    expect(readFileSync(out, 'utf8')).toBe('from before\n');
  });
});
