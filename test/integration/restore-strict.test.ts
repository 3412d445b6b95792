// --strict refuses exactly what would be lost: nothing is written before, and nothing is refused that would arrive whole.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import type { RestoreOptions } from '../../lib/jobs/restore.ts';
import { LOSS_WORDS } from '../../lib/targets/redis/losses.ts';
import type { Losses } from '../../lib/targets/redis/tally.ts';
import { BIG_KEY_BYTES, bigKey } from '../support/big-keys.ts';
import type { Command } from '../support/commands.ts';
import { Random } from '../support/random.ts';
import { moduleItem, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { commandsFile, restoreInto, WorkFolder, wipe } from '../support/restore-run.ts';
import { availableServers, lacks, type Server, type ServerName, startServer, withServer } from '../support/servers.ts';

const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

const big = (kind: 'string' | 'hash'): Command[] => [...bigKey(kind, `big ${kind}`, new Random(1))];
/** A stream above BIG_KEY_BYTES; consumers only where asked for. */
function stream(consumers: boolean): Command[] {
  const entries = Array.from(
    { length: 200 },
    (_, i): Command => ['XADD', 'stream', `${i + 1}-0`, 'f', 'x'.repeat(800)],
  );
  const group: Command = ['XGROUP', 'CREATE', 'stream', 'g', '0'];
  const read: Command = ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 3, 'STREAMS', 'stream', '>'];
  return [['CONFIG', 'SET', 'rdbcompression', 'no'], ...entries, group, ...(consumers ? [read] : [])];
}

/** A file saved under an eviction policy, which decides whether it holds idle times or frequencies. */
async function fileOf(source: Server, name: string, policy: string, commands: Command[]): Promise<string> {
  await source.call('CONFIG', 'SET', 'maxmemory-policy', policy);
  return commandsFile(work.file(name), source, commands);
}

type Way = 'big' | 'denied' | 'as they are';
const WAYS: readonly [string, Way][] = [
  ['big values', 'big'],
  ['a user who may not RESTORE', 'denied'],
];

async function restoreBy(
  way: Way,
  target: Server,
  file: string,
  options: Pick<RestoreOptions, 'strict' | 'filter'> = {},
): Promise<RestoreReport> {
  const url = way === 'denied' ? `redis://ferry:pw@${target.host}:${target.port}` : target.url;
  const sizes = way === 'big' ? { chunkBytes: BIG_KEY_BYTES, bigKeyBytes: BIG_KEY_BYTES } : {};
  return restoreInto(target, file, { workDir: work.folder(), url, fresh: true, ...sizes, ...options });
}

/** Changes to the data that the server has counted. */
async function changes(server: Server): Promise<number> {
  const [, count] = /rdb_changes_since_last_save:(\d+)/.exec(String(await server.call('INFO', 'persistence'))) ?? [];
  return Number(count);
}

/** Refused with these losses in full, the target untouched; and what was foretold is what a restore loses. */
async function expectRefused(way: Way, target: Server, file: string, kinds: readonly (keyof Losses)[]) {
  await wipe(target);
  const before = await changes(target);
  const refused = await restoreBy(way, target, file, { strict: true });
  expect(refused).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_LOSSES' } });
  expect(await changes(target), 'changes to the target').toBe(before);
  const { keys } = await restoreBy(way, target, file);
  expect(Object.keys(keys.losses)).toEqual(expect.arrayContaining([...kinds]));
  const foretold = Object.entries(keys.losses).map(
    ([loss, count]) => `${LOSS_WORDS[loss as keyof Losses]} (keys: ${count})`,
  );
  for (const each of foretold) expect(refused.error?.message).toContain(each);
  expect(refused.error?.message.match(/\(keys: /g)).toHaveLength(foretold.length);
}

async function expectTaken(
  way: Way,
  target: Server,
  file: string,
  options: Pick<RestoreOptions, 'strict' | 'filter'> = {},
) {
  await wipe(target);
  const report = await restoreBy(way, target, file, { strict: true, ...options });
  expect(report.error?.describe()).toBeUndefined();
  expect(report).toMatchObject({ outcome: 'complete', keys: { losses: {}, failed: [] } });
}

describe.each(availableServers())('on %s', (name) => {
  let source: Server;
  let target: Server;
  beforeAll(async () => {
    [source, target] = await Promise.all([startServer(name), startServer(name)]);
    await target.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', '~*', '+@all', '-restore');
  });
  afterAll(() => Promise.all([source?.stop(), target?.stop()]));

  describe.each(WAYS)('%s', (_, way) => {
    test.each([
      ['idle times', 'allkeys-lru', 'idle-time'],
      ['frequencies', 'allkeys-lfu', 'frequency'],
    ] as const)('lose %s', async (_what, policy, loss) => {
      const file = await fileOf(source, 'access.rdb', policy, [
        ...big('hash'),
        ...big('string'),
        ['SET', 'small', '1'],
      ]);
      await expectRefused(way, target, file, [loss]);
    });

    test('lose times of consumers', async () => {
      const file = await fileOf(source, 'stream.rdb', 'noeviction', stream(true));
      await expectRefused(way, target, file, ['stream-seen-time']);
    });

    test('lose nothing where there is nothing to lose', async () => {
      const commands = [...big('hash'), ...big('string'), ...stream(false), ['SADD', 'small', 'a']] as Command[];
      await expectTaken(way, target, await fileOf(source, 'plain.rdb', 'noeviction', commands));
    });

    test('lose nothing of keys that the filter leaves out', async () => {
      const commands = [...stream(true), ...big('hash')];
      const file = await fileOf(source, 'filtered.rdb', 'noeviction', commands);
      await expectTaken(way, target, file, { filter: { kinds: ['hash'] } });
      await expectTaken(way, target, file, { filter: { match: ['big*'] } });
      const kept = await restoreBy(way, target, file, { strict: true, filter: { kinds: ['stream'] } });
      expect(kept.error?.code).toBe('TARGET_LOSSES');
    });
  });

  test('values that are larger than the server takes at once lose their idle times', async () => {
    const fields = [Buffer.alloc(800_000, 'a'), Buffer.alloc(800_000, 'b')];
    await source.call('CONFIG', 'SET', 'rdbcompression', 'no');
    const file = await fileOf(source, 'long.rdb', 'allkeys-lru', [['RPUSH', 'long', ...fields]]);
    await wipe(target);
    await expectTaken('as they are', target, file);
    await target.call('CONFIG', 'SET', 'proto-max-bulk-len', '1mb');
    await expectRefused('as they are', target, file, ['idle-time']);
    await target.call('CONFIG', 'SET', 'proto-max-bulk-len', '512mb');
  });

  test('idle times and consumers of values that go by RESTORE stay, beside a big value that loses nothing', async () => {
    const file = await fileOf(source, 'small.rdb', 'noeviction', [
      ...big('hash'),
      ['XGROUP', 'CREATE', 'small', 'g', '0', 'MKSTREAM'],
      ['XADD', 'small', '1-1', 'f', 'v'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'small', '>'],
    ]);
    await expectTaken('big', target, file);
    const idle = await fileOf(source, 'idle.rdb', 'allkeys-lru', [['SADD', 'small', 'a']]);
    await expectTaken('big', target, idle);
  });
});

/** Saves `commands` on one version and restores them strictly into another. */
async function strictInto(from: ServerName, into: ServerName, commands: Command[]): Promise<RestoreReport> {
  const file = work.file('other.rdb');
  await withServer(from, {}, (source) => commandsFile(file, source, commands));
  return withServer(into, {}, async (target) => {
    const report = await restoreBy('big', target, file, { strict: true });
    if (report.error !== undefined) expect(await target.call('DBSIZE')).toBe(0);
    return report;
  });
}

describe.skipIf(lacks('redis-8.0', 'redis-7.0', 'redis-6.0') !== '')(
  `types that an older server lacks${lacks('redis-8.0', 'redis-7.0', 'redis-6.0')}`,
  () => {
    const expiring: Command[] = [
      ['HSET', 'hash', 'f', 'v'],
      ['HEXPIRE', 'hash', 10_000, 'FIELDS', 1, 'f'],
    ];

    test('are refused for values that lose something by it, with their number', async () => {
      const report = await strictInto('redis-8.0', 'redis-7.0', [...expiring, ['HSET', 'other', 'f', 'v']]);
      expect(report.error?.describe()).toContain(`${LOSS_WORDS['field-ttl']} (keys: 1)`);
    });

    test('are taken where no value has what they could hold', async () => {
      const report = await strictInto('redis-8.0', 'redis-6.0', [
        ['XADD', 'stream', '1-1', 'f', 'v'],
        ...expiring,
        ['HPERSIST', 'hash', 'FIELDS', 1, 'f'],
      ]);
      expect(report.error?.describe()).toBeUndefined();
      expect(report).toMatchObject({ outcome: 'complete', warnings: [], keys: { written: 2, losses: {} } });
    });

    test('what modules attached to keys is missed by an older server, whatever way it goes', async () => {
      const meta = Buffer.concat([Buffer.of(0xf3, 1), Buffer.from('meta'), moduleItem.string('x'), Buffer.of(0)]);
      const file = work.file('meta.rdb');
      const member = ['x'.repeat(BIG_KEY_BYTES)];
      await withServer('redis-7.0', {}, async (target) => {
        for (const [key, value] of [
          ['small', values.STRING('v')],
          ['big', values.SET(member)],
        ] as const) {
          await writeFile(file, new RdbFileBuilder('REDIS0013').selectDb(0).raw(meta).key(key, value).end());
          await expectRefused('big', target, file, ['key-metadata']);
        }
        await writeFile(file, new RdbFileBuilder('REDIS0013').selectDb(0).key('plain', values.STRING('v')).end());
        await expectTaken('big', target, file);
      });
    });
  },
);
