// The test data is what it claims to be: every type in every encoding, the same for the same seed.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fill, saveRdb } from './dataset.ts';
import { compare, snapshot } from './oracle.ts';
import { anyServer, featuresOf, lacks, SERVER_NAMES, type Server, type ServerName, startServer } from './servers.ts';

/** The RDB type codes that a release writes. */
const TYPES: Record<ServerName, number[]> = {
  'redis-6.0': [0, 2, 4, 5, 11, 12, 13, 14, 15],
  'redis-7.0': [0, 2, 4, 5, 11, 16, 17, 18, 19],
  'redis-8.0': [0, 2, 4, 5, 7, 11, 16, 17, 18, 20, 21, 24, 25],
  'valkey-8.1': [0, 2, 4, 5, 11, 16, 17, 18, 20, 21],
  'valkey-9.1': [0, 2, 4, 5, 11, 16, 17, 18, 20, 21, 22],
};

async function typesIn(server: Server): Promise<number[]> {
  const types = new Set<number>();
  for (const key of await server.client.keysBuffer('*')) {
    const payload = await server.client.dumpBuffer(key);
    if (payload !== null) types.add(payload[0]!);
  }
  return [...types].sort((a, b) => a - b);
}

for (const name of SERVER_NAMES) {
  describe.skipIf(lacks(name) !== '')(`on ${name}${lacks(name)}`, () => {
    test('every type that the release writes', async () => {
      await using server = await startServer(name);
      await fill(server, { seed: 1 });
      expect(await typesIn(server)).toEqual(TYPES[name]);
      if (name !== 'redis-6.0') {
        // LIST_QUICKLIST_2, one node, a plain one.
        const plain = await server.client.dumpBuffer('list:plain:one');
        expect([...plain!.subarray(0, 3)]).toEqual([18, 1, 1]);
      }
      expect(String(await server.call('INFO', 'keyspace')).match(/^db\d+/gm)).toEqual(['db0', 'db1', 'db9']);
    });

    test('compact encodings of 40,000 elements under raised limits', async () => {
      await using server = await startServer(name);
      await fill(server, { seed: 1, limits: 'raised' });
      const encoding = (key: string) => server.call('OBJECT', 'ENCODING', key);
      const packed = featuresOf(name).seven ? 'listpack' : 'ziplist';
      expect(await server.call('HLEN', 'big:hash')).toBe(40_000);
      expect(await encoding('big:hash')).toBe(packed);
      expect(await server.call('ZCARD', 'big:zset')).toBe(40_000);
      expect(await encoding('big:zset')).toBe(packed);
      expect(await server.call('SCARD', 'big:intset')).toBe(40_000);
      expect(await encoding('big:intset')).toBe('intset');
      expect(await server.call('XINFO', 'STREAM', 'big:stream')).toEqual(
        expect.arrayContaining(['length', 14_960, 'radix-tree-keys', 1]),
      );
      if (featuresOf(name).sevenTwo) {
        expect(await server.call('SCARD', 'big:set')).toBe(40_300);
        expect(await encoding('big:set')).toBe('listpack');
      }
      if (name === 'redis-8.0') {
        // Above 21,845 fields, three listpack entries each, the listpack's own count is void.
        expect(await server.call('HLEN', 'big:hash:ttl')).toBe(22_000);
        expect(await encoding('big:hash:ttl')).toBe('listpackex');
      }
    });
  });
}

describe('on any server', () => {
  test('the same seed fills two servers alike, but for the times of consumers', async () => {
    await using one = await startServer(anyServer());
    await using two = await startServer(anyServer());
    for (const server of [one, two]) await fill(server, { seed: 5, eviction: 'lru' });
    const found = compare(await snapshot(one), await snapshot(two), { limit: 1000 });
    const timed = /seen-time|active-time|(pel|pending)\[|"ttl:tomorrow": expiry|key "expired:/;
    expect(found.filter((difference) => !timed.test(difference))).toEqual([]);
  });

  test('another seed fills it otherwise', async () => {
    await using one = await startServer(anyServer());
    await using two = await startServer(anyServer());
    await fill(one, { seed: 5 });
    await fill(two, { seed: 6 });
    expect(compare(await snapshot(one), await snapshot(two))).toHaveLength(21);
  });

  test('idle times, or frequencies, of all sizes', async () => {
    await using idle = await startServer(anyServer());
    await fill(idle, { seed: 1, eviction: 'lru' });
    const idles = [...(await snapshot(idle)).databases.get(0)!.values()].map((facts) => facts.idle!);
    expect(idles.filter((seconds) => seconds > 1000).length).toBeGreaterThan(50);

    await using frequent = await startServer(anyServer());
    await fill(frequent, { seed: 1, eviction: 'lfu' });
    const frequencies = [...(await snapshot(frequent)).databases.get(0)!.values()].map((facts) => facts.frequency!);
    expect(Math.max(...frequencies)).toBe(255);
    expect(Math.min(...frequencies)).toBe(0);
    expect(frequencies.filter((frequency) => frequency > 5).length).toBeGreaterThan(50);
  });

  test('the file still holds what has expired; a server that loads it does not', async () => {
    await using server = await startServer(anyServer());
    await fill(server, { seed: 1 });
    const rdb = await saveRdb(server);
    expect(readFileSync(rdb).includes('expired:string')).toBe(true);
    await using loaded = await startServer(anyServer(), { rdb });
    expect(await loaded.call('KEYS', 'expired:*')).toEqual([]);
  });
});
