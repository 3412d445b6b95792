// The user that README.md has you make may do all that a restore needs, and what the README says of files holds.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import type { Command } from '../support/commands.ts';
import { commandCalls, commandsFile, restoreInto, WorkFolder, wipe } from '../support/restore-run.ts';
import { featuresOf, lacks, SERVER_NAMES, type Server, withServer } from '../support/servers.ts';
import { blocks, read, section } from './documents.ts';

const [newer = '', older = ''] = blocks(section(read('README.md'), '## What the target user needs')).map(
  ({ text }) => text,
);

/** Two databases, strings for a group and on their own, expiries, a library: what needs different commands. */
function* data({ features }: Server): Generator<Command> {
  if (features.seven)
    yield ['FUNCTION', 'LOAD', "#!lua name=one\nredis.register_function('f', function() return 1 end)"];
  for (const db of [0, 3]) {
    yield ['SELECT', db];
    for (let i = 0; i < 300; i++) yield ['SET', `plain:${i}`, `a value ${i}`];
    for (let i = 0; i < 100; i++) yield ['SET', `expiring:${i}`, i, 'PX', 1e9];
    for (let i = 0; i < 100; i++) yield ['HSET', `hash:${i}`, 'field', i];
    yield ['SET', 'large', 'x'.repeat(20_000)];
  }
}
const KEYS = 2 * 501;

describe.each(SERVER_NAMES)('a user of %s', (name) => {
  const line = featuresOf(name).seven ? newer : older;

  test.skipIf(lacks(name) !== '')(`restores, resumes, skips and replaces${lacks(name)}`, async () => {
    using work = new WorkFolder();
    await withServer(name, {}, async (server) => {
      const file = await commandsFile(work.file('dump.rdb'), server, data(server));
      await wipe(server);
      const [, , user = '', ...rules] = line.trim().split(/\s+/);
      const password = 'pass-phrase-4711';
      await server.call('ACL', 'SETUSER', user, ...rules.map((rule) => (rule.startsWith('>') ? `>${password}` : rule)));
      await server.call('ACL', 'LOG', 'RESET');
      await server.call('CONFIG', 'RESETSTAT');
      const url = server.url.replace('//', `//${user}:${password}@`);
      const workDir = work.folder();
      const run = (onConflict: ConflictPolicy) => restoreInto(server, file, { url, workDir, onConflict });

      // Refused in the middle of its only chunk: the next run finds keys that may be its own.
      const progress = new Watched(100, () => server.call('CONFIG', 'SET', 'maxmemory', '1'));
      const rate = { keysPerSecond: 500 };
      const first = await restoreInto(server, file, { url, workDir, rate, progress });
      await server.call('CONFIG', 'SET', 'maxmemory', '0');
      expect(first).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_FULL' } });
      holdsNoSecrets(workDir, [password, 'plain:', 'a value', 'hash:']);

      const second = await run('panic');
      expect(second).toMatchObject({ outcome: 'complete', error: undefined });
      expect(second.keys.already).toBeGreaterThan(0);
      expect(second.keys.written + second.keys.already).toBe(KEYS);
      expect(await run('skip')).toMatchObject({ outcome: 'complete', keys: { skipped: KEYS } });
      expect(await run('rewrite')).toMatchObject({ outcome: 'complete', keys: { written: KEYS } });
      expect(await server.call('ACL', 'LOG')).toEqual([]);

      const called = Object.keys(await commandCalls(server)).map((command) => command.split('|')[0]);
      const compared = featuresOf(name).seven ? ['pexpiretime', 'function'] : ['pttl'];
      expect(called).toEqual(
        expect.arrayContaining(['info', 'select', 'ping', 'restore', 'set', 'mset', 'msetnx', 'dump', ...compared]),
      );
    });
  });
});

/** Calls back once, when so many keys are confirmed. */
class Watched extends Progress {
  constructor(after: number, callback: () => void) {
    super();
    let confirmed = 0;
    let called = false;
    Object.defineProperty(this, 'keys', {
      get: () => confirmed,
      set: (keys: number) => {
        confirmed = keys;
        if (called || this.phase !== 'writing' || keys < after) return;
        called = true;
        callback();
      },
    });
  }
}

/** Work files are for their owner alone, and hold neither keys nor values nor a password. */
function holdsNoSecrets(folder: string, secrets: readonly string[]): void {
  const files = readdirSync(folder);
  expect(files.map((file) => file.replace(/\.[0-9a-f]{16}\./, '.ID.')).sort()).toEqual([
    'dump.rdb.ID.ledger.jsonl',
    'dump.rdb.chunks.jsonl',
    'dump.rdb.plan.json',
  ]);
  for (const file of files) {
    expect((statSync(join(folder, file)).mode & 0o777).toString(8), file).toBe('600');
    const text = readFileSync(join(folder, file), 'latin1');
    expect(
      secrets.filter((secret) => text.includes(secret)),
      file,
    ).toEqual([]);
  }
}
