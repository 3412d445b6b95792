// `keyferry doctor` as a person, and as a script, meets it: table, JSON, exit codes.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderDoctor } from '../../cli/doctor-view.ts';
import { run } from '../../cli/main.ts';
import { colourStyle, plainStyle } from '../../cli/style.ts';
import { blocks, read, root, section } from '../docs/documents.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { freePort } from '../support/server-process.ts';
import { anyServer, lacks, type Server, startServer } from '../support/servers.ts';
import { fakeIo } from './fake-io.ts';

const sample = join(root, 'test', 'fixtures', 'sample.rdb');
const work = new WorkFolder();
let server: Server;

beforeAll(async () => {
  server = await startServer(anyServer());
});
afterAll(async () => {
  await server.stop();
  work[Symbol.dispose]();
});

async function doctor(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const io = fakeIo(['doctor', ...words], { env });
  return { code: await run(io), out: io.out(), err: io.err() };
}

test('a table on standard output, and exit code 0 when nothing speaks against a restore', async () => {
  const { code, out } = await doctor(['--to', server.url, sample]);
  expect(code).toBe(0);
  expect(out).toMatch(new RegExp(`^${server.url}\n  ok {2,}address {2,}Something answers`));
  expect(out).toMatch(/\n\nNothing speaks against a restore\.\n$/);
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

test('3 for a problem with the target, with what to do, and no password anywhere', async () => {
  const { code, out, err } = await doctor(['--to', server.url.replace('//', '//ferry@')], {
    KEYFERRY_PASSWORD: 'secret-4711',
  });
  expect(code).toBe(3);
  expect(out).toMatch(/ problem {2}login /);
  expect(out).toMatch(/\n\nWhat to do:\n {2}login /);
  expect(out).toMatch(/\n\nA restore would stop: 1 problem\.\n$/);
  expect(out + err).not.toContain('secret-4711');
  const gone = await doctor(['--to', `redis://u:secret-4711@127.0.0.1:${await freePort()}`, '--json']);
  expect(gone.code).toBe(3);
  expect(gone.out + gone.err).not.toContain('secret-4711');
});

test('2 for a file that is none, whatever else there is', async () => {
  const { code, out } = await doctor(['--to', `redis://127.0.0.1:${await freePort()}`, join(root, 'package.json')]);
  expect(code).toBe(2);
  expect(out).toContain('A restore would stop: 2 problems.');
});

test('1 for a command line that cannot be carried out', async () => {
  for (const words of [
    [],
    ['--to', 'http://h'],
    ['--to', server.url, 'redis://h'],
    ['--to', server.url, '--rate', '1'],
  ]) {
    const { code, err } = await doctor(words);
    expect(code, words.join(' ')).toBe(1);
    expect(err).not.toContain('DEFECT');
  }
  expect((await doctor(['--to', server.url, '--no-such'])).err).toContain('keyferry doctor --help');
});

test('one JSON object with --json', async () => {
  const { code, out } = await doctor(['--to', server.url, '--json', '--quiet']);
  const { exitCode, target, findings } = JSON.parse(out);
  expect([code, exitCode, target]).toEqual([0, 0, server.url]);
  expect(findings[0]).toEqual({
    check: 'address',
    verdict: 'ok',
    what: expect.stringContaining(String(server.port)),
    remedy: null,
    code: null,
  });
});

test('what a server says cannot steer the terminal, and long lines are broken', () => {
  const finding = { check: 'server', verdict: 'problem' as const, what: `\x1b[2Jevil ${'word '.repeat(40)}end` };
  const plain = renderDoctor({ target: 'redis://h', findings: [finding] }, plainStyle, 80);
  expect(plain).toContain('\\x1b[2Jevil');
  expect(plain).not.toContain('\x1b');
  expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  const coloured = renderDoctor({ target: 'redis://h', findings: [finding] }, colourStyle, 80);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are taken out
  expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(plain);
});

test.skipIf(lacks('redis-7.0') !== '')(`what the README shows is what is shown${lacks('redis-7.0')}`, async () => {
  const readme = read('README.md');
  const shown = blocks(readme).find(({ text }) => text.startsWith('$ keyferry doctor'))?.text ?? '';
  const [, , user = '', ...rules] = (blocks(section(readme, '## What the target user needs'))[0]?.text ?? '')
    .trim()
    .split(/\s+/);
  await using limited = await startServer('redis-7.0', {
    config: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' },
  });
  await limited.call('ACL', 'SETUSER', user, ...rules.map((rule) => (rule.startsWith('>') ? '>pw' : rule)));
  const file = work.file('sample.rdb');
  copyFileSync(sample, file);
  const { out } = await doctor(['--to', limited.url.replace('//', `//${user}@`), file], { KEYFERRY_PASSWORD: 'pw' });
  const steady = (text: string) =>
    text
      .replaceAll(`${work.path}/`, '')
      .replaceAll(String(limited.port), '6379')
      .replace(/[\d,]+ [KM]iB of 100 MiB/, 'N of 100 MiB')
      // The patch release may be another.
      .replace(/Redis 7\.0\.\d+/, 'Redis 7.0')
      // The length of some of these moves where a line is broken.
      .replace(/\s+/g, ' ');
  expect(steady(out)).toBe(steady(shown.split('\n').slice(3).join('\n')));
});
