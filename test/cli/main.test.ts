import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../cli/main.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { type FakeIo, fakeIo } from './fake-io.ts';

let folder: string;
let dump: string;
const rdb = new RdbFileBuilder()
  .aux('redis-ver', '7.2.4')
  .selectDb(0)
  .key('a', values.STRING('1'))
  .key('b', values.STRING('2'))
  .end();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-cli-'));
  dump = join(folder, 'dump.rdb');
  writeFileSync(dump, rdb);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function keyferry(...words: string[]): Promise<{ code: number; io: FakeIo }> {
  const io = fakeIo(words);
  return { code: await run(io), io };
}

describe('usage', () => {
  test('without a command there is help, and exit code 1', async () => {
    const { code, io } = await keyferry();
    expect(code).toBe(1);
    expect(io.err()).toContain('Usage: keyferry COMMAND');
  });

  test('the version alone', async () => {
    const { code, io } = await keyferry('--version');
    expect(code).toBe(0);
    expect(io.out()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [
      ['restore', 'a.rdb', '--too', 'redis://h'],
      "unknown option '--too' (Did you mean --to?)",
      'keyferry restore --help',
    ],
    [['restore', 'a.rdb', '--to'], "option '--to <URL>' argument missing", 'keyferry restore --help'],
    [['restor', 'a.rdb'], "unknown command 'restor' (Did you mean restore?)", 'keyferry --help'],
    [['dump.rdb'], "unknown command 'dump.rdb'", 'keyferry restore dump.rdb --to URL'],
    [['restore', 'a.rdb', '--rate', 'fast'], 'OPTION_INVALID at --rate', 'Write bytes a second'],
    [['restore', 'a.rdb'], 'TO_MISSING', '--to redis://127.0.0.1:6379'],
  ])('%j ends with 1 and says what to write', async (words, what, remedy) => {
    const { code, io } = await keyferry(...words);
    expect(code).toBe(1);
    expect(io.err()).toContain(what);
    expect(io.err()).toContain(remedy);
    expect(io.out()).toBe('');
  });

  test('with --json a wrong command line is JSON too', async () => {
    const { code, io } = await keyferry('restore', 'a.rdb', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(io.out())).toMatchObject({ outcome: 'stopped', exitCode: 1, error: { code: 'TO_MISSING' } });
    expect(io.err()).toBe('');
  });

  test('no error shows a password', async () => {
    for (const url of ['redis://u:s3cret@h:x', 'redis://u:s3cret@h/db', 'http://u:s3cret@h', 'u:s3cret@h']) {
      const { code, io } = await keyferry('restore', dump, '--to', url);
      expect(code, url).toBe(1);
      expect(io.err() + io.out(), url).not.toContain('s3cret');
    }
  });
});

describe('plan', () => {
  test('shows what the file holds and leaves the plan', async () => {
    const { code, io } = await keyferry('plan', dump);
    expect(code).toBe(0);
    expect(io.out()).toContain('  keys        2, none of them with an expiry\n');
    expect(io.out()).toContain(`${dump}.plan.json\n`);
    expect(existsSync(`${dump}.plan.json`)).toBe(true);
    expect((await keyferry('plan', dump)).io.out()).toContain('.plan.json (made earlier)');
  });

  test('--no-write leaves nothing, also of a packed file and of standard input', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    const packed = join(folder, 'packed.rdb.gz');
    writeFileSync(packed, gzipSync(rdb));
    expect((await keyferry('plan', packed, '--no-write', '--work-dir', empty)).code).toBe(0);
    const piped = fakeIo(['plan', '-', '--work-dir', empty], { stdin: rdb });
    expect(await run(piped)).toBe(0);
    expect(piped.out()).toMatch(/^standard input\n/);
    expect(readdirSync(empty)).toEqual([]);
  });

  test('--json is one object for all files, and the last line of standard output', async () => {
    const { io } = await keyferry('plan', dump, '--json', '--no-write');
    expect(io.out().split('\n')).toHaveLength(2);
    expect(JSON.parse(io.out())).toMatchObject({ files: [{ name: dump, keys: 2, checksum: 'ok', plan: null }] });
    for (const line of io.err().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('type');
  });

  test('damage ends with 2 and a sentence, never a stack trace', async () => {
    const cut = join(folder, 'cut.rdb');
    writeFileSync(cut, rdb.subarray(0, 40));
    const { code, io } = await keyferry('plan', cut);
    expect(code).toBe(2);
    expect(io.err()).toContain('RDB_TRUNCATED at byte');
    expect(io.err()).not.toMatch(/^\s+at /m);
    expect((await keyferry('plan', join(folder, 'none.rdb'))).code).toBe(2);
    expect((await keyferry('plan', folder)).code).toBe(2);
  });
});

describe('restore', () => {
  /** A port of this machine where nobody listens. */
  const closedPort = () =>
    new Promise<number>((resolve) => {
      const server = createServer();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });

  test('a target that is not there ends with 3; the report says so too', async () => {
    const report = join(folder, 'report.json');
    const port = await closedPort();
    const { code, io } = await keyferry(
      'restore',
      dump,
      '--to',
      `redis://127.0.0.1:${port}`,
      '--report',
      report,
      '--fresh',
    );
    expect(code).toBe(3);
    expect(io.err()).toContain(`TARGET_UNREACHABLE at redis://127.0.0.1:${port}`);
    expect(io.out()).toBe('');
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      outcome: 'stopped',
      exitCode: 3,
      error: { code: 'TARGET_UNREACHABLE' },
      keys: { written: 0, failed: [] },
    });
  });

  test('--json gives one line on standard output and JSON lines on standard error', async () => {
    const port = await closedPort();
    const { code, io } = await keyferry('restore', dump, '--to', `redis://127.0.0.1:${port}`, '--json');
    expect(code).toBe(3);
    expect(io.out().split('\n')).toHaveLength(2);
    expect(JSON.parse(io.out())).toMatchObject({ exitCode: 3, error: { code: 'TARGET_UNREACHABLE' } });
    for (const line of io.err().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('type');
  });

  test('a report that could not be written is told before the job begins', async () => {
    const to = ['--to', 'redis://127.0.0.1:1'];
    const nowhere = await keyferry('restore', dump, ...to, '--report', join(folder, 'no', 'report.json'));
    expect([nowhere.code, nowhere.io.err()]).toEqual([1, expect.stringContaining('LOCAL_NOT_WRITABLE')]);
    const directory = await keyferry('restore', dump, ...to, '--report', folder);
    expect([directory.code, directory.io.err()]).toEqual([1, expect.stringContaining('REPORT_OCCUPIED')]);
  });

  test('a report never replaces an RDB, nor a device', async () => {
    for (const path of [dump, '/dev/null']) {
      const { code, io } = await keyferry('restore', dump, '--to', 'redis://127.0.0.1:1', '--report', path);
      expect([code, io.err()]).toEqual([1, expect.stringContaining('REPORT_OCCUPIED')]);
    }
    expect(readFileSync(dump)).toEqual(rdb);
  });
});

describe('as a process', () => {
  const entry = fileURLToPath(new URL('../../cli/keyferry.ts', import.meta.url));

  test('the exit code arrives', () => {
    const { status, stderr } = spawnSync(process.execPath, [entry, 'plan', join(folder, 'none.rdb')], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining('INPUT_NOT_FOUND')]);
  });

  test('a reader who has gone is no crash', async () => {
    const child = spawn(process.execPath, [entry, 'help', 'restore'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toEqual([0, '']);
  });
});
