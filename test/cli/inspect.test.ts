// `keyferry inspect`: what it shows, what it writes, and how it ends.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { columnsOf } from '../../cli/format.ts';
import { renderInspection } from '../../cli/inspect-view.ts';
import { run } from '../../cli/main.ts';
import { plainStyle } from '../../cli/style.ts';
import { inspect } from '../../lib/jobs/inspect.ts';
import type { InspectReport } from '../../lib/targets/inspect/report.ts';
import { temporaryFolder } from '../support/folder.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { type FakeIo, fakeIo } from './fake-io.ts';

const sample = join(import.meta.dirname, '..', 'fixtures', 'sample.rdb');
const NOW = '2026-11-23T00:00:00Z';

async function keyferry(
  words: string[],
  options: Parameters<typeof fakeIo>[1] = {},
): Promise<{ code: number; io: FakeIo }> {
  const io = fakeIo(['inspect', ...words], options);
  return { code: await run(io), io };
}

function damaged(): string {
  const path = join(temporaryFolder(), 'dump.rdb');
  const bytes = new RdbFileBuilder()
    .key('user:1', values.STRING('x'))
    .key('user:2', values.LIST(['x', 'y']))
    .end();
  writeFileSync(path, bytes.subarray(0, bytes.length - 12));
  return path;
}

describe('on the screen', () => {
  test('stand totals, types, databases, prefixes, times to live, sizes and big keys', async () => {
    const { code, io } = await keyferry([sample, '--now', NOW], { env: { LANG: 'C.UTF-8' } });
    expect(code).toBe(0);
    const shown = io.out();
    expect(shown).toMatch(/^ {2}keys +19,992, 31% with an expiry$/m);
    expect(shown).toMatch(/^ {2}written by +Redis 7\.0\.15, 2026-\d\d-\d\d [\d:]+ UTC, used_memory 4\.03 MB$/m);
    expect(shown).toMatch(/^ {2}in memory +about 2\.25 MB: 1\.98 MB of keys, \d+ kB of tables$/m);
    expect(shown).toMatch(/^ {2}string +16\.7k +463 kB +1\.30 MB +66% {2}█{10}[▏▎▍▌▋▊▉]?$/m);
    expect(shown).toMatch(/^ {2}db 1 +601 /m);
    expect(shown).toMatch(/^ {2}page: +10\.5k /m);
    expect(shown).toMatch(/^ {2}no expiry +13\.8k /m);
    expect(shown).toMatch(/^ {2}key length +16 B/m);
    expect(shown).toMatch(/^ {2}0: events +stream +1\.20k /m);
    expect(shown).not.toContain('\x1b');
  });

  test('bars are of plain characters where the terminal has no others; colour only on a terminal that wants it', async () => {
    const plain = await keyferry([sample], { env: { LANG: 'C' } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing beyond ASCII is what this looks for
    expect(plain.io.out()).toMatch(/^[\u0000-\u007f]*$/);
    expect(plain.io.out()).toMatch(/#{10}/);
    expect((await keyferry([sample], { tty: true, env: {} })).io.out()).toContain('\x1b[');
    expect((await keyferry([sample], { tty: true, env: { NO_COLOR: '1' } })).io.out()).not.toContain('\x1b[');
  });

  test('no line is wider than the terminal, and names steer nothing', async () => {
    const path = join(temporaryFolder(), 'dump.rdb');
    const evil = `evil\x1b[2J\u202e:${'long'.repeat(60)}`;
    const wide = `用户:${'名'.repeat(80)}`;
    const builder = new RdbFileBuilder();
    for (const name of [evil, wide, `${'deep:'.repeat(40)}x`]) builder.key(name, values.STRING('v'));
    writeFileSync(path, builder.end());
    const { report } = await inspect({ files: [path] });
    // The file's own name is as long as it is.
    const shown = { ...report, files: report.files.map((file) => ({ ...file, name: 'dump.rdb' })) };
    for (const columns of [60, 80, 132]) {
      const text = renderInspection(shown, columns, { style: plainStyle, unicode: true });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
      for (const line of text.split('\n')) expect(columnsOf(line), line).toBeLessThanOrEqual(columns);
    }
  });

  test('an empty file is no failure', async () => {
    const path = join(temporaryFolder(), 'empty.rdb');
    writeFileSync(path, new RdbFileBuilder().end());
    const { code, io } = await keyferry([path]);
    expect(code).toBe(0);
    expect(io.out()).toMatch(/^ {2}keys +0$/m);
  });
});

describe('for machines', () => {
  test('--json is one object, the same as --report writes', async () => {
    const path = join(temporaryFolder(), 'report.json');
    const { code, io } = await keyferry([
      sample,
      '--json',
      '--report',
      path,
      '--now',
      NOW,
      '--shards',
      '3',
      '--top',
      '5',
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(io.out()) as InspectReport & { exitCode: number };
    expect(report).toMatchObject({
      format: 1,
      exitCode: 0,
      error: null,
      now: Date.parse(NOW),
      totals: { keys: 19_992 },
    });
    expect(report.slots.shards).toHaveLength(3);
    expect(report.bigKeys.byBytes).toHaveLength(5);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(report);
  });

  test('--csv has a row for each prefix, quoted as RFC 4180 says; rows of a level sum up to what is above them', async () => {
    const folder = temporaryFolder();
    const dump = join(folder, 'dump.rdb');
    const names = ['a"b,c:1', 'a"b,c:2', 'x:y:1', 'x:z:1'];
    const builder = new RdbFileBuilder();
    for (const name of names) builder.key(name, values.STRING('v'));
    writeFileSync(dump, builder.end());
    expect((await keyferry([dump, '--csv', join(folder, 'out.csv'), '--quiet'])).code).toBe(0);
    const rows = readFileSync(join(folder, 'out.csv'), 'utf8').split('\r\n').slice(0, -1);
    expect(rows[0]).toBe('level,prefix,keys,bytes,memory,expiring');
    expect(rows.slice(1).map((row) => row.split(/,(?=\d+,\d+,\d+,\d+$)/)[0])).toEqual([
      '0,""',
      '1,"a""b,c:"',
      '1,"x:"',
      '2,"x:y:"',
      '2,"x:z:"',
    ]);
    expect(rows.slice(1).map((row) => Number(/,(\d+),\d+,\d+,\d+$/.exec(row)?.[1]))).toEqual([4, 2, 2, 1, 1]);
  });

  test('--hash-keys leaves no key in any output', async () => {
    const folder = temporaryFolder();
    const out = (name: string) => join(folder, name);
    const words = [sample, '--hash-keys', '--csv', out('a.csv'), '--report', out('a.json')];
    const { io } = await keyferry(words);
    const all = [io.out(), readFileSync(out('a.csv'), 'utf8'), readFileSync(out('a.json'), 'utf8')].join('\n');
    expect(all).not.toMatch(/page:|session:|leaderboard|events|visitors|"site"/);
    expect(all).toMatch(/#[0-9a-f]{16}:/);
  });
});

describe('damage', () => {
  test('shows what came before, marked, the error on standard error, and exit code 2', async () => {
    const { code, io } = await keyferry([damaged()]);
    expect(code).toBe(2);
    expect(io.out()).toContain('Not all was read (RDB_TRUNCATED)');
    expect(io.out()).toMatch(/^ {2}keys +1,/m);
    expect(io.err()).toContain('RDB_TRUNCATED at byte');
    expect(io.err()).toContain('user:2');
  });

  test('in JSON it is marked too, with the error as all commands tell it', async () => {
    const { code, io } = await keyferry([damaged(), '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(io.out())).toMatchObject({
      incomplete: true,
      exitCode: 2,
      error: { code: 'RDB_TRUNCATED', key: 'user:2' },
      totals: { keys: 1 },
    });
  });

  test('hashed keys stay unnamed in errors', async () => {
    const { io } = await keyferry([damaged(), '--hash-keys']);
    expect(io.out() + io.err()).not.toContain('user');
  });

  test('a report that would overwrite something else is refused before anything is read', async () => {
    const { code, io } = await keyferry([sample, '--report', sample]);
    expect(code).toBe(1);
    expect(io.err()).toContain('REPORT_OCCUPIED');
    for (const option of ['--html', '--csv']) {
      const before = readFileSync(sample);
      const refused = await keyferry([sample, option, sample]);
      expect(refused.code).toBe(1);
      expect(refused.io.err()).toContain('OUTPUT_IS_INPUT');
      expect(readFileSync(sample).equals(before)).toBe(true);
      expect(existsSync(`${sample}.partial`)).toBe(false);
    }
  });
});

test.each([
  [['--now', 'yesterday'], 'is not a moment'],
  [['--separator', 'é'], 'is more than ASCII'],
  [['--memory-of', 'redis-1.0'], 'Choose one of redis-6.0'],
  [['--allocator', 'mimalloc'], 'Choose one of jemalloc'],
  [['--top', '0'], 'is not a number from 1'],
])('a wrong option is named: %j', async (words, told) => {
  const { code, io } = await keyferry([sample, ...words]);
  expect(code).toBe(1);
  expect(io.err()).toContain(told);
});
