// The master is found by way of its sentinels, over fail-overs and past sentinels that are down or know nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyferryError } from '../../lib/errors.ts';
import { parseRedisUrl, type RedisUrl } from '../../lib/redis/endpoint.ts';
import { resolveMaster, type SentinelOptions } from '../../lib/redis/sentinel.ts';
import { SentinelFleet } from '../../lib/redis/sentinel-fleet.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';
import { Certificates, lacksOpenssl, pem } from '../support/certificates.ts';
import { startWatched, type Watched } from '../support/sentinel.ts';
import { freePort } from '../support/server-process.ts';
import { anyServer, featuresOf } from '../support/servers.ts';

const name = anyServer();

function options(target: RedisUrl, given: Partial<SentinelOptions> = {}): SentinelOptions {
  if (target.sentinel === undefined) throw new Error('no sentinels');
  return { target: { ...target, sentinel: target.sentinel }, clock: systemClock, patienceMs: 20_000, ...given };
}

async function failure(given: SentinelOptions): Promise<KeyferryError> {
  const error = await resolveMaster(given).catch((thrown: unknown) => thrown);
  if (error instanceof KeyferryError) return error;
  throw new Error(`no error of the family: ${JSON.stringify(error)}`);
}

describe('sentinels that are open to all', () => {
  let watched: Watched;
  beforeAll(async () => {
    watched = await startWatched(name);
  });
  afterAll(() => watched[Symbol.asyncDispose]());

  test('name the master, with its replicas', async () => {
    const { master, hosts } = watched;
    const found = await resolveMaster(options(parseRedisUrl(`redis-sentinel://${hosts}/mymaster`)));
    expect(found).toEqual({
      endpoint: { host: '127.0.0.1', port: master.port, tls: undefined, username: undefined, password: undefined },
      replicas: 1,
    });
  });

  test('one that is down and one that is none are passed over', async () => {
    const { master, hosts } = watched;
    const first = `127.0.0.1:${await freePort()},127.0.0.1:${master.port}`;
    const found = await resolveMaster(options(parseRedisUrl(`redis-sentinel://${first},${hosts}/mymaster`)));
    expect(found.endpoint.port).toBe(master.port);
    const error = await failure(options(parseRedisUrl(`redis-sentinel://${first}/mymaster`)));
    expect(error.code).toBe('SENTINEL_UNREACHABLE');
    expect(error.message).toMatch(/ECONNREFUSED.*is no sentinel/);
  });

  test('a name that none knows is told at once, by each', async () => {
    const started = performance.now();
    const error = await failure(options(parseRedisUrl(`redis-sentinel://${watched.hosts}/other`)));
    expect(performance.now() - started).toBeLessThan(2000);
    expect(error.code).toBe('SENTINEL_MASTER_UNKNOWN');
    expect(error.where).toBe(`redis-sentinel://${watched.hosts}/other`);
    expect(error.message.match(/does not know the name/g)).toHaveLength(3);
  });

  test('an address that is another from here is mapped', async () => {
    const { master, hosts } = watched;
    const addressMap = new Map([[`127.0.0.1:${master.port}`, `localhost:${master.port}`]]);
    const found = await resolveMaster(options(parseRedisUrl(`redis-sentinel://${hosts}/mymaster`), { addressMap }));
    expect(found.endpoint.host).toBe('localhost');
  });

  test('what the master refuses for good is told at once, with its name', async () => {
    const { master, hosts } = watched;
    const error = await failure(options(parseRedisUrl(`redis-sentinel://nobody:secret@${hosts}/mymaster`)));
    expect(error.describe()).toMatch(new RegExp(`^TARGET_AUTH at redis://nobody@127.0.0.1:${master.port}`));
    expect(error.describe()).not.toContain('secret');
  });

  // The last of these: it changes who is the master.
  test('a fail-over is waited out, and the fleet follows it', async () => {
    const { master, replica, hosts } = watched;
    const given = options(parseRedisUrl(`redis-sentinel://${hosts}/mymaster`));
    const fleet = await SentinelFleet.open({ ...given, replyTimeoutMs: 5000 });
    try {
      expect(fleet.name).toBe(`redis-sentinel://${hosts}/mymaster`);
      expect(fleet.locate().port).toBe(master.port);
      await master.kill();
      await fleet.refresh();
      expect(fleet.locate().port, 'nobody else is named yet').toBe(master.port);
      const [first] = given.target.sentinel.nodes;
      const alone = { ...given.target, sentinel: { ...given.target.sentinel, nodes: [first!] } };
      const hasty = await failure({ ...given, target: alone, patienceMs: 0 });
      expect(hasty.code).toBe('SENTINEL_NO_MASTER');
      expect(hasty.message).toMatch(new RegExp(`names redis://127.0.0.1:${master.port}, and .*ECONNREFUSED`));

      expect((await resolveMaster(given)).endpoint.port).toBe(replica.port);
      await fleet.refresh();
      expect(fleet.locate().port).toBe(replica.port);
      const control = fleet.control(fleet.locate());
      expect(String(await control.call(0, 'SET', 'key', 'value'))).toBe('OK');
    } finally {
      fleet.end();
    }
  });
});

test('a sentinel that names a replica is not believed', async () => {
  await using watched = await startWatched(name);
  const { replica, sentinels, hosts } = watched;
  const stale = sentinels[0]!;
  await stale.client.call('SENTINEL', 'REMOVE', 'mymaster');
  await stale.client.call('SENTINEL', 'MONITOR', 'mymaster', '127.0.0.1', String(replica.port), '3');
  const url = `redis-sentinel://${hosts.split(',')[0]}/mymaster`;
  const error = await failure(options(parseRedisUrl(url), { patienceMs: 0 }));
  expect(error.code).toBe('SENTINEL_NO_MASTER');
  expect(error.message).toMatch(/that is a replica/);
});

test('sentinels have passwords of their own', async () => {
  await using watched = await startWatched(name, {
    sentinelConfig: { requirepass: 'sentinel-pw', 'sentinel sentinel-pass': 'sentinel-pw' },
  });
  const url = `redis-sentinel://${watched.hosts}/mymaster`;
  const found = await resolveMaster(options(parseRedisUrl(url, { sentinelPassword: 'sentinel-pw' })));
  expect(found.endpoint.port).toBe(watched.masterPort);
  for (const sentinelPassword of [undefined, 'wrong-pw']) {
    const error = await failure(options(parseRedisUrl(url, { sentinelPassword })));
    expect(error.code).toBe('SENTINEL_UNREACHABLE');
    expect(error.remedy).toMatch(/KEYFERRY_SENTINEL_PASSWORD/);
    expect(error.describe()).not.toContain('wrong-pw');
  }
});

test.skipIf(lacksOpenssl !== '' || !featuresOf(name).seven)(
  `users on both sides, and TLS with client certificates${lacksOpenssl}`,
  async () => {
    using certificates = new Certificates();
    const [authority, client] = [certificates.authority(), certificates.client()];
    await using watched = await startWatched(name, {
      tls: { pair: certificates.server(), authority },
      config: { user: 'ferry on >ferry-pw ~* -@all +ping +info' },
      sentinelConfig: { user: 'scout on >scout-pw -@all +sentinel|get-master-addr-by-name' },
    });
    const url = (sentinelPassword: string) =>
      parseRedisUrl(`rediss-sentinel://ferry:ferry-pw@${watched.hosts}/mymaster`, {
        tls: { ca: pem(authority.cert), cert: pem(client.cert), key: pem(client.key) },
        sentinelUsername: 'scout',
        sentinelPassword,
      });
    const found = await resolveMaster(options(url('scout-pw')));
    expect(found).toMatchObject({ endpoint: { port: watched.masterPort, username: 'ferry' }, replicas: 1 });
    expect((await failure(options(url('other-pw')))).message.match(/does not accept/g)).toHaveLength(3);

    const stranger = { tls: { ca: pem(authority.cert) } };
    const denied = await failure(options(parseRedisUrl(`rediss-sentinel://${watched.hosts}/mymaster`, stranger)));
    expect(denied.code).toBe('SENTINEL_UNREACHABLE');
    expect(denied.describe()).toMatch(/demands a client certificate.*--tls-cert FILE/s);
    const plain = await failure(options(parseRedisUrl(`redis-sentinel://${watched.hosts}/mymaster`)));
    expect(plain.describe()).toMatch(/speaks TLS only.*rediss-sentinel:/s);

    await watched.master.kill();
    expect((await resolveMaster(options(url('scout-pw')))).endpoint.port).toBe(watched.replicaPort);
  },
);
