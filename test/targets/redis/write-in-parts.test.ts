// A value written in parts is there whole or not at all, whatever happens to connection, server, job and key meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { InterruptedError, TargetError } from '../../../lib/errors.ts';
import type { ValuePart } from '../../../lib/rdb/value-parts.ts';
import { Cluster } from '../../../lib/redis/cluster.ts';
import { Control } from '../../../lib/redis/control.ts';
import { parseInfo } from '../../../lib/redis/server-info.ts';
import { keySlot, slotTag } from '../../../lib/redis/slots.ts';
import { command } from '../../../lib/resp/frame-writer.ts';
import { commandSupport } from '../../../lib/targets/redis/command-support.ts';
import { isTemporaryKey, temporaryKeys } from '../../../lib/targets/redis/temporary-key.ts';
import { type WriteInParts, writeInParts } from '../../../lib/targets/redis/write-in-parts.ts';
import { systemClock } from '../../../lib/telemetry/clock.ts';
import { startProxy } from '../../support/chaos-proxy.ts';
import { withCluster } from '../../support/cluster.ts';
import { oneServer } from '../../support/one-server.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { anyServer, availableServers, lacks, type Server, startServer, withServer } from '../../support/servers.ts';

const KEY = Buffer.from('big{key');
const FIELDS = 6000;
const DAY_MS = 24 * 60 * 60 * 1000;
const support = commandSupport(parseInfo('redis_version:7.0.0'));

const shared = await startServer(anyServer());
afterAll(() => shared.stop());

/** A hash of `count` fields in parts of 200, each field's value telling which hash it is of. */
async function* hashParts(count = FIELDS, mark = 'new', onPart?: (at: number) => unknown): AsyncGenerator<ValuePart> {
  for (let at = 0; at < count; at += 200) {
    await onPart?.(at);
    const fields = Array.from({ length: Math.min(200, count - at) }, (_, i) => ({
      field: Buffer.from(`field ${at + i}`),
      value: Buffer.from(`${mark} ${'.'.repeat(60)}`),
      expireAt: undefined,
    }));
    yield { kind: 'hash', fields };
  }
}

function task(where: { host: string; port: number }, options: Partial<WriteInParts> = {}): WriteInParts {
  const endpoint = { host: where.host, port: where.port, username: undefined, password: undefined };
  return {
    key: KEY,
    db: 0,
    expiry: undefined,
    policy: 'rewrite',
    parts: () => hashParts(),
    locator: oneServer(endpoint),
    support,
    jobId: 'job',
    clock: systemClock,
    patienceMs: 20_000,
    replyTimeoutMs: 5000,
    signal: new AbortController().signal,
    onPiece: async () => undefined,
    ...options,
  };
}

/** Waits a tenth of the time. */
const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 10, signal) };

const written = { outcome: 'written', losses: [], replicated: false };

async function temporaryOf(server: Server, db = 0): Promise<Buffer[]> {
  const client = server.connect({ db });
  const keys = (await client.keysBuffer('*')).filter(isTemporaryKey);
  client.disconnect();
  return keys;
}

async function expectWhole(server: Server, count = FIELDS, mark = 'new', context = ''): Promise<void> {
  const values = await server.client.hvals(KEY);
  expect(values, context).toHaveLength(count);
  expect(new Set(values.map((value) => value.split(' ')[0])), context).toEqual(new Set([mark]));
  expect(await temporaryOf(server), context).toEqual([]);
}

/** Old values that a test replaces. */
async function oldHash(server: Server, count = FIELDS): Promise<void> {
  await server.client.flushall();
  expect(await writeInParts(task(server, { parts: () => hashParts(count, 'old') }))).toMatchObject(written);
}

describe.each(availableServers())('on %s', (name) => {
  test('a value replaces the old one with its expiry, in its database, in small batches', async () => {
    await withServer(name, {}, async (server) => {
      const able = commandSupport(parseInfo(String(await server.call('INFO'))));
      const expiry = BigInt(Date.now() + 1_000_000);
      const pieces: number[] = [];
      const onPiece = async (bytes: number) => void pieces.push(bytes);
      const there = server.connect({ db: 2 });
      await there.hset(KEY, 'stale', 'x');
      const result = await writeInParts(task(server, { db: 2, expiry, support: able, onPiece, lost: ['idle-time'] }));
      expect(result).toEqual({
        outcome: 'written',
        losses: ['idle-time'],
        replicated: false,
        endpoint: expect.anything(),
      });
      expect(await there.hlen(KEY)).toBe(FIELDS);
      expect(Number(expiry) - Date.now() - (await there.pttl(KEY))).toBeLessThan(1000);
      expect(await temporaryOf(server, 2)).toEqual([]);
      expect(Math.max(...pieces)).toBeLessThan(300_000);
      expect(pieces.reduce((sum, each) => sum + each)).toBeGreaterThan(FIELDS * 70);
      await writeInParts(task(server, { db: 2, support: able }));
      expect(await there.pttl(KEY)).toBe(-1);
    });
  });
});

describe('who reads and writes meanwhile', () => {
  test('sees only the whole old value with its expiry or the whole new one with its own', async () => {
    await oldHash(shared, 3000);
    await shared.client.pexpire(KEY, 50_000);
    const seen = new Set<string>();
    let done = false;
    const reader = shared.connect();
    const reading = (async () => {
      while (!done) {
        const replies = await reader.multi().hlen(KEY).pttl(KEY).hget(KEY, 'field 0').exec();
        const [count, ttl, value] = (replies ?? []).map(([, reply]) => reply) as [number, number, string];
        seen.add(`${count} ${Math.round(ttl / 10_000)} ${value.split(' ')[0]}`);
      }
    })();
    const parts = () => hashParts(FIELDS, 'new', () => sleep(3));
    const result = await writeInParts(task(shared, { parts, expiry: BigInt(Date.now() + 200_000) }));
    await sleep(20);
    done = true;
    await reading;
    expect(result).toMatchObject(written);
    expect([...seen]).toEqual([`3000 5 old`, `${FIELDS} 20 new`]);
  });

  test.each(['skip', 'panic'] as const)('with %s keeps the key that is there; nothing is sent', async (policy) => {
    await shared.client.flushall();
    await shared.client.set(KEY, 'mine');
    const onPiece = async () => expect.fail('a part was sent');
    expect(await writeInParts(task(shared, { policy, onPiece }))).toEqual({ outcome: 'exists', uncertain: false });
    expect(await shared.client.get(KEY)).toBe('mine');
  });

  test.each(['skip', 'panic'] as const)('with %s keeps a key made while the value was built', async (policy) => {
    await shared.client.flushall();
    const parts = () => hashParts(FIELDS, 'new', (at) => at === 3000 && shared.client.set(KEY, 'mine'));
    expect(await writeInParts(task(shared, { policy, parts }))).toEqual({ outcome: 'exists', uncertain: false });
    expect(await shared.client.get(KEY)).toBe('mine');
    expect(await temporaryOf(shared)).toEqual([]);
  });

  test('is not held up: an old value is freed in the background', async () => {
    await oldHash(shared, 20_000);
    await shared.call('CONFIG', 'RESETSTAT');
    expect(await writeInParts(task(shared, { parts: () => hashParts(10) }))).toMatchObject(written);
    await expect.poll(() => shared.call('INFO', 'memory')).toMatch(/lazyfreed_objects:[1-9]/);
    expect(await shared.call('INFO', 'commandstats')).not.toMatch(/cmdstat_del:/);
  });
});

describe('a key whose time comes while it is built', () => {
  test.each([
    ['rewrite', 0],
    ['skip', 0],
  ] as const)('is not left with %s, nor what was there before', async (policy, left) => {
    await shared.client.flushall();
    if (policy === 'rewrite') await shared.client.set(KEY, 'old');
    const parts = () => hashParts(FIELDS, 'new', () => sleep(10));
    const expiry = BigInt(Date.now() + 100);
    expect(await writeInParts(task(shared, { policy, parts, expiry }))).toEqual({ outcome: 'expired' });
    expect(await shared.client.dbsize()).toBe(left);
  });

  test('field by field is not left, and one that lives is', async () => {
    await shared.client.flushall();
    await shared.client.set(KEY, 'old');
    const field = (name: string, expireAt: bigint | undefined) => ({
      field: Buffer.from(name),
      value: Buffer.from('v'),
      expireAt,
    });
    async function* parts(...living: string[]): AsyncGenerator<ValuePart> {
      const fields = ['a', 'b'].map((name) => field(name, BigInt(Date.now() - 1)));
      yield { kind: 'hash', fields: [...fields, ...living.map((name) => field(name, undefined))] };
    }
    expect(await writeInParts(task(shared, { parts: () => parts('c') }))).toMatchObject(written);
    expect(await shared.client.hkeys(KEY)).toEqual(['c']);
    expect(await writeInParts(task(shared, { parts: () => parts() }))).toEqual({ outcome: 'expired' });
    expect(await shared.client.dbsize()).toBe(0);
  });

  test('by the clock of the server alone is not left either', async () => {
    await shared.client.flushall();
    await shared.client.set(KEY, 'old');
    const clock = { ...systemClock, now: () => Date.now() - 60_000 };
    const expiry = BigInt(Date.now() - 1000);
    expect(await writeInParts(task(shared, { clock, expiry }))).toEqual({ outcome: 'expired' });
    expect(await shared.client.dbsize()).toBe(0);
  });
});

describe('a broken connection', () => {
  const seed = seedOr(31);

  test('at any point leaves the value whole in the end, and no temporary key', async () => {
    for (let run = 0; run < runs(6, 100); run++) {
      const random = new Random(seed + run);
      const policy = random.pick(['rewrite', 'skip'] as const);
      const context = `seed ${seed + run}, ${policy}`;
      await oldHash(shared, 100);
      if (policy === 'skip') await shared.client.del(KEY);
      await using proxy = await startProxy({ host: shared.host, port: shared.port });
      proxy.chaos = { random, probability: 0.1, most: 4 };
      const result = await writeInParts(
        task({ host: '127.0.0.1', port: proxy.port }, { policy, partBytes: 50_000, clock: hasty }),
      );
      // The answer to the last EXEC may be what was lost: then the key is our own, and that is said.
      if (result.outcome === 'exists') expect(result, context).toEqual({ outcome: 'exists', uncertain: true });
      else expect(result, context).toMatchObject(written);
      await expectWhole(shared, FIELDS, 'new', context);
    }
  });

  test('for good leaves a temporary key that has a TTL; the same job, run again, removes it', async () => {
    for (let run = 0; run < runs(5, 100); run++) {
      const random = new Random(seed + run);
      const context = `seed ${seed + run}`;
      await oldHash(shared, 100);
      await using proxy = await startProxy({ host: shared.host, port: shared.port });
      const held = proxy.holdAt(random.int(100, 500_000), async () => proxy.refuse());
      const parting = writeInParts(task({ host: '127.0.0.1', port: proxy.port }, { patienceMs: 0 }));
      await expect(parting, context).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
      await held;
      for (const name of await temporaryOf(shared)) {
        const ttl = await shared.client.pttl(name);
        expect(ttl, context).toBeGreaterThan(DAY_MS - 60_000);
        expect(ttl, context).toBeLessThanOrEqual(DAY_MS);
      }
      expect(await shared.client.hlen(KEY), context).toBe(100);
      expect(await writeInParts(task(shared))).toMatchObject(written);
      await expectWhole(shared, FIELDS, 'new', context);
    }
  });

  test('behind which the value was written is told as uncertain under panic', async () => {
    await shared.client.flushall();
    await using proxy = await startProxy({ host: shared.host, port: shared.port });
    const away = task({ host: '127.0.0.1', port: proxy.port }, { policy: 'panic', parts: () => hashParts(10) });
    expect(await writeInParts(away)).toMatchObject(written);
    // All but the last word: the removal of what may be left.
    const farewell = temporaryKeys(KEY, 0, 'job').map((name) => command('UNLINK', name).length);
    const toExec = proxy.sentBytes - farewell.reduce((sum, each) => sum + each);
    await shared.client.flushall();
    const broken = proxy.holdAt(proxy.sentBytes + toExec, async () => {
      while ((await shared.client.exists(KEY)) === 0) await sleep(1);
      proxy.resetAll();
    });
    expect(await writeInParts(away)).toEqual({ outcome: 'exists', uncertain: true });
    await broken;
    await expectWhole(shared, 10);
  });
});

describe('a server', () => {
  test('that drops the temporary key makes it begin anew: half a value never gets the name', async () => {
    await oldHash(shared, 100);
    let dropped = 0;
    const drop = async (at: number) => {
      if (at !== 3000 || dropped++ > 0) return;
      while ((await temporaryOf(shared)).length === 0) await sleep(1);
      await shared.client.unlink(await temporaryOf(shared));
    };
    const parts = () => hashParts(FIELDS, 'new', drop);
    expect(await writeInParts(task(shared, { parts, partBytes: 20_000 }))).toMatchObject(written);
    expect(dropped).toBe(2);
    await expectWhole(shared);
  });

  test('that evicts it time and again is named as the reason', async () => {
    const drop = async () => {
      await sleep(5);
      await shared.client.unlink([Buffer.from('-'), ...(await temporaryOf(shared))]);
    };
    await oldHash(shared, 100);
    const parts = () => hashParts(FIELDS, 'new', drop);
    await expect(writeInParts(task(shared, { parts, partBytes: 20_000, clock: hasty }))).rejects.toMatchObject({
      code: 'TARGET_KEY_DROPPED',
    });
    await expectWhole(shared, 100, 'old');
  });

  test('that evicts the temporary key while the value grows keeps the old value', async () => {
    const config = { maxmemory: '3mb', 'maxmemory-policy': 'volatile-lru' };
    await withServer(anyServer(), { config }, async (server) => {
      await server.client.set(KEY, 'old');
      const growing = task(server, { parts: () => hashParts(100_000), clock: hasty });
      // Which of the two: whether the server finds the key in time.
      await expect(writeInParts(growing)).rejects.toMatchObject({
        code: expect.stringMatching(/^TARGET_(?:KEY_DROPPED|FULL)$/),
      });
      expect(await server.client.get(KEY)).toBe('old');
    });
  });

  test('that is full stops the job, and gets its memory back', async () => {
    await withServer(anyServer(), { config: { maxmemory: '3mb' } }, async (server) => {
      await server.client.set(KEY, 'old');
      await expect(writeInParts(task(server, { parts: () => hashParts(100_000) }))).rejects.toMatchObject({
        code: 'TARGET_FULL',
      });
      expect(await temporaryOf(server)).toEqual([]);
      expect(await server.client.get(KEY)).toBe('old');
    });
  });

  test('that refuses this one value says why, and keeps the old one', async () => {
    await oldHash(shared, 100);
    const entries = [{ member: Buffer.from('m'), score: Number.NaN }];
    async function* parts(): AsyncGenerator<ValuePart> {
      yield { kind: 'zset', entries };
    }
    const result = await writeInParts(task(shared, { parts }));
    expect(result).toEqual({ outcome: 'refused', reason: 'ERR value is not a valid float' });
    async function* none(): AsyncGenerator<ValuePart> {}
    expect(await writeInParts(task(shared, { parts: none }))).toMatchObject({ outcome: 'refused' });
    await expectWhole(shared, 100, 'old');
  });

  test('with a replica says whether that has the value, too', async () => {
    await withServer(anyServer(), {}, async (replica) => {
      await shared.call('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
      await replica.call('REPLICAOF', shared.host, shared.port);
      await expect
        .poll(() => replica.call('INFO', 'replication'), { timeout: 10_000 })
        .toContain('master_link_status:up');
      expect(await writeInParts(task(shared, { replicas: true }))).toMatchObject({ ...written, replicated: true });
      expect(await replica.client.hlen(KEY)).toBe(FIELDS);
    });
  });

  test('that is a replica is waited for as long as patience lasts', async () => {
    await withServer(anyServer(), {}, async (server) => {
      await server.call('REPLICAOF', '127.0.0.1', 1);
      await expect(writeInParts(task(server, { patienceMs: 300 }))).rejects.toMatchObject({ code: 'TARGET_READONLY' });
      const waiting = writeInParts(task(server));
      await sleep(200);
      await server.call('REPLICAOF', 'NO', 'ONE');
      expect(await waiting).toMatchObject(written);
    });
  });
});

test('a job that is stopped leaves at once and takes the temporary key with it', async () => {
  await oldHash(shared, 100);
  const abort = new AbortController();
  const stop = async (at: number) => {
    if (at === 3000) abort.abort(new InterruptedError('INTERRUPTED', 'stopped.'));
  };
  const parts = () => hashParts(FIELDS, 'new', stop);
  await expect(writeInParts(task(shared, { parts, signal: abort.signal }))).rejects.toBeInstanceOf(InterruptedError);
  await expectWhole(shared, 100, 'old');
});

test('what the source throws is thrown, and the temporary key goes', async () => {
  await oldHash(shared, 100);
  const damaged = new TargetError('DAMAGED', 'damaged.');
  const parts = () =>
    hashParts(FIELDS, 'new', (at) => {
      if (at === 5000) throw damaged;
    });
  await expect(writeInParts(task(shared, { parts }))).rejects.toBe(damaged);
  await expectWhole(shared, 100, 'old');
});

describe.skipIf(lacks('redis-7.0') !== '')(`in a cluster${lacks('redis-7.0')}`, () => {
  test('a value comes through while its slot moves, to the node that has it in the end', async () => {
    await withCluster('redis-7.0', { masters: 2, replicas: 0 }, async (cluster) => {
      const [first, second] = (await cluster.masters()) as [Server, Server];
      const slot = keySlot(KEY);
      const seed = { host: first.host, port: first.port, username: undefined, password: undefined };
      const options = { endpoint: seed, seed, clock: systemClock, patienceMs: 20_000, replyTimeoutMs: 5000 };
      const locator = await Cluster.open(options, new Control(options));
      try {
        for (const policy of ['rewrite', 'skip', 'rewrite'] as const) {
          const from = await cluster.slotOwner(slot);
          const to = from === first ? second : first;
          if (policy === 'skip') await from.client.del(KEY);
          // Others of the slot, so that it is on its way for a while.

          const neighbours = Array.from({ length: 40 }, (_, i) => `{${slotTag(slot)}}${i}`);
          await Promise.all(neighbours.map((name) => from.client.set(name, 'x')));
          let moving: Promise<void> | undefined;
          const move = (at: number) => {
            if (at === 1000) moving ??= cluster.moveSlot(slot, to, { keyDelayMs: 10 });
            return sleep(2);
          };
          const result = await writeInParts(
            task(first, { policy, locator, parts: () => hashParts(FIELDS, 'new', move) }),
          );
          expect(result, policy).toMatchObject(written);
          await moving;
          expect(await cluster.slotOwner(slot)).toBe(to);
          await expectWhole(to);
          expect(await temporaryOf(from)).toEqual([]);
        }
        // What this is about did happen.
        const errors = String(await Promise.all([first, second].map((node) => node.call('INFO', 'errorstats'))));
        for (const error of ['ASK', 'TRYAGAIN']) expect(errors).toContain(`errorstat_${error}:`);
      } finally {
        locator.end();
      }
    });
  });
});
