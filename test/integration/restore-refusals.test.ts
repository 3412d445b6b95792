// What a target can refuse, before and while it is written to: one named error each, nothing lost, and the same call goes
// on once the cause is gone.
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { startProxy } from '../support/chaos-proxy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import {
  accounted,
  differences,
  filledFile,
  nativeState,
  restoreInto,
  type State,
  stateOf,
  WorkFolder,
} from '../support/restore-run.ts';
import { anyServer, lacks, type Server, type ServerName, startServer } from '../support/servers.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
const work = new WorkFolder();
const name = anyServer();
let file = '';
let native: State;
let keys = 0;

beforeAll(async () => {
  file = await filledFile(work.file('all.rdb'), name, { seed: 9, scale: 2 });
  native = await nativeState(name, file);
  await using server = await startServer(name);
  keys = accounted((await restoreInto(server, file, { workDir: work.folder() })).keys);
});
afterAll(() => work[Symbol.dispose]());

type Given = Parameters<typeof restoreInto>[2];
const options = (onConflict: ConflictPolicy = 'panic'): Given => ({
  onConflict,
  workDir: work.folder(),
  chunkBytes: 16 * 1024,
  patienceMs: 3000,
});

function expectRefusal(report: RestoreReport, code: string, text?: RegExp): void {
  expect(report.error?.describe(), 'the error').toMatch(new RegExp(`^${code} at redis://`));
  expect(report.outcome).toBe('stopped');
  expect(report.error?.remedy, 'what to do').toBeTruthy();
  if (text !== undefined) expect(report.error?.describe()).toMatch(text);
}

/** @param resumed an earlier run had begun to write */
async function expectWhole(report: RestoreReport, server: Server, resumed = true): Promise<void> {
  expect(report.error?.describe()).toBeUndefined();
  expect(report).toMatchObject({ outcome: 'complete', resumed, keys: { failed: [] } });
  expect(accounted(report.keys)).toBe(keys);
  expect(differences(native, await stateOf(server))).toEqual([]);
}

const withAuth = (server: Server, user: string) => `redis://${user}@${server.host}:${server.port}`;

describe.concurrent('before the first write', () => {
  test('a wrong password, and none', async () => {
    await using server = await startServer(name, { config: { requirepass: 'se/cr:et' } });
    const given = options();
    const wrong = await restoreInto(server, file, { ...given, url: withAuth(server, ':wrong') });
    expectRefusal(wrong, 'TARGET_AUTH', /WRONGPASS/);
    expect(wrong.error?.describe()).not.toContain('wrong@');
    expectRefusal(
      await restoreInto(server, file, { ...given, url: withAuth(server, 'nobody:se%2Fcr:et') }),
      'TARGET_AUTH',
    );
    expectRefusal(
      await restoreInto(server, file, { ...given, url: withAuth(server, '') }),
      'TARGET_AUTH',
      /asks for a password/,
    );
    await expectWhole(await restoreInto(server, file, given), server, false);
  });

  test('a password for a server that has none', async () => {
    await using server = await startServer(name);
    const given = options();
    expectRefusal(
      await restoreInto(server, file, { ...given, url: withAuth(server, ':any') }),
      'TARGET_AUTH',
      /none set/,
    );
    await expectWhole(await restoreInto(server, file, given), server, false);
  });

  const needed = '+restore +set +select +info +ping +function';
  test.for([
    ['without SET', `~* ${needed} -set`, /SET of key/],
    ['without RESTORE', `~* ${needed} -restore`, /RESTORE of key/],
    ['without SELECT', `~* ${needed} -select`, /select/i],
    ['for other keys', `~other:* ${needed}`, /key/],
  ] as const)('a user %s', async ([, rights, text]) => {
    await using server = await startServer(name);
    await server.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', ...rights.split(' '));
    const given = { ...options(), url: withAuth(server, 'ferry:pw') };
    expectRefusal(await restoreInto(server, file, given), 'TARGET_NOPERM', text);
    expect(Number(await server.call('DBSIZE'))).toBe(0);
    await server.call('ACL', 'SETUSER', 'ferry', '~*', ...needed.split(' '));
    await expectWhole(await restoreInto(server, file, given), server, false);
  });

  test('a user without FUNCTION, who gets everything else', async () => {
    await using server = await startServer(name);
    await server.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', '~*', ...needed.split(' '), '-function');
    const report = await restoreInto(server, file, { ...options(), url: withAuth(server, 'ferry:pw') });
    expect(report).toMatchObject({ outcome: 'partial', error: undefined, keys: { failed: [] } });
    expect(accounted(report.keys)).toBe(keys);
    expect(report.functions.failed).toHaveLength(2);
    expect(report.warnings.join()).toMatch(/no functions/);
  });

  test('RESTORE under another name: the values go by other commands', async () => {
    await using server = await startServer(name, { config: { 'rename-command': 'RESTORE ""' } });
    const report = await restoreInto(server, file, options());
    expect(report).toMatchObject({ outcome: 'complete', error: undefined, keys: { failed: [] } });
    expect(accounted(report.keys)).toBe(keys);
    expect(report.warnings.join()).toMatch(/may not call RESTORE/);
  });

  test.for(['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'] as ServerName[])(
    'a user of %s needs no more than RESTORE, SET and SELECT, and is told what that costs',
    async (release, { skip }) => {
      skip(lacks(release) !== '', lacks(release));
      const path = work.file(`strings-${release}.rdb`);
      const rdb = new RdbFileBuilder('REDIS0009')
        .selectDb(0)
        .key('a', values.STRING('1'))
        .key('b', values.LIST(['x', 'y']));
      writeFileSync(path, rdb.selectDb(3).key('c', values.STRING('3')).end());
      await using server = await startServer(release);
      await server.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', '~*', '-@all', '+restore', '+set', '+select');
      const report = await restoreInto(server, path, { ...options(), url: withAuth(server, 'ferry:pw') });
      expect(report.error?.describe()).toBeUndefined();
      expect(report).toMatchObject({ outcome: 'complete', keys: { written: 3 } });
      expect(report.warnings.join('\n')).toMatch(/may not call INFO/);
    },
  );

  test('a port where nobody listens', async () => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const given = options();
    proxy.refuse();
    const started = performance.now();
    expectRefusal(await restoreInto(proxy, file, given), 'TARGET_UNREACHABLE', /ECONNREFUSED/);
    expect(performance.now() - started).toBeLessThan(2000);
    await proxy.listen();
    await expectWhole(await restoreInto(proxy, file, given), server, false);
  });

  test.for([
    ['that speaks HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
    ['that hangs up', ''],
    ['that sends noise', '\x16\x03\x01\x02\r\n'],
  ] as const)('a port %s', async ([, answer]) => {
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
    const address = other.address() as { port: number };
    try {
      const url = `redis://127.0.0.1:${address.port}`;
      const report = await restoreInto({ url }, file, { ...options(), patienceMs: 500 });
      expect(report.outcome).toBe('stopped');
      expect(report.error?.code).toMatch(/^(TARGET_UNREACHABLE|RESP_PROTOCOL)$/);
    } finally {
      other.close();
    }
  });

  test('a replica, with its master’s name', async () => {
    await using master = await startServer(name);
    await using replica = await startServer(name, { config: { replicaof: `127.0.0.1 ${master.port}` } });
    const given = options();
    expectRefusal(await restoreInto(replica, file, given), 'TARGET_REPLICA', new RegExp(`127.0.0.1:${master.port}`));
    expect(await master.call('DBSIZE')).toBe(0);
    await replica.call('REPLICAOF', 'NO', 'ONE');
    await expectWhole(await restoreInto(replica, file, given), replica, false);
  });

  test('a node of a cluster that has no slots', async () => {
    await using server = await startServer(name, { config: { 'cluster-enabled': 'yes' } });
    expectRefusal(await restoreInto(server, file, options()), 'CLUSTER_DOWN', /slots that no node serves/);
  });

  test('a database that the server does not have', async () => {
    await using server = await startServer(name, { config: { databases: '4' } });
    const given = options();
    expectRefusal(await restoreInto(server, file, given), 'TARGET_DB', /--db-map/);
    expect(await server.call('DBSIZE')).toBe(0);
    const report = await restoreInto(server, file, { ...options(), dbMap: new Map([[9, 3]]) });
    expect(report.outcome).toBe('complete');
    expect(String(await server.call('INFO', 'keyspace'))).toMatch(/db3:keys=/);
  });

  test('commands that are renamed', async () => {
    await using server = await startServer(name, { config: { 'rename-command': 'SET ""' } });
    expectRefusal(await restoreInto(server, file, options()), 'TARGET_COMMAND', /unknown command/);
  });

  test.skipIf(lacks('redis-8.0', 'redis-7.0') !== '')(
    `what the server can hold only in part, where nothing is to be lost${lacks('redis-8.0', 'redis-7.0')}`,
    async () => {
      const newer = await filledFile(work.file('eight.rdb'), 'redis-8.0', { seed: 1, scale: 0.1 });
      await using server = await startServer('redis-7.0');
      const given = { ...options(), strict: true };
      expectRefusal(await restoreInto(server, newer, given), 'TARGET_LOSSES', /expiries of hash fields/);
      expect(await server.call('DBSIZE')).toBe(0);
      const kinds = ['string', 'list', 'zset'] as const;
      const report = await restoreInto(server, newer, { ...options(), strict: true, filter: { kinds } });
      expect(report.error?.describe()).toBeUndefined();
      expect(report.outcome).toBe('complete');
      await using eight = await startServer('redis-8.0');
      expect((await restoreInto(eight, newer, given)).outcome).toBe('complete');
    },
  );

  test.skipIf(lacks('redis-6.0') !== '')(`functions for a server without them${lacks('redis-6.0')}`, async () => {
    const path = work.file('library.rdb');
    const library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    const rdb = new RdbFileBuilder('REDIS0010').library(library).selectDb(0).key('a', values.STRING('1'));
    writeFileSync(path, rdb.end());
    await using server = await startServer('redis-6.0');
    const report = await restoreInto(server, path, options());
    expect(report).toMatchObject({ outcome: 'partial', error: undefined, keys: { written: 1 } });
    expect(report.functions.failed).toEqual([{ library: 'lib', reason: expect.stringMatching(/no functions/) }]);
    expect(report.warnings.join()).toMatch(/1 libraries/);
  });

  test('a file that would not fit', async () => {
    await using server = await startServer(name);
    const used = Number(/used_memory:(\d+)/.exec(String(await server.call('INFO', 'memory')))?.[1]);
    await server.call('CONFIG', 'SET', 'maxmemory', used + 700_000);
    const given = options();
    expectRefusal(await restoreInto(server, file, given), 'TARGET_FULL', /bytes are to be written/);
    expect(await server.call('DBSIZE')).toBe(0);
    await server.call('CONFIG', 'SET', 'maxmemory', 0);
    await expectWhole(await restoreInto(server, file, given), server, false);
  });
});

/** A way to make a server refuse writes, and the way back. */
interface Trouble {
  code: string;
  config?: Record<string, string>;
  bring(server: Server): Promise<unknown>;
  mend(server: Server): Promise<unknown>;
}

/** A folder in the place of the file lets every save fail, also as root. */
const dumpFolder = (server: Server) => join(server.dir, 'dump.rdb');

async function saved(server: Server, status: 'ok' | 'err'): Promise<void> {
  await server.call('BGSAVE');
  for (;;) {
    const info = String(await server.call('INFO', 'persistence'));
    if (info.includes('rdb_bgsave_in_progress:0') && info.includes(`rdb_last_bgsave_status:${status}`)) return;
    await sleep(10);
  }
}

const TROUBLES: Record<string, Trouble> = {
  'maxmemory reached': {
    code: 'TARGET_FULL',
    bring: (server) => server.call('CONFIG', 'SET', 'maxmemory', 1),
    mend: (server) => server.call('CONFIG', 'SET', 'maxmemory', 0),
  },
  'a save that failed': {
    code: 'TARGET_MISCONF',
    bring: async (server) => {
      await server.call('CONFIG', 'SET', 'save', '3600 1');
      mkdirSync(dumpFolder(server));
      await saved(server, 'err');
    },
    mend: async (server) => {
      rmdirSync(dumpFolder(server));
      await saved(server, 'ok');
    },
  },
  'a master that was made a replica': {
    code: 'TARGET_READONLY',
    bring: (server) => server.call('REPLICAOF', '127.0.0.1', 1),
    mend: (server) => server.call('REPLICAOF', 'NO', 'ONE'),
  },
  'replicas that are missing': {
    code: 'TARGET_NOREPLICAS',
    bring: (server) => server.call('CONFIG', 'SET', 'min-replicas-to-write', 1),
    mend: (server) => server.call('CONFIG', 'SET', 'min-replicas-to-write', 0),
  },
  'a right that was taken away': {
    code: 'TARGET_NOPERM',
    bring: (server) => server.call('ACL', 'SETUSER', 'default', '-restore', '-set'),
    mend: (server) => server.call('ACL', 'SETUSER', 'default', '+restore', '+set'),
  },
};

describe.concurrent('in the middle', () => {
  const cases = Object.keys(TROUBLES).flatMap((trouble) => POLICIES.map((policy) => [trouble, policy] as const));
  test.for(cases)('%s, %s', async ([kind, policy]) => {
    const { code, bring, mend } = TROUBLES[kind] as Trouble;
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const given = options(policy);
    void proxy.holdAt(500_000, () => bring(server));
    const report = await restoreInto(proxy, file, given);
    expectRefusal(report, code, /db \d+, key ".*The server said: /s);
    expect(report.keys.written).toBeGreaterThan(0);
    // Nothing has changed yet: the same call is refused at once, and loses nothing.
    const again = await restoreInto(proxy, file, given);
    expect(again.error?.code).toMatch(code === 'TARGET_READONLY' ? /^TARGET_REPLICA$/ : new RegExp(`^${code}$`));
    await mend(server);
    await expectWhole(await restoreInto(proxy, file, given), server);
  });

  test.for(POLICIES)('a password that is asked for since, %s', async (policy) => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const given = options(policy);
    void proxy.holdAt(500_000, async () => {
      await server.call('CONFIG', 'SET', 'requirepass', 'pw');
      proxy.resetAll();
    });
    expectRefusal(await restoreInto(proxy, file, given), 'TARGET_AUTH', /asks for a password/);
    const url = `redis://:pw@127.0.0.1:${proxy.port}`;
    const resumed = await restoreInto(proxy, file, { ...given, url });
    await server.call('CONFIG', 'SET', 'requirepass', '');
    await expectWhole(resumed, server);
  });

  test('a user whose keys are only some of the file’s', async () => {
    await using server = await startServer(name);
    await server.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', '+@all', 'allkeys', 'resetkeys', '~many:*', '~string:*');
    const given = { ...options(), filter: { match: ['many:*', 'set:*'] }, url: withAuth(server, 'ferry:pw') };
    const report = await restoreInto(server, file, given);
    expectRefusal(report, 'TARGET_NOPERM', /key "set:/);
    await server.call('ACL', 'SETUSER', 'ferry', '~set:*');
    const resumed = await restoreInto(server, file, given);
    // Which key comes first in the file, and with it whether the checks meet a forbidden one, is by chance.
    expect(resumed.error?.describe()).toBeUndefined();
    expect(resumed.outcome).toBe('complete');
    expect(accounted(resumed.keys)).toBe(keys);
  });

  test('with --force, a file that does not fit is written as far as it goes', async () => {
    await using server = await startServer(name);
    const used = Number(/used_memory:(\d+)/.exec(String(await server.call('INFO', 'memory')))?.[1]);
    await server.call('CONFIG', 'SET', 'maxmemory', used + 900_000);
    const given = { ...options(), force: true };
    const report = await restoreInto(server, file, given);
    expectRefusal(report, 'TARGET_FULL', /OOM/);
    expect(report.keys.written).toBeGreaterThan(0);
    expect(report.warnings.join()).toMatch(/bytes are to be written/);
    await server.call('CONFIG', 'SET', 'maxmemory', 0);
    await expectWhole(await restoreInto(server, file, given), server);
  });

  test('rewrite may fill a server with what it frees', async () => {
    await using server = await startServer(name);
    const old = Array.from({ length: 300 }, (_, i): Command => ['SET', `other ${i}`, 'x'.repeat(1000)]);
    await pipelined(server.client, old);
    const info = String(await server.call('INFO', 'memory'));
    await server.call('CONFIG', 'SET', 'maxmemory', Number(/used_memory:(\d+)/.exec(info)?.[1]) + 500_000);
    const given = options('rewrite');
    const report = await restoreInto(server, file, given);
    expectRefusal(report, 'TARGET_FULL', /OOM/);
    expect(report.warnings.join()).toMatch(/bytes are to be written/);
  });
});
