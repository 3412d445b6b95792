import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DecodeOptions, type DecodeReport, decode } from '../../lib/jobs/decode.ts';
import type { Output } from '../../lib/storage/output.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const sample = join(import.meta.dirname, '..', 'fixtures', 'sample.rdb');

class Collected implements Output {
  readonly pieces: Buffer[] = [];
  end: 'commit' | 'leave' | undefined;

  async write(bytes: Buffer): Promise<void> {
    this.pieces.push(Buffer.from(bytes));
  }

  async commit(): Promise<void> {
    this.end = 'commit';
  }

  async leave(): Promise<void> {
    this.end = 'leave';
  }
}

async function decoded(
  path: string,
  threads: number,
  options: Partial<DecodeOptions> = {},
): Promise<{ report: Omit<DecodeReport, 'seconds'>; text: Buffer; end: string | undefined }> {
  const output = new Collected();
  const { seconds: _, ...report } = await decode({ ...options, files: [path], output, threads });
  return { report, text: Buffer.concat(output.pieces), end: output.end };
}

/** The same with one thread and with three: every byte, every count, every error. */
async function same(path: string, options: Partial<DecodeOptions> = {}) {
  const alone = await decoded(path, 1, options);
  const threaded = await decoded(path, 3, options);
  expect(threaded.text.equals(alone.text)).toBe(true);
  expect(threaded.end).toBe(alone.end);
  const { error, ...report } = alone.report;
  const { error: threadedError, ...threadedReport } = threaded.report;
  expect(threadedReport).toEqual(report);
  expect(threadedError?.describe()).toBe(error?.describe());
  expect(threadedError?.constructor).toBe(error?.constructor);
  return alone;
}

function file(bytes: Buffer): string {
  const path = join(temporaryFolder(), 'made.rdb');
  writeFileSync(path, bytes);
  return path;
}

/** Larger than a segment, with all that an index has to carry: attributes, databases, records that are no keys. */
function manifold(): Buffer {
  const rdb = new RdbFileBuilder('REDIS0011').aux('redis-ver', '7.2.4').aux('binary', Buffer.from([0xff, 0]));
  for (let db = 0; db < 4; db++) {
    rdb.selectDb(db);
    for (let i = 0; i < 4000; i++) {
      const name = `key:${db}:${i}`;
      if (i % 7 === 0) rdb.expireMs(4_102_444_800_000 + i).key(name, values.STRING(`v${i}`));
      else if (i % 11 === 0) rdb.idle(i).key(name, values.STRING('x'.repeat(i)));
      else if (i % 13 === 0) rdb.freq(i % 256).key(name, values.HASH_LISTPACK([['f', `${i}`]]));
      else if (i % 1999 === 0) rdb.key(name, values.STRING('y'.repeat(2_500_000)));
      else rdb.key(name, values.STRING(`${i}`));
    }
    rdb.aux(`between-${db}`, 'dbs');
  }
  return rdb
    .expireMs(2n ** 62n + 1n)
    .key('far', values.STRING('1'))
    .end();
}

describe('several threads write what one writes', () => {
  test('of a real file', async () => {
    const { report } = await same(sample);
    expect(report).toMatchObject({ outcome: 'complete', keys: 19_992 });
  });

  test('of attributes, databases, records that are no keys, and values larger than a segment', async () => {
    const { text, report } = await same(file(manifold()));
    expect(report.keys).toBe(16_001);
    expect(text.toString()).toContain('"expiry":"4611686018427387905"');
    expect(text.toString()).toContain('{"type":"aux","key":"between-3","value":"dbs"}');
  });

  test('with filters, without values, and in short lines', async () => {
    const path = file(manifold());
    const filtered = await same(path, { filter: { dbs: [1, 2], match: ['key:?:1*'], kinds: ['string'] } });
    expect(filtered.report.filtered).toBeGreaterThan(8000);
    await same(path, { noValue: true });
    await same(path, { keysOnly: true });
    expect((await same(path, { maxLineBytes: 2000 })).text.toString()).toContain('"part":3');
  });
});

describe('several threads tell damage as one does', () => {
  test('whatever byte of a file is hit, and wherever it is cut', async () => {
    const seed = seedOr(20_261_130);
    const random = new Random(seed);
    const whole = readFileSync(sample);
    for (let run = 0; run < runs(6, 100); run++) {
      const bytes = Buffer.from(whole);
      if (run % 2 === 0) bytes.writeUInt8(random.int(0, 255), random.int(9, bytes.length - 1));
      const path = file(run % 3 === 0 ? bytes.subarray(0, random.int(9, bytes.length - 1)) : bytes);
      await same(path, { salvage: run % 4 === 1 });
    }
  });

  test('of a value inside, before damage that a scan finds', async () => {
    const listpack = Buffer.from(values.HASH_LISTPACK([['f', 'v']]).value);
    listpack[3] = (listpack[3] as number) ^ 0xff;
    const rdb = new RdbFileBuilder('REDIS0010').selectDb(3).key('a', values.STRING('1'));
    rdb.key('broken', { ...values.HASH_LISTPACK([['f', 'v']]), value: listpack });
    for (let i = 0; i < 100; i++) rdb.key(`z${i}`, values.STRING('z'.repeat(50_000)));
    const bytes = rdb.end();
    const path = file(bytes.subarray(0, bytes.length - 60_000));
    const stopped = await same(path);
    expect(stopped.report.error?.describe()).toMatch(/^RDB_LISTPACK at byte \d+ \(db 3, key "broken"\)/);
    expect(stopped.text.toString()).toContain('"key":"a"');
    const salvaged = await same(path, { salvage: true });
    expect(salvaged.report).toMatchObject({
      outcome: 'stopped',
      damaged: [{ db: 3 }],
      error: { code: 'RDB_TRUNCATED' },
    });
  });
});

test('threads stop when the job is told to', async () => {
  const stop = new AbortController();
  const output = new Collected();
  output.write = async () => stop.abort(); // in the middle
  const report = await decode({ files: [file(manifold())], output, threads: 2, signal: stop.signal });
  expect(report).toMatchObject({ outcome: 'interrupted', error: { code: 'INTERRUPTED' } });
  expect(output.end).toBe('leave');
});

test('a writer that fails ends all threads, and its failure is told', async () => {
  const output = new Collected();
  output.write = async () => {
    throw new Error('no more');
  };
  await expect(decode({ files: [file(manifold())], output, threads: 2 })).rejects.toThrow('no more');
});
