import { describe, expect, test } from 'vitest';
import { run } from '../../cli/main.ts';
import { buildProgram } from '../../cli/program.ts';
import type { RestoreFlags } from '../../cli/restore-options.ts';
import { fakeIo } from './fake-io.ts';

const nothing = async () => undefined;
const program = () =>
  buildProgram(
    {
      restore: nothing,
      plan: nothing,
      decode: nothing,
      load: nothing,
      doctor: nothing,
      rump: nothing,
      dump: nothing,
      verify: nothing,
      backups: nothing,
      aws: nothing,
      inspect: nothing,
    },
    fakeIo([]),
  );

/** What the parser makes of a command line. */
async function parsed(...words: string[]): Promise<{ files: string[]; flags: RestoreFlags }> {
  let result: { files: string[]; flags: RestoreFlags } | undefined;
  const actions = {
    restore: async (files: string[], flags: RestoreFlags) => {
      result = { files, flags };
    },
    plan: nothing,
    decode: nothing,
    load: nothing,
    doctor: nothing,
    rump: nothing,
    dump: nothing,
    verify: nothing,
    backups: nothing,
    aws: nothing,
    inspect: nothing,
  };
  const io = fakeIo(['restore', ...words]);
  await buildProgram(actions, io).parseAsync(io.argv);
  if (result === undefined) throw new Error('the command was not run');
  return result;
}

test('every option of the command line, in the form that it is documented', async () => {
  const line =
    'dump.rdb b.rdb --to redis://h --tls-ca ca.pem --tls-cert c.pem --tls-key c.key --tls-server-name n --sentinel-user s --on-conflict ignore --ttl-shift=-1h --db-map 1:0,9:2 --only-db 0,1 --match user:* --match session:* --type string,hash --rate 50MB/s,20000keys/s --concurrency 8 --connections 2 --dry-run --fresh --ignore-tail --force --work-dir /w --chunk-bytes 8MiB --retry-for 5m --reply-timeout 10s --json --report r.json --quiet';
  expect(await parsed(...line.split(' '))).toEqual({
    files: ['dump.rdb', 'b.rdb'],
    flags: {
      expire: true,
      to: 'redis://h',
      tlsCa: 'ca.pem',
      tlsCert: 'c.pem',
      tlsKey: 'c.key',
      tlsServerName: 'n',
      sentinelUser: 's',
      onConflict: 'skip',
      ttlShift: -3_600_000,
      dbMap: new Map([
        [1, 0],
        [9, 2],
      ]),
      onlyDb: [0, 1],
      match: ['user:*', 'session:*'],
      type: ['string', 'hash'],
      rate: { bytesPerSecond: 50e6, keysPerSecond: 20_000 },
      concurrency: 8,
      connections: 2,
      dryRun: true,
      fresh: true,
      ignoreTail: true,
      force: true,
      workDir: '/w',
      chunkBytes: 8 * 1024 * 1024,
      retryFor: 300_000,
      replyTimeout: 10_000,
      json: true,
      report: 'r.json',
      quiet: true,
    },
  });
  expect((await parsed('a.rdb', '--ttl-shift', '-1h')).flags.ttlShift).toBe(-3_600_000);
  expect((await parsed('a.rdb', '--no-expire')).flags.expire).toBe(false);
  expect((await parsed('-', '--to', 'redis://h')).files).toEqual(['-']);
});

describe('help', () => {
  async function help(...words: string[]): Promise<string> {
    const io = fakeIo(words);
    expect(await run(io)).toBe(0);
    expect(io.err()).toBe('');
    return io.out();
  }

  test('names every option of every command, under a heading of its own', async () => {
    for (const command of program().commands.filter(({ options }) => options.length > 0)) {
      const text = await help('help', command.name());
      for (const { long, helpGroupHeading } of command.options) {
        expect(text, `${command.name()} ${long}`).toMatch(new RegExp(`^  (?:-[a-z], )?${long} `, 'm'));
        expect(text).toContain(`\n${helpGroupHeading}\n`);
      }
    }
  });

  test('tells defaults, exit codes, environment, files and examples', async () => {
    const text = await help('restore', '--help');
    for (const part of ['default panic', 'default 4', 'default 1m', 'default 8MiB']) expect(text).toContain(part);
    for (const part of [
      'Examples:',
      'Exit codes:',
      'Environment:',
      'KEYFERRY_PASSWORD',
      '.plan.json',
      'ledger.jsonl',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toBe(await help('help', 'restore'));
  });

  test('its examples are command lines that can be parsed', async () => {
    const text = await help('restore', '--help');
    const [examples = ''] = /\nExamples:\n(.*?)\n\n?Exit codes:/s.exec(text)?.slice(1) ?? [];
    const lines = examples
      .replaceAll(/\\\n/g, ' ')
      .split('\n')
      .map((line) => /keyferry restore (.*?)\s*(?:&&)?$/.exec(line)?.[1])
      .filter((line) => line !== undefined);
    expect(lines.length).toBeGreaterThanOrEqual(6);
    for (const line of lines) {
      const words = line
        .trim()
        .split(/\s+/)
        .map((word) => word.replaceAll("'", ''));
      expect((await parsed(...words)).flags.to, line).toMatch(/^rediss?(-sentinel)?:/);
    }
  });

  test('fits 80 columns and plain ASCII, and has no colour where there is no terminal', async () => {
    for (const words of [['--help'], ['help', 'restore'], ['help', 'plan'], ['help', 'doctor']]) {
      const text = await help(...words);
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(text).toMatch(/^[\n -~]*$/);
    }
  });

  test('has colour on a terminal, unless NO_COLOR says otherwise', async () => {
    const coloured = fakeIo(['help', 'plan'], { tty: true });
    await run(coloured);
    expect(coloured.out()).toContain('\x1b[1mExamples:\x1b[22m');
    const plain = fakeIo(['help', 'plan'], { tty: true, env: { NO_COLOR: '1' } });
    await run(plain);
    expect(plain.out()).not.toContain('\x1b');
  });
});
