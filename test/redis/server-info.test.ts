// INFO is understood, of real servers and of those that hide a part.
import { describe, expect, test } from 'vitest';
import { atLeast, parseInfo, rdbVersionOf, showVersion } from '../../lib/redis/server-info.ts';
import { availableServers } from '../support/server-binaries.ts';
import { withServer } from '../support/servers.ts';

const info = (...lines: string[]) => parseInfo(`# Server\r\n${lines.join('\r\n')}\r\n`);

describe('what a server says of itself', () => {
  test('is read whole', () => {
    const text = [
      '# Server\r\nredis_version:7.0.15\r\nrun_id:0123456789abcdef\r\n',
      '# Memory\r\nused_memory:1048576\r\nmaxmemory:2097152\r\nmaxmemory_policy:allkeys-lru\r\n',
      '# Persistence\r\nloading:1\r\n# Replication\r\nrole:slave\r\nconnected_slaves:2\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\n',
      '# Cluster\r\ncluster_enabled:1\r\n',
      '# Keyspace\r\ndb0:keys=5,expires=1,avg_ttl=0\r\ndb15:keys=70000,expires=0,avg_ttl=0,subexpiry=0\r\n',
    ].join('\r\n');
    expect(parseInfo(text)).toEqual({
      engine: 'redis',
      version: [7, 0, 15],
      runId: '0123456789abcdef',
      role: 'replica',
      master: '10.0.0.1:6380',
      replicas: 2,
      cluster: true,
      loading: true,
      usedMemory: 1048576,
      maxMemory: 2097152,
      evictionPolicy: 'allkeys-lru',
      keys: 70005,
    });
  });

  test('may leave out what a service hides', () => {
    expect(info('redis_version:6.2.6')).toEqual({
      engine: 'redis',
      version: [6, 2, 6],
      runId: '',
      role: 'master',
      master: undefined,
      replicas: 0,
      cluster: false,
      loading: false,
      usedMemory: 0,
      maxMemory: 0,
      evictionPolicy: '',
      keys: 0,
    });
    expect(parseInfo('').version).toEqual([0, 0, 0]);
  });

  test('may have odd versions and line ends', () => {
    expect(info('redis_version:7.4.0-rc1').version).toEqual([7, 4, 0]);
    expect(info('redis_version:255.255.255').version).toEqual([255, 255, 255]);
    expect(parseInfo('redis_version:8.0\nrole:master\n')).toMatchObject({ version: [8, 0, 0], role: 'master' });
  });

  test('is Valkey’s by its own version, and not by the one for old clients', () => {
    expect(info('redis_version:7.2.4', 'server_name:valkey', 'valkey_version:8.1.1')).toMatchObject({
      engine: 'valkey',
      version: [8, 1, 1],
    });
    expect(info('redis_version:7.2.5', 'server_name:valkey')).toMatchObject({ engine: 'valkey', version: [7, 2, 5] });
    expect(info('redis_version:8.0.0', 'server_name:redis')).toMatchObject({ engine: 'redis', version: [8, 0, 0] });
  });
});

describe('the RDB version that a server takes', () => {
  test.each([
    ['redis_version:2.8.24', 6],
    ['redis_version:3.0.7', 6],
    ['redis_version:3.2.13', 7],
    ['redis_version:4.0.14', 8],
    ['redis_version:5.0.14', 9],
    ['redis_version:6.0.16', 9],
    ['redis_version:6.2.14', 9],
    ['redis_version:7.0.15', 10],
    ['redis_version:7.2.4', 11],
    ['redis_version:7.4.1', 12],
    ['redis_version:8.0.6', 12],
    ['redis_version:8.4.0', 12],
    ['redis_version:8.6.0', 13],
    ['redis_version:8.8.0', 14],
    ['redis_version:8.10.0', 15],
    ['valkey_version:7.2.5', 11],
    ['valkey_version:8.0.1', 11],
    ['valkey_version:8.1.1', 11],
    ['valkey_version:9.0.0', 80],
    ['valkey_version:9.1.2', 80],
    ['valkey_version:9.2.0', 81],
  ])('of %s is %i', (line, version) => {
    expect(rdbVersionOf(info(line))).toBe(version);
  });

  test.each(availableServers())('of %s is what it writes', async (name) => {
    await withServer(name, {}, async (server) => {
      await server.call('SET', 'key', 'value');
      const payload = (await server.callBuffer('DUMP', 'key')) as Buffer;
      const said = parseInfo(String(await server.call('INFO')));
      expect(rdbVersionOf(said)).toBe(payload.readUInt16LE(payload.length - 10));
      expect(said).toMatchObject({ role: 'master', cluster: false, loading: false, keys: 1 });
      expect(said.runId).toMatch(/^[0-9a-f]{40}$/);
      expect(showVersion(said)).toBe(`${name.startsWith('valkey') ? 'Valkey' : 'Redis'} ${server.version}`);
    });
  });
});

test('a version is compared within its engine', () => {
  const seven = info('redis_version:7.2.4');
  expect(atLeast(seven, 7)).toBe(true);
  expect(atLeast(seven, 7, 2)).toBe(true);
  expect(atLeast(seven, 7, 3)).toBe(false);
  expect(atLeast(seven, 6, 9)).toBe(true);
  expect(atLeast(seven, 8)).toBe(false);
  expect(atLeast(info('redis_version:8.10.0'), 8, 9)).toBe(true);
});
