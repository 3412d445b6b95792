// Conflicts: every kind of value under every policy on a target where each key exists already as something else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { configFor, type Eviction } from '../support/dataset.ts';
import { HUGE, keyOf, OLD, subjects } from '../support/dirty-keys.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { Random, runs } from '../support/random.ts';
import {
  commandsFile,
  differences,
  nativeState,
  restoreInto,
  type State,
  stateOf,
  WorkFolder,
  wipe,
} from '../support/restore-run.ts';
import { anyServer, lacks, type Server, type ServerName, startServer, withServer } from '../support/servers.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

async function send(server: Server, commands: Iterable<Command>): Promise<void> {
  const client = server.connect();
  await pipelined(client, commands);
  client.disconnect();
}

/** On 6.0 strings with a TTL go as RESTORE, from 6.2 on as SET PXAT; idle times and frequencies make all strings RESTORE. */
const CASES: { name: ServerName; eviction: Eviction; olds: number }[] = [
  { name: 'redis-6.0', eviction: 'none', olds: 3 },
  { name: 'redis-7.0', eviction: 'none', olds: runs(8) },
  { name: 'redis-7.0', eviction: 'lru', olds: 2 },
  { name: 'redis-7.0', eviction: 'lfu', olds: 2 },
  { name: 'redis-8.0', eviction: 'none', olds: 3 },
  { name: 'valkey-9.1', eviction: 'none', olds: 3 },
];

interface Meeting {
  subject: string;
  old: string;
}

/** Each subject over so many of the old values, so that each of them comes up as often. */
function meetings(values: Record<string, unknown>, count: number): Meeting[] {
  const olds = Object.keys(OLD);
  return Object.keys(values).flatMap((subject, i) =>
    Array.from({ length: Math.min(count, olds.length) }, (_, j) => ({ subject, old: olds[(i + j * 3) % 8]! })),
  );
}

const nameOf = ({ subject, old }: Meeting): string => keyOf(subject, old);
const dirty = (which: Meeting[]): Command[] => which.flatMap((each) => OLD[each.old]!(nameOf(each), new Random(0)));

for (const { name, eviction, olds } of CASES) {
  describe.skipIf(lacks(name) !== '')(`on ${name}, eviction ${eviction}${lacks(name)}`, () => {
    let target: Server;
    let all: Meeting[];
    let file = '';
    let native: State;

    beforeAll(async () => {
      target = await startServer(name, { config: configFor(name, { eviction }) });
      const values = subjects(target.features);
      all = meetings(values, olds);
      const random = new Random(11);
      const commands = all.flatMap((each) => values[each.subject]!(nameOf(each), random));
      file = await commandsFile(work.file(`${name}-${eviction}.rdb`), target, commands);
      native = await nativeState(name, file, { eviction });
    });
    afterAll(() => target.stop());

    const run = (onConflict: ConflictPolicy, workDir = work.folder()) =>
      restoreInto(target, file, { onConflict, workDir, chunkBytes: 512 * 1024 });

    test('rewrite replaces every key wholly: no old member, no old TTL', async () => {
      await wipe(target);
      await send(target, dirty(all));
      const report = await run('rewrite');
      expect(report).toMatchObject({ outcome: 'complete', keys: { written: all.length, skipped: 0, failed: [] } });
      expect(differences(native, await stateOf(target))).toEqual([]);
    });

    test('skip leaves every value and TTL that is there', async () => {
      await wipe(target);
      await send(target, dirty(all));
      const before = await stateOf(target);
      const report = await run('skip');
      expect(report).toMatchObject({ outcome: 'complete', keys: { written: 0, skipped: all.length, failed: [] } });
      expect(differences(before, await stateOf(target))).toEqual([]);
    });

    test('skip writes what is missing between what is there', async () => {
      await wipe(target);
      const random = new Random(5);
      const there = all.filter(() => random.chance(0.5));
      await send(target, dirty(there));
      const before = await keyStates(target, there.map(nameOf));
      const report = await run('skip');
      expect(report.keys).toMatchObject({ written: all.length - there.length, skipped: there.length });
      expect(await keyStates(target, there.map(nameOf))).toEqual(before);
      // Once the old ones are gone, the rest makes up the file.
      const gone = there.map((each): Command => ['DEL', nameOf(each)]);
      await send(target, gone);
      await run('skip');
      expect(differences(native, await stateOf(target))).toEqual([]);
    });

    test('panic stops at a key that exists, names it, and has overwritten none', async () => {
      await wipe(target);
      await send(target, dirty(all));
      const before = await stateOf(target);
      const report = await run('panic');
      expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_KEY_EXISTS' }, keys: { failed: [] } });
      const named = all.filter((each) => report.error?.where?.endsWith(`db 0, key "${nameOf(each)}"`));
      expect(named, report.error?.where).toHaveLength(1);
      expect(differences(before, await stateOf(target))).toEqual([]);
    });
  });
}

test('panic finds the one key that exists, leaves it, and goes on when it is gone', async () => {
  await withServer(anyServer(), {}, async (target) => {
    const values = subjects(target.features);
    const all = meetings(values, 1);
    const commands = all.flatMap((each) => values[each.subject]!(nameOf(each), new Random(1)));
    const file = await commandsFile(work.file('one.rdb'), target, commands);
    const native = await nativeState(target.name, file);
    for (const each of all) {
      await wipe(target);
      await send(target, dirty([each]));
      const before = await keyStates(target, [nameOf(each)]);
      const run = () => restoreInto(target, file, { workDir: folder, chunkBytes: 16 * 1024 });
      const folder = work.folder();
      const report = await run();
      expect(report.error?.code, nameOf(each)).toBe('TARGET_KEY_EXISTS');
      expect(report.error?.where?.endsWith(`db 0, key "${nameOf(each)}"`), report.error?.where).toBe(true);
      expect(await keyStates(target, [nameOf(each)]), nameOf(each)).toEqual(before);
      await target.call('DEL', nameOf(each));
      const resumed = await run();
      expect(resumed, nameOf(each)).toMatchObject({ outcome: 'complete', resumed: true });
      expect(resumed.keys.written + resumed.keys.already).toBe(all.length);
      expect(differences(native, await stateOf(target)), nameOf(each)).toEqual([]);
    }
  });
});

/** Digest and expiry of each key. */
async function keyStates(server: Server, keys: string[]): Promise<Map<string, unknown>> {
  const replies = await pipelined(
    server.client,
    keys.flatMap((key): Command[] => [
      ['DEBUG', 'DIGEST-VALUE', key],
      [server.features.seven ? 'PEXPIRETIME' : 'PTTL', key],
    ]),
  );
  const now = Date.now();
  const expiry = (reply: number) => (reply < 0 || server.features.seven ? reply : Math.round((now + reply) / 30_000));
  return new Map(keys.map((key, i) => [key, [String(replies[2 * i]), expiry(replies[2 * i + 1] as number)]]));
}

describe('values above 8 MiB, which are streamed', () => {
  const olds = ['string with TTL', 'list', 'hash with TTL'];
  let target: Server;
  let file = '';
  let native: State;
  beforeAll(async () => {
    target = await startServer(anyServer());
    const commands = Object.entries(HUGE).flatMap(([subject, make], i) =>
      make(keyOf(subject, olds[i]!), new Random(i)),
    );
    file = await commandsFile(work.file('huge.rdb'), target, commands);
    native = await nativeState(target.name, file);
  });
  afterAll(() => target.stop());

  test.for(POLICIES)('%s', async (onConflict) => {
    await wipe(target);
    await send(
      target,
      Object.keys(HUGE).flatMap((subject, i) => OLD[olds[i]!]!(keyOf(subject, olds[i]!), new Random(0))),
    );
    const before = await stateOf(target);
    const report = await restoreInto(target, file, { onConflict, workDir: work.folder() });
    if (onConflict === 'panic') {
      expect(report.error?.code).toBe('TARGET_KEY_EXISTS');
      expect(report.error?.where).toMatch(/db 0, key "huge .* over .*"$/);
    } else {
      expect(report).toMatchObject({
        outcome: 'complete',
        keys: onConflict === 'skip' ? { skipped: 3 } : { written: 3 },
      });
    }
    expect(differences(onConflict === 'rewrite' ? native : before, await stateOf(target))).toEqual([]);
  });
});

describe('function libraries', () => {
  const code = (answer: number, library = 'lib') =>
    `#!lua name=${library}\nredis.register_function('answer', function() return ${answer} end)\n`;
  let target: Server;
  let file = '';
  beforeAll(async () => {
    target = await startServer(anyServer());
    file = await commandsFile(work.file('functions.rdb'), target, [
      ['FUNCTION', 'LOAD', code(42)],
      ['SET', 'key', 'value'],
    ]);
  });
  afterAll(() => target.stop());
  const answer = () => target.call('FCALL', 'answer', 0);

  test.for(POLICIES)('%s: a library that is not there is loaded', async (onConflict) => {
    await wipe(target);
    const report = await restoreInto(target, file, { onConflict, workDir: work.folder() });
    expect(report).toMatchObject({
      outcome: 'complete',
      functions: { written: 1, already: 0, skipped: 0, failed: [] },
    });
    expect(await answer()).toBe(42);
  });

  test.for(POLICIES)('%s: the same library is no conflict', async (onConflict) => {
    await wipe(target);
    await target.call('FUNCTION', 'LOAD', code(42));
    const report = await restoreInto(target, file, { onConflict, workDir: work.folder() });
    expect(report.outcome).toBe('complete');
    expect(report.functions).toMatchObject(onConflict === 'rewrite' ? { written: 1 } : { already: 1 });
    expect(await answer()).toBe(42);
  });

  test.for(POLICIES)('%s: another library of that name', async (onConflict) => {
    await wipe(target);
    await target.call('FUNCTION', 'LOAD', code(7));
    const report = await restoreInto(target, file, { onConflict, workDir: work.folder() });
    expect(await answer()).toBe(onConflict === 'rewrite' ? 42 : 7);
    if (onConflict === 'panic') {
      expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_FUNCTION_EXISTS' } });
      expect(report.error?.where).toContain('library lib');
      expect(await target.call('DBSIZE')).toBe(0);
    } else {
      expect(report.functions).toMatchObject(onConflict === 'rewrite' ? { written: 1 } : { skipped: 1 });
      expect(await target.call('DBSIZE')).toBe(1);
    }
  });

  test.for(POLICIES)('%s: a function of that name in another library is never lost', async (onConflict) => {
    await wipe(target);
    await target.call('FUNCTION', 'LOAD', code(7, 'other'));
    const report = await restoreInto(target, file, { onConflict, workDir: work.folder() });
    expect(await answer()).toBe(7);
    if (onConflict === 'skip') expect(report).toMatchObject({ outcome: 'complete', functions: { skipped: 1 } });
    else expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_FUNCTION_EXISTS' } });
  });
});

const eight: ServerName = 'redis-8.0';
test.skipIf(lacks(eight) !== '')(`rewrite brings field TTLs along, over hashes too${lacks(eight)}`, async () => {
  await withServer(eight, {}, async (target) => {
    const values = subjects(target.features);
    const random = new Random(3);
    const commands = Object.entries(values).flatMap(([subject, make]) => make(subject, random));
    const file = await commandsFile(work.file('eight.rdb'), target, commands);
    await wipe(target);
    await send(
      target,
      Object.keys(values).flatMap((subject) => OLD['hash with TTL']!(subject, random)),
    );
    await restoreInto(target, file, { onConflict: 'rewrite', workDir: work.folder() });
    await withServer(eight, { rdb: file }, async (loaded) => {
      expect(compare(await snapshot(loaded), await snapshot(target), { ignoreAccess: true })).toEqual([]);
    });
  });
});
