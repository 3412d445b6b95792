// What the doctor finds on real servers, healthy and not; whatever it finds, it writes nothing.
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DoctorOptions, type DoctorReport, doctor } from '../../lib/jobs/doctor.ts';
import type { Finding } from '../../lib/jobs/doctor-findings.ts';
import { parseRedisUrl, type TlsSettings } from '../../lib/redis/endpoint.ts';
import { blocks, read, root, section } from '../docs/documents.ts';
import { Certificates, lacksOpenssl, pem, tlsConfig } from '../support/certificates.ts';
import { startCluster } from '../support/cluster.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { startRespProxy } from '../support/resp-proxy.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { MASTER, startWatched } from '../support/sentinel.ts';
import { freePort } from '../support/server-process.ts';
import { anyServer, lacks, type Server, startServer } from '../support/servers.ts';

const sample = join(root, 'test', 'fixtures', 'sample.rdb');
const name = anyServer();
const work = new WorkFolder();
const PATIENT = { timeout: 20_000 };
let server: Server;
/** Of a master: a replica need not wait for others to come. */
const promptReplication = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' };

beforeAll(async () => {
  server = await startServer(name, { config: promptReplication });
});
afterAll(async () => {
  await server.stop();
  work[Symbol.dispose]();
});

interface Asked extends Partial<Omit<DoctorOptions, 'target'>> {
  tls?: TlsSettings;
  password?: string;
}

/** Asks about a target, and sees to it that nothing is written there. */
async function ask(url: string, { tls, password, ...options }: Asked = {}, on: readonly Server[] = [server]) {
  const before = await Promise.all(on.map(changes));
  const report = await doctor({ target: parseRedisUrl(url, { tls, password }), ...options });
  expect(await Promise.all(on.map(changes)), 'what is on the target').toEqual(before);
  return report;
}

/** What any write would change: the count of changes, keys, libraries, cached scripts. */
async function changes(on: Server): Promise<unknown[]> {
  const info = String(await on.call('INFO'));
  const told = info.match(/^(?:rdb_changes_since_last_save|number_of_cached_scripts|db\d+):.*$/gm);
  return [told?.map((line) => line.trim()), on.features.seven ? await on.call('FUNCTION', 'LIST') : []];
}

/** Findings that are not ok, in short. */
const complaints = ({ findings }: DoctorReport): string[] =>
  findings.filter(({ verdict }) => verdict !== 'ok').map(({ verdict, check }) => `${verdict} ${check}`);

function finding({ findings }: DoctorReport, check: string): Finding {
  const found = findings.find((each) => each.check === check);
  if (found === undefined) throw new Error(`no finding of ${check}: ${JSON.stringify(findings)}`);
  return found;
}

test('finds nothing to complain of at a healthy server and a file that fits', async () => {
  const report = await ask(server.url, { files: [sample], workDir: work.folder() });
  expect(complaints(report)).toEqual([]);
  expect(report.target).toBe(server.url);
  expect(finding(report, 'server').what).toContain(server.version);
  expect(finding(report, 'file').what).toBe(`${sample}: redis RDB 10, 19,992 keys, 686,140 bytes, whole.`);
  expect(finding(report, 'fit: databases').what).toBe('The target has databases 0, 1.');
});

describe('a target that cannot be asked', () => {
  test('because nothing listens: files are proved all the same', async () => {
    const report = await ask(`redis://127.0.0.1:${await freePort()}`, { files: [sample] });
    expect(complaints(report)).toEqual(['problem address']);
    expect(finding(report, 'address')).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      what: expect.stringContaining('ECONNREFUSED'),
    });
    expect(finding(report, 'file').verdict).toBe('ok');
  });

  test('because the password is wrong, missing, or not wanted', async () => {
    await using closed = await startServer(name, { config: { requirepass: 'right-one' } });
    const url = `redis://127.0.0.1:${closed.port}`;
    for (const [at, password] of [
      [url, 'secret-4711'],
      [url, undefined],
      [server.url, 'secret-4711'],
    ] as const) {
      const report = await ask(at, { ...(password === undefined ? {} : { password }) }, [closed]);
      expect(complaints(report)).toEqual(['problem login']);
      expect(finding(report, 'login').code).toBe('TARGET_AUTH');
      expect(JSON.stringify(report)).not.toContain('secret-4711');
    }
    expect(complaints(await ask(url, { password: 'right-one' }, [closed]))).toEqual([]);
  });

  test('because it is still loading', async () => {
    const loading = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('-LOADING Redis is loading the dataset in memory\r\n'));
    });
    await new Promise<void>((settle) => loading.listen(0, '127.0.0.1', settle));
    try {
      const { port } = loading.address() as AddressInfo;
      const report = await ask(`redis://127.0.0.1:${port}`, { patienceMs: 200 });
      expect(complaints(report)).toEqual(['problem loading']);
      expect(finding(report, 'loading').code).toBe('TARGET_NOT_READY');
    } finally {
      loading.close();
    }
  });

  test('because it speaks no TLS', async () => {
    const report = await ask(server.url.replace('redis:', 'rediss:'), { patienceMs: 300 });
    expect(finding(report, 'address')).toMatchObject({
      verdict: 'problem',
      code: 'TARGET_TLS',
      remedy: expect.stringContaining('redis://'),
    });
  });
});

describe.skipIf(lacksOpenssl !== '')(`over TLS${lacksOpenssl}`, () => {
  test('the certificate’s last day is told, and what fails', async () => {
    using certificates = new Certificates();
    const port = await freePort();
    const pair = certificates.server();
    await using secured = await startServer(name, { config: tlsConfig(pair, port) });
    const ca = pem(certificates.authority().cert);
    const report = await ask(`rediss://127.0.0.1:${port}`, { tls: { ca } }, [secured]);
    expect(complaints(report)).toEqual([]);
    expect(finding(report, 'address').what).toMatch(/with TLS 1\.[23] \(\w+\); its certificate is valid until 20\d\d-/);

    const plain = await ask(`redis://127.0.0.1:${port}`, {}, [secured]);
    expect(finding(plain, 'address')).toMatchObject({
      code: 'TARGET_TLS',
      remedy: expect.stringContaining('rediss://'),
    });
    const strange = await ask(`rediss://127.0.0.1:${port}`, {}, [secured]);
    expect(finding(strange, 'address')).toMatchObject({
      code: 'TARGET_TLS',
      remedy: expect.stringContaining('--tls-ca'),
    });
  });
});

describe('a server that answers', () => {
  test('and is a replica: its master is named, and the checks go on', async () => {
    await using replica = await startServer(name, {
      config: { replicaof: `127.0.0.1 ${server.port}` },
    });
    await expect.poll(() => replica.call('INFO', 'replication'), PATIENT).toMatch(/master_link_status:up/);
    const report = await ask(replica.url, {}, [replica]);
    expect(complaints(report)).toEqual(['problem role']);
    expect(finding(report, 'role')).toMatchObject({
      code: 'TARGET_REPLICA',
      remedy: `Name its master, 127.0.0.1:${server.port}, instead.`,
    });
    expect(finding(report, 'SET').verdict).toBe('ok');
    expect(finding(await ask(server.url), 'replicas').what).toMatch(/^1: .*\(WAIT\)/);
  });

  test('and evicts keys, or has no room', async () => {
    await using small = await startServer(name, { config: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' } });
    const evicting = await ask(small.url, {}, [small]);
    expect(complaints(evicting)).toEqual(['warning memory']);
    expect(finding(evicting, 'memory').remedy).toContain('maxmemory-policy noeviction');
    await small.call('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    expect(finding(await ask(small.url, {}, [small]), 'memory').what).toMatch(/removes keys with an expiry/);
    await small.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await small.call('CONFIG', 'SET', 'maxmemory', '1');
    const full = await ask(small.url, { files: [sample] }, [small]);
    expect(complaints(full)).toEqual(['problem memory', 'problem fit: memory', 'problem fit: keys']);
  });

  test('and is watched by sentinels: they are asked for it', async () => {
    await using watched = await startWatched(name);
    const report = await ask(`redis-sentinel://${watched.hosts}/${MASTER}`, {}, [watched.master]);
    expect(complaints(report)).toEqual([]);
    expect(finding(report, 'sentinels').what).toContain(`127.0.0.1:${watched.masterPort}`);
    const unknown = await ask(`redis-sentinel://${watched.hosts}/nobody`, {}, [watched.master]);
    expect(finding(unknown, 'sentinels').code).toBe('SENTINEL_MASTER_UNKNOWN');
  });

  test('and stands behind a proxy', async () => {
    await using proxy = await startRespProxy({ kind: 'twemproxy', backends: [server] });
    // Commands go to the servers by a script, which stays in their cache.
    const report = await ask(proxy.url, { mode: 'proxy', files: [sample] }, []);
    expect(await server.call('DBSIZE')).toBe(0);
    expect(complaints(report)).toEqual(['problem fit: databases', 'warning fit: functions']);
  });
});

describe('what the user may run', () => {
  /** As ACL SETUSER names them, those that 6.0 has no better word for as a whole. */
  const commands = [
    ...['set', 'restore', 'mset', 'msetnx', 'select', 'dump', 'wait', 'info', 'multi', 'exec', 'watch', 'exists'],
    ...['rename', 'renamenx', 'unlink', 'pexpire', 'pexpireat', 'persist', 'setrange', 'rpush', 'sadd', 'zadd', 'hset'],
    ...['xadd', 'xdel', 'xtrim', 'xsetid', 'xgroup', 'xclaim', 'type', 'hmget', 'xinfo', 'script', 'config', 'module'],
  ];

  test.each([
    ['redis-6.0', ''],
    ['redis-7.0', ''],
    ['redis-7.0', '-acl'],
    ['valkey-9.1', '-acl'],
  ] as const)('%s %s: each missing command is named, and no other', async (each, rule) => {
    if (lacks(each) !== '') return;
    await using main = await startServer(each, { config: promptReplication });
    await using _replica = await startServer(each, {
      config: { replicaof: `127.0.0.1 ${main.port}` },
    });
    await expect.poll(() => main.call('INFO', 'replication'), PATIENT).toMatch(/state=online/);
    const user = main.url.replace('//', '//ferry:secret-4711@');
    await main.call('ACL', 'SETUSER', 'ferry', 'on', '>secret-4711', '~*', '+@all', ...(rule === '' ? [] : [rule]));
    expect(complaints(await ask(user, {}, [main]))).toEqual([]);
    for (const command of commands) {
      await main.call('ACL', 'SETUSER', 'ferry', `-${command}`);
      const report = await ask(user, {}, [main]);
      await main.call('ACL', 'SETUSER', 'ferry', `+${command}`);
      const found = report.findings.filter(({ verdict }) => verdict !== 'ok');
      expect(found.length, command).toBeGreaterThan(0);
      // Everything else has a way round it.
      expect(found.filter(({ verdict }) => verdict === 'problem').length, command).toBe(command === 'set' ? 1 : 0);
      const what = found.map((one) => one.what).join(' ');
      expect(what, command).toMatch(new RegExp(`\\b${command}\\b`, 'i'));
      const others = commands.filter(
        (other) => other !== command && new RegExp(`\\b${other.toUpperCase()}\\b[^:]* cannot be run:`).test(what),
      );
      expect(others, command).toEqual([]);
      expect(JSON.stringify(report)).not.toContain('secret-4711');
    }
  });

  test.each(['redis-6.0', 'redis-7.0', 'valkey-9.1'] as const)(
    'on %s the user of the README lacks nothing',
    async (each) => {
      if (lacks(each) !== '') return;
      await using main = await startServer(each);
      const lines = blocks(section(read('README.md'), '## What the target user needs')).map(({ text }) => text);
      const older = (line: string) => /\+pttl|\+xreadgroup/.test(line);
      const fields = (line: string) => /\+hpexpireat/.test(line);
      for (const line of lines.filter((one) => older(one) === !main.features.seven)) {
        if (fields(line) && !main.features.fieldExpiry) continue;
        const rules = line
          .trim()
          .split(/\s+/)
          .slice(3)
          .map((rule) => (rule.startsWith('>') ? '>pw' : rule));
        await main.call('ACL', 'SETUSER', 'ferry', ...rules);
      }
      expect(complaints(await ask(main.url.replace('//', '//ferry:pw@'), {}, [main]))).toEqual([]);
    },
  );

  test('a user with nothing, and one with some keys only', async () => {
    const bare = server.url.replace('//', '//bare:pw@');
    await server.call('ACL', 'SETUSER', 'bare', 'on', '>pw', '~*', '-@all');
    const report = await ask(bare);
    expect(finding(report, 'server')).toMatchObject({ verdict: 'unknown', remedy: 'ACL SETUSER bare +info' });
    expect(finding(report, 'SET')).toMatchObject({
      verdict: 'problem',
      code: 'TARGET_NOPERM',
      remedy: 'ACL SETUSER bare +set',
    });

    expect(finding(report, 'RESTORE').verdict).toBe('problem');
    expect(finding(report, 'big values').remedy).toMatch(/ \+rpush .* \+multi /);

    await server.call('ACL', 'SETUSER', 'some', 'on', '>pw', '~app:*', '+@all');
    const some = await ask(server.url.replace('//', '//some:pw@'), { files: [sample] });
    expect(complaints(some)).toEqual(['warning key names', 'problem fit: keys']);
    expect(finding(some, 'key names').remedy).toContain('~keyferry:tmp:*');
  });
});

test('masters of a cluster that are announced elsewhere are named, and found where --address-map leads', async () => {
  await using cluster = await startCluster(name, { replicas: 0, announce: 'port' });
  const lost = await ask(cluster.url, { files: [sample] }, cluster.nodes);
  expect(complaints(lost)).toEqual(['problem masters']);
  const { what, remedy, code } = finding(lost, 'masters');
  expect(code).toBe('TARGET_UNREACHABLE');
  for (const { announced } of cluster.addressMap) {
    expect(what).toContain(announced);
    expect(remedy).toContain(`${announced}=HOST:PORT`);
  }
  const addressMap = new Map(cluster.addressMap.map(({ announced, real }) => [announced, real]));
  const found = await ask(cluster.url, { files: [sample], addressMap }, cluster.nodes);
  expect(complaints(found)).toEqual(['problem fit: databases']);
  expect(finding(found, 'fit: databases').remedy).toContain('--merge-dbs');
  expect(finding(found, 'kind').what).toBe('A cluster of 3 masters; all 16,384 slots are served.');
});

test('a cluster whose slots have no master is told, and its node asked for the rest', async () => {
  await using lone = await startServer(name, { config: { 'cluster-enabled': 'yes' } });
  const report = await ask(lone.url, { patienceMs: 200, files: [sample] }, [lone]);
  expect(complaints(report)).toEqual(['problem kind']);
  expect(finding(report, 'kind').code).toBe('CLUSTER_DOWN');
  expect(finding(report, 'databases').what).toMatch(/^One/);
  expect(finding(report, 'ASKING').verdict).toBe('ok');
});

describe('files', () => {
  test('that are damaged or missing are told, and the others are held against the target', async () => {
    const broken = work.file('broken.rdb');
    await writeFile(broken, 'REDIS0011 and no more');
    const report = await ask(server.url, { files: [broken, work.file('none.rdb'), sample] });
    expect(complaints(report)).toEqual(['problem file', 'problem file']);
    expect(report.findings.filter(({ check }) => check === 'file').map(({ code }) => code)).toEqual([
      expect.stringMatching(/^RDB_/),
      'INPUT_NOT_FOUND',
      undefined,
    ]);
    expect(finding(report, 'fit: types').verdict).toBe('ok');
  });

  test.skipIf(lacks('redis-6.0') !== '')(`that lose something, or do not fit at all${lacks('redis-6.0')}`, async () => {
    await using old = await startServer('redis-6.0');
    const future = BigInt(Date.now() + 3_600_000);
    const losing = work.file('losing.rdb');
    await writeFile(losing, new RdbFileBuilder('REDIS0012').key('h', values.HASH_METADATA([['f', 'v', future]])).end());
    const report = await ask(old.url, { files: [losing] }, [old]);
    expect(complaints(report)).toEqual(['warning fit: types']);
    const ambiguous = await ask(`${old.url}/3`, { files: [sample] }, [old]);
    expect(finding(ambiguous, 'fit: databases')).toMatchObject({ verdict: 'problem', code: 'DB_AMBIGUOUS' });
    expect(finding(ambiguous, 'fit: functions').verdict).toBe('warning');
  });
});
