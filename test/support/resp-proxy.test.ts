// The test proxy shards, splits and refuses as the real ones do.
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Command, pipelined } from './commands.ts';
import { type ProxyOptions, type RespProxy, startRespProxy } from './resp-proxy.ts';
import { anyServer, type Server, startServer } from './servers.ts';

let backends: Server[];
beforeAll(async () => {
  backends = await Promise.all([1, 2, 3].map(() => startServer(anyServer())));
});
afterAll(async () => {
  for (const each of backends) await each.stop();
});
beforeEach(async () => {
  for (const each of backends) await each.call('FLUSHALL');
});

async function through(
  options: Omit<ProxyOptions, 'backends'>,
  use: (client: Redis, proxy: RespProxy) => Promise<void>,
): Promise<void> {
  await using proxy = await startRespProxy({ ...options, backends });
  const { host, port } = proxy;
  const client = new Redis({
    host,
    port,
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
  });
  client.on('error', () => {});
  try {
    await use(client, proxy);
  } finally {
    client.disconnect();
  }
}

test.each(['twemproxy', 'codis'] as const)('%s sends each key to its server, answers in order', async (kind) => {
  await through({ kind }, async (client, proxy) => {
    const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`);
    const large = Buffer.alloc(3_000_000, 'x');
    await pipelined(client, [...keys.map((key): Command => ['SET', key, key]), ['SET', 'large', large]]);
    expect((await client.getBuffer('large'))?.equals(large)).toBe(true);
    const values = await pipelined(
      client,
      keys.map((key): Command => ['GET', key]),
    );
    expect(values.map(String)).toEqual(keys);
    for (const key of keys) expect(await backends[proxy.backendOf(key)]!.call('EXISTS', key)).toBe(1);
    for (const each of backends) expect(Number(await each.call('DBSIZE'))).toBeGreaterThan(50);
  });
});

test.each(['twemproxy', 'codis'] as const)('%s splits MSET, MGET and DEL', async (kind) => {
  await through({ kind }, async (client) => {
    expect(await client.mset('a', '1', 'b', '2', 'c', '3', 'd', '4')).toBe('OK');
    expect(await client.mget('d', 'none', 'a', 'c')).toEqual(['4', null, '1', '3']);
    expect(await client.del('a', 'b', 'none')).toBe(2);
  });
});

test.each([
  ['MULTI'],
  ['SELECT', '0'],
  ['INFO'],
  ['CONFIG', 'GET', '*'],
  ['CLUSTER', 'SLOTS'],
  ['RENAME', 'a', 'b'],
  ['MSETNX', 'a', '1'],
  ['XADD', 's', '*', 'f', 'v'],
  ['RESTORE', 'a', '0', 'payload', 'REPLACE'],
  ['HSET', 'h', 'f', 'v', 'g', 'w'],
])('twemproxy closes the connection at %s', async (...parts) => {
  await through({ kind: 'twemproxy' }, async (client, proxy) => {
    expect(await client.ping()).toBe('PONG');
    const [name, ...args] = parts as [string, ...string[]];
    await expect(client.call(name, args)).rejects.toThrow('Connection is closed');
    expect(proxy.refused).toEqual([name]);
  });
});

test('twemproxy passes DUMP and a plain RESTORE', async () => {
  await through({ kind: 'twemproxy' }, async (client) => {
    await client.set('a', 'x');
    const payload = (await client.dumpBuffer('a')) as Buffer;
    expect(await client.call('RESTORE', ['b', '0', payload])).toBe('OK');
    await expect(client.call('RESTORE', ['b', '0', payload])).rejects.toThrow('BUSYKEY');
    expect(await client.get('b')).toBe('x');
  });
});

test('codis refuses with an error, and goes on', async () => {
  await through({ kind: 'codis' }, async (client, proxy) => {
    await expect(client.call('RESTORE', ['a', '0', 'x'])).rejects.toThrow("command 'RESTORE' is not allowed");
    await expect(client.call('MULTI')).rejects.toThrow('not allowed');
    expect(proxy.refused).toEqual(['RESTORE', 'MULTI']);
    expect(await client.call('SELECT', ['3'])).toBe('OK');
    await client.set('a', 'x');
    expect(await backends[proxy.backendOf('a')]!.connect({ db: 3 }).get('a')).toBe('x');
    expect(String(await client.call('INFO', ['server']))).toContain('redis_version');
  });
});

test('a password is asked for; PING is unknown to old ones; a server that is gone gives errors', async () => {
  await through({ kind: 'codis', password: 'secret' }, async (client) => {
    await expect(client.set('a', 'x')).rejects.toThrow('NOAUTH');
    await expect(client.call('AUTH', ['wrong'])).rejects.toThrow('invalid password');
    expect(await client.call('AUTH', ['secret'])).toBe('OK');
    expect(await client.set('a', 'x')).toBe('OK');
  });
  await through({ kind: 'twemproxy', ping: false }, async (client) => {
    await expect(client.ping()).rejects.toThrow('Connection is closed');
  });
  await using short = await startServer(anyServer());
  await using proxy = await startRespProxy({ kind: 'twemproxy', backends: [short] });
  await short.kill();
  const client = new Redis(proxy.port, proxy.host, {
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  await expect(client.set('a', 'x')).rejects.toThrow('ERR Connection reset by peer');
  client.disconnect();
});
