// A dump of a real server is what the server itself would have saved: by every way in, from every server at hand.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpOptions } from '../../lib/jobs/dump/dump.ts';
import { dump } from '../../lib/jobs/dump/dump.ts';
import { restore } from '../../lib/jobs/restore.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { parsePsyncNames } from '../../lib/sources/replica/psync-names.ts';
import { Replication } from '../../lib/sources/replica/replication.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';
import { Certificates, lacksOpenssl, pem, tlsConfig } from '../support/certificates.ts';
import { withCluster } from '../support/cluster.ts';
import { configFor, fill, saveRdb } from '../support/dataset.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { startWatched } from '../support/sentinel.ts';
import { freePort } from '../support/server-process.ts';
import {
  anyServer,
  lacks,
  SERVER_NAMES,
  type Server,
  type ServerName,
  startServer,
  withServer,
} from '../support/servers.ts';
import { writeSteadily } from '../support/steady-writes.ts';

const SEED = 20_261_130;
const DISKLESS = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' };

/** Dumps into a new folder, proves the backup, and gives its one file. */
async function dumped(url: string, options: Partial<DumpOptions> = {}) {
  const output = join(temporaryFolder(), 'dump.rdb');
  const { manifest } = await dump({ source: parseRedisUrl(url), output, version: 'test', ...options });
  const { good, files } = await verifyBackup({ path: output });
  expect(files.map(({ error }) => error?.describe())).toEqual([undefined]);
  expect(good).toBe(true);
  return { manifest, shard: manifest.shards[0]!, rdb: output };
}

const load = (name: ServerName, rdb: string, flavour = {}): Promise<Snapshot> =>
  withServer(name, { rdb, config: configFor(name, flavour) }, (server) => snapshot(server));

for (const name of SERVER_NAMES) {
  describe.skipIf(lacks(name) !== '')(`${name}${lacks(name)}`, () => {
    const flavour = { eviction: 'lfu' as const };
    let source: Server;
    let saved: Snapshot;

    beforeAll(async () => {
      source = await startServer(name, { config: { 'repl-diskless-sync-delay': '0' } });
      await fill(source, { seed: SEED, scale: 0.3, ...flavour });
      await source.call('SAVE');
      saved = await load(name, join(source.dir, 'dump.rdb'), flavour);
    }, 60_000);
    afterAll(() => source.stop());

    for (const diskless of ['yes', 'no']) {
      for (const via of ['psync', 'sync'] as const) {
        test(`by ${via}, repl-diskless-sync ${diskless}`, async () => {
          await source.call('CONFIG', 'SET', 'repl-diskless-sync', diskless);
          const { manifest, shard, rdb } = await dumped(source.url, { via });
          expect(compare(saved, await load(name, rdb, flavour)), `seed ${SEED}`).toEqual([]);
          const info = String(await source.call('INFO', 'replication'));
          expect(shard.replication?.replid).toBe(/master_replid:(\w+)/.exec(info)?.[1]);
          expect(shard).toMatchObject({ serverVersion: source.version, pointInTime: true, slots: null });
          expect(manifest).toMatchObject({ via, pointInTime: 'all', kind: 'standalone' });
          expect(manifest.keys).toBe(shard.databases.reduce((sum, { keys }) => sum + keys, 0));
        }, 30_000);
      }
    }

    test('by scan, key by key and of no one moment', async () => {
      const { manifest, shard, rdb } = await dumped(source.url, { via: 'scan', access: true });
      expect(compare(saved, await load(name, rdb, flavour)), `seed ${SEED}`).toEqual([]);
      expect(manifest).toMatchObject({ via: 'scan', pointInTime: 'none' });
      expect(shard).toMatchObject({ serverVersion: source.version, pointInTime: false, replication: null });
    }, 30_000);
  });
}

const name = anyServer();

describe('a user with', () => {
  test.each([
    ['psync', ['+psync', '+replconf']],
    ['sync', ['+sync', '+replconf']],
  ] as const)('exactly what the help lists for %s', async (via, rights) => {
    await using source = await startServer(name, { config: DISKLESS });
    await fill(source, { seed: SEED, scale: 0.1 });
    await source.call('ACL', 'SETUSER', 'ferry', 'on', '>secret', ...rights);
    const { manifest } = await dumped(`redis://ferry:secret@127.0.0.1:${source.port}`, { via });
    expect(manifest.keys).toBeGreaterThan(100);
    const auto = await dumped(`redis://ferry:secret@127.0.0.1:${source.port}`);
    expect(auto.manifest.via).toBe(via);
    expect(auto.manifest.warnings.join()).toMatch(via === 'sync' ? /by SYNC instead of PSYNC/ : /^$/);
  });

  test('neither is read by SCAN, and told so', async () => {
    await using source = await startServer(name, { config: DISKLESS });
    await source.call('SET', 'a', '1');
    await source.call('ACL', 'SETUSER', 'ferry', 'on', '>secret', '~*', '+@all', '-psync', '-sync');
    const { manifest } = await dumped(`redis://ferry:secret@127.0.0.1:${source.port}`);
    expect(manifest).toMatchObject({ via: 'scan', pointInTime: 'none', keys: 1 });
    expect(manifest.warnings.join()).toMatch(
      /by SCAN, and of no one moment: at .* does not let itself be copied by PSYNC/,
    );
  });

  test('neither is refused by name where SCAN is not wanted, and nothing is left', async () => {
    await using source = await startServer(name, { config: DISKLESS });
    await source.call('ACL', 'SETUSER', 'ferry', 'on', '>secret', '+ping');
    const output = join(temporaryFolder(), 'backups');
    const refused = dump({
      source: parseRedisUrl(`redis://ferry:secret@127.0.0.1:${source.port}`),
      output,
      name: 'none',
      version: 'test',
      via: 'psync',
    });
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
    expect(() => readFileSync(join(output, 'none'))).toThrow(/ENOENT/);
  });
});

test('PSYNC under another name', async () => {
  await using source = await startServer(name, { config: { ...DISKLESS, 'rename-command': 'PSYNC nmfu2sl5osync' } });
  await source.call('SET', 'a', '1');
  await expect(dumped(source.url, { via: 'psync' })).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  const psyncNames = parsePsyncNames(`127.0.0.1:${source.port}@nmfu2sl5osync`);
  expect((await dumped(source.url, { via: 'psync', psyncNames })).shard.replication).not.toBeNull();
});

test.skipIf(lacksOpenssl !== '')(
  `over TLS with a client certificate, and over a unix socket${lacksOpenssl}`,
  async () => {
    using certificates = new Certificates();
    const port = await freePort();
    const tls = tlsConfig(certificates.server(), port, certificates.authority());
    await using source = await startServer(name, { config: { ...DISKLESS, ...tls, unixsocket: 'socket' } });
    await source.call('SET', 'a', '1');
    const client = certificates.client();
    const ca = pem(certificates.authority().cert);
    const url = parseRedisUrl(`rediss://127.0.0.1:${port}`, {
      tls: { ca, cert: pem(client.cert), key: pem(client.key) },
    });
    expect((await dumped(source.url, { source: url })).manifest.keys).toBe(1);
    await expect(dumped(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'TARGET_TLS' });
    expect((await dumped(`unix://${join(source.dir, 'socket')}`)).manifest.keys).toBe(1);
  },
);

describe('a source that holds', () => {
  test('nothing', async () => {
    await using source = await startServer(name, { config: DISKLESS });
    const { manifest, rdb } = await dumped(source.url);
    expect(manifest).toMatchObject({ keys: 0, expires: 0 });
    expect((await load(name, rdb)).databases.size).toBe(0);
  });

  test('functions alone', async () => {
    await using source = await startServer(name, { config: DISKLESS });
    if (!source.features.seven) return;
    await source.call('FUNCTION', 'LOAD', "#!lua name=f\nredis.register_function('f', function() return 1 end)");
    const { shard, rdb } = await dumped(source.url);
    expect(shard).toMatchObject({ keys: 0, functions: 1 });
    expect(Object.keys((await load(name, rdb)).libraries)).toEqual(['f']);
  });

  test('values beyond every buffer', async () => {
    await using source = await startServer(name, { config: DISKLESS });
    await source.call('DEBUG', 'POPULATE', 3, 'big', 20_000_000);
    await source.call('EVAL', "for i=1,200000 do redis.call('HSET','hash',i,string.rep('x',i%50)) end", 0);
    const { shard, rdb } = await dumped(source.url);
    expect(shard.databases).toEqual([{ db: 0, keys: 4, expires: 0, types: { string: 3, hash: 1 } }]);
    expect((await load(name, rdb)).digest).toBe(await source.call('DEBUG', 'DIGEST'));
  }, 30_000);
});

test('while 5,000 writes a second go on, it is the state at its offset: the stream goes on with the next write', async () => {
  await using source = await startServer(name, { config: { ...DISKLESS, 'repl-backlog-size': '64mb' } });
  // Enough that the save takes a while.
  await source.call('DEBUG', 'POPULATE', 300_000, 'old', 50);
  let n = 0;
  const writer = source.connect();
  const writes = writeSteadily(5000, async (count) => {
    const batch = writer.pipeline();
    for (let i = 0; i < count; i++) batch.set(`k:${++n}`, String(n));
    await batch.exec();
  });
  while (n < 1000) await new Promise((resolve) => setTimeout(resolve, 10));
  const { shard, rdb } = await dumped(source.url);
  console.log(`dump by psync beside ${await writes.stop()} writes/s`);
  const held = await withServer(name, { rdb }, async (server) => Number(await server.call('DBSIZE')) - 300_000);
  expect(held).toBeGreaterThanOrEqual(1000);
  expect(held, 'writes went on meanwhile').toBeLessThan(n);
  await withServer(name, { rdb }, async (server) => {
    const keys = Array.from({ length: held }, (_, i) => `k:${i + 1}`);
    expect(await server.call('MGET', ...keys)).toEqual(keys.map((key) => key.slice(2)));
  });
  const { replid, offset } = shard.replication!;
  const stream = await Replication.open(parseRedisUrl(source.url), {
    command: 'psync',
    from: { replid, offset: BigInt(offset) },
    patienceMs: 1000,
    stallMs: 5000,
    clock: systemClock,
  });
  expect(stream.kind).toBe('continue');
  let text = '';
  for await (const piece of stream.stream()) {
    text += piece.toString('latin1');
    if (text.length > 500) break;
  }
  stream.end();
  expect(/\bk:(\d+)\r\n/.exec(text)?.[1]).toBe(String(held + 1));
}, 60_000);

describe('a source that is a replica', () => {
  test('without its master is waited for, but not for ever', async () => {
    await using source = await startServer(name, { config: { ...DISKLESS, replicaof: '127.0.0.1 1' } });
    await expect(dumped(source.url, { patienceMs: 300 })).rejects.toMatchObject({ code: 'SOURCE_NOT_READY' });
    setTimeout(() => void source.call('REPLICAOF', 'NO', 'ONE'), 700);
    const { manifest } = await dumped(source.url, { patienceMs: 20_000 });
    expect(manifest.warnings.join()).toContain('NOMASTERLINK');
  }, 30_000);

  test('and still loading is waited for', async () => {
    await using master = await startServer(name, { config: DISKLESS });
    await fill(master, { seed: SEED, scale: 0.2 });
    await master.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    await using replica = await startServer(name, {
      config: {
        ...DISKLESS,
        'repl-diskless-load': 'swapdb',
        'key-load-delay': '50000',
        'loading-process-events-interval-bytes': '1024',
      },
    });
    await replica.call('REPLICAOF', '127.0.0.1', master.port);
    await expect.poll(() => replica.call('INFO', 'persistence'), { timeout: 10_000 }).toContain('loading:1');
    setTimeout(() => void replica.call('CONFIG', 'SET', 'key-load-delay', '0'), 1500);
    const { manifest } = await dumped(replica.url, { patienceMs: 30_000 });
    expect(String(await replica.call('INFO', 'persistence'))).not.toContain('loading:1');
    expect(manifest.keys).toBeGreaterThan(100);
    const keyspace = String(await master.call('INFO', 'keyspace'));
    const there = [...keyspace.matchAll(/keys=(\d+)/g)].reduce((sum, [, keys]) => sum + Number(keys), 0);
    // Some may have expired since.
    expect(manifest.keys).toBeGreaterThanOrEqual(there);
  }, 60_000);

  test('is preferred where one is online, and its master does not fork', async () => {
    await using master = await startServer(name, { config: DISKLESS });
    await master.call('SET', 'a', '1');
    await using replica = await startServer(name, { config: { ...DISKLESS, replicaof: `127.0.0.1 ${master.port}` } });
    await expect.poll(() => master.call('INFO', 'replication'), { timeout: 10_000 }).toMatch(/state=online/);
    const { shard, manifest } = await dumped(master.url, { prefer: 'replica' });
    expect(shard).toMatchObject({ role: 'replica', node: `redis://127.0.0.1:${replica.port}`, keys: 1 });
    expect(manifest.warnings).toEqual([]);
    const alone = await dumped(replica.url, { prefer: 'replica' });
    expect(alone.shard.node).toBe(`redis://127.0.0.1:${replica.port}`);
  }, 30_000);
});

test('from whichever server the sentinels name', async () => {
  await using watched = await startWatched(name);
  await watched.master.call('SET', 'a', '1');
  const { manifest } = await dumped(`redis-sentinel://${watched.hosts}/mymaster`);
  expect(manifest).toMatchObject({ kind: 'sentinel', keys: 1 });
}, 30_000);

test('sentinels without a quorum still tell where the master is, and when it is gone that there is none', async () => {
  await using watched = await startWatched(name);
  const [, second, third] = watched.sentinels;
  await second!.stop();
  await third!.stop();
  await watched.master.call('SET', 'a', '1');
  const url = `redis-sentinel://${watched.hosts}/mymaster`;
  expect((await dumped(url)).manifest.keys).toBe(1);
  await watched.master.stop();
  const refused = dumped(url, { patienceMs: 500 });
  await expect(refused).rejects.toMatchObject({
    code: 'SENTINEL_NO_MASTER',
    remedy: expect.stringMatching(/it begins anew\.$/),
  });
}, 30_000);

describe('a cluster', () => {
  test('is one set: restored into another cluster and into one server it is the same', async () => {
    await using filled = await startServer('redis-7.0');
    await fill(filled, { seed: SEED, scale: 0.5 });
    const file = await saveRdb(filled);
    await withCluster('redis-7.0', { config: { ...configFor('redis-7.0', {}), ...DISKLESS } }, async (cluster) => {
      const target = parseRedisUrl(cluster.url);
      const work = temporaryFolder();
      expect((await restore({ files: [file], target, filter: { dbs: [0] }, workDir: work })).error).toBeUndefined();
      const output = temporaryFolder();
      for (const prefer of ['master', 'replica'] as const) {
        const { manifest } = await dump({ source: target, output, name: prefer, prefer, version: 'test' });
        expect(manifest).toMatchObject({ kind: 'cluster', pointInTime: 'shards', warnings: [] });
        expect(manifest.shards.map(({ role }) => role)).toEqual([prefer, prefer, prefer]);
        expect(manifest.shards.map(({ slots }) => slots)).toEqual([[[0, 5460]], [[5461, 10_922]], [[10_923, 16_383]]]);
        const { good, files } = await verifyBackup({ path: join(output, prefer), level: 'restore' });
        expect(files.map(({ error }) => error?.describe())).toEqual([undefined, undefined, undefined]);
        expect(good).toBe(true);
      }
      const shards = ['00000-05460', '05461-10922', '10923-16383'].map((slots) =>
        join(output, 'master', `shard-${slots}.rdb`),
      );
      const { manifest: whole, rdb } = await dumped(cluster.url, { merge: true });
      expect(whole).toMatchObject({ kind: 'cluster', via: 'psync', pointInTime: 'none', warnings: [] });
      expect(whole.shards).toMatchObject([{ file: 'dump.rdb', slots: null, replication: null }]);
      await using one = await startServer('redis-7.0', { config: configFor('redis-7.0', {}) });
      const merged = await restore({
        files: shards,
        target: parseRedisUrl(one.url),
        onConflict: 'panic',
        workDir: work,
      });
      // Each shard has the functions.
      expect(merged.error?.describe()).toBeUndefined();
      one.loadedAt = Date.now();
      const expected = await load('redis-7.0', file);
      expected.databases.delete(1);
      expected.databases.delete(9);
      const sameAs = (found: Snapshot) =>
        compare({ ...expected, digest: '' }, { ...found, digest: '' }, { ignoreAccess: true });
      expect(sameAs(await snapshot(one)), `seed ${SEED}`).toEqual([]);
      // A server loads the merged file itself.
      expect(sameAs(await load('redis-7.0', rdb)), `seed ${SEED}`).toEqual([]);
      await withCluster('redis-7.0', { replicas: 0, config: configFor('redis-7.0', {}) }, async (other) => {
        const url = parseRedisUrl(other.url);
        expect((await restore({ files: shards, target: url, workDir: work })).error?.describe()).toBeUndefined();
        const { manifest } = await dump({ source: url, output, name: 'other', merge: true, version: 'test' });
        expect(sameAs(await load('redis-7.0', join(output, 'other', 'dump.rdb'))), `seed ${SEED}`).toEqual([]);
        expect(manifest.keys).toBe(whole.keys);
      });
    });
  }, 180_000);

  test('whose slots move meanwhile is not taken for whole', async () => {
    await withCluster(
      'redis-7.0',
      { replicas: 0, config: { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '2' } },
      async (cluster) => {
        const output = temporaryFolder();
        const dumping = dump({ source: parseRedisUrl(cluster.url), output, name: 'set', version: 'test' });
        const [, second] = await cluster.masters();
        setTimeout(() => void cluster.moveSlot(0, second!), 1000);
        await expect(dumping).rejects.toMatchObject({ code: 'SOURCE_SLOTS_MOVED' });
        expect(() => readFileSync(join(output, 'set'))).toThrow(/ENOENT/);
      },
    );
  }, 60_000);
});
