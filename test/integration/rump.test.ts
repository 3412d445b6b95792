// A rump in all its ways: clusters, users with few rights, sources that are restarted, later passes, names from a file.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type RumpOptions, rump } from '../../lib/jobs/rump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { keySlot } from '../../lib/redis/slots.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { startProxy } from '../support/chaos-proxy.ts';
import { startCluster } from '../support/cluster.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { Random } from '../support/random.ts';
import { commandCalls, differences, stateOf, WorkFolder } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';

const SEED = 20_261_123;

type Options = Partial<Omit<RumpOptions, 'source' | 'target'>>;

/** Between servers, or URLs. */
const copy = (from: { url: string }, to: { url: string }, work: WorkFolder, options: Options = {}) =>
  rump({
    source: parseRedisUrl(from.url),
    target: parseRedisUrl(to.url),
    workDir: work.path,
    patienceMs: 15_000,
    ...options,
  });

async function strings(server: Server, count: number, prefix = 'key:'): Promise<void> {
  for (let i = 0; i < count; i += 1000) {
    const pairs = Array.from({ length: Math.min(1000, count - i) }, (_, j) => [`${prefix}${i + j}`, `value ${i + j}`]);
    await server.client.mset(...pairs.flat());
  }
}

test('keys and functions go from a server into a cluster and back', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0 });
  await using back = await startServer('redis-7.0');
  await fill(from, { seed: SEED, scale: 1 });
  await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  for (const db of [1, 9]) {
    const client = from.connect({ db });
    await client.flushdb();
    client.disconnect();
  }
  const node = { url: cluster.nodes[0]!.url };
  const there = await copy(from, node, work);
  expect(there.error?.describe()).toBeUndefined();
  expect(there.outcome).toBe('complete');
  const again = await copy(node, back, work);
  expect(again.error?.describe()).toBeUndefined();
  expect(again.keys.written).toBe(there.keys.written);
  expect(differences(await stateOf(from), await stateOf(back))).toEqual([]);
});

test('slots that move while a cluster is scanned lose no key', async () => {
  using work = new WorkFolder();
  await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0 });
  await using to = await startServer('redis-7.0');
  const names = Array.from({ length: 6000 }, (_, i) => `{${i % 40}}:${i}`);
  await using from = await startServer('redis-7.0');
  await from.client.mset(...names.flatMap((name) => [name, name]));
  const node = { url: cluster.nodes[0]!.url };
  expect((await copy(from, node, work)).outcome).toBe('complete');
  const copying = copy(node, to, work, { rate: { keysPerSecond: 4000 }, onConflict: 'panic' });
  for (const i of [0, 1, 2, 3]) {
    const slot = keySlot(Buffer.from(`{${i}}`));
    const masters = await cluster.masters();
    const owner = await cluster.slotOwner(slot);
    await cluster.moveSlot(slot, masters.find((master) => master !== owner) as Server);
  }
  const report = await copying;
  expect(report.error?.describe()).toBeUndefined();
  expect(differences(await stateOf(from), await stateOf(to))).toEqual([]);
});

test('a master of the source that dies is followed by its replica, whose scan begins anew', async () => {
  using work = new WorkFolder();
  await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 1 });
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(from, 40_000);
  const node = { url: cluster.nodes[0]!.url };
  expect((await copy(from, node, work)).outcome).toBe('complete');
  for (const each of await cluster.masters()) await each.call('WAIT', 1, 2000);
  const progress = new Progress();
  const copying = copy(node, to, work, { rate: { keysPerSecond: 8000 }, progress, patienceMs: 30_000 });
  while (progress.keys < 100) await new Promise((resolve) => setTimeout(resolve, 10));
  await cluster.killMaster(1);
  const report = await copying;
  expect(report.error?.describe()).toBeUndefined();
  expect(report.restarts).toBe(1);
  expect(differences(await stateOf(from), await stateOf(to))).toEqual([]);
});

test('a source that is restarted in the middle is scanned anew, and nothing of it is missing or a conflict', async () => {
  using work = new WorkFolder();
  await using to = await startServer('redis-7.0');
  await using first = await startServer('redis-7.0');
  await strings(first, 30_000);
  await using second = await startServer('redis-7.0', { rdb: await saveRdb(first) });
  await using from = await startProxy(first);
  const progress = new Progress();
  const copying = copy(from, to, work, { rate: { keysPerSecond: 20_000 }, progress });
  while (progress.keys < 5000) await new Promise((resolve) => setTimeout(resolve, 10));
  // The same data in another process, at the same address.
  from.upstream = second;
  await first.kill();
  const report = await copying;
  expect(report.error?.describe()).toBeUndefined();
  expect(report.restarts).toBeGreaterThan(0);
  expect(report.unchanged).toBeGreaterThan(0);
  expect(differences(await stateOf(second), await stateOf(to))).toEqual([]);
});

test('a connection that breaks goes on where it was, within the same process', async () => {
  using work = new WorkFolder();
  await using server = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(server, 30_000);
  const chaos = { random: new Random(SEED), probability: 0.1, most: 8, kinds: ['reset', 'cut', 'refuse'] as const };
  await using from = await startProxy(server, chaos);
  const report = await copy(from, to, work);
  expect(report.error?.describe(), `seed ${SEED}`).toBeUndefined();
  expect(report.restarts).toBe(0);
  expect(from.faults.reset + from.faults.cut).toBeGreaterThan(0);
  expect(differences(await stateOf(server), await stateOf(to)), `seed ${SEED}`).toEqual([]);
});

test('a user with the listed commands, and no other, is enough', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await fill(from, { seed: SEED, scale: 0.2 });
  await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  await from.call(
    ...(['ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all'] as [string, ...string[]]),
    ...['+scan', '+dump', '+pexpiretime', '+info', '+select', '+function|list'],
  );
  const url = from.url.replace('redis://', 'redis://reader:secret@');
  const report = await copy({ url }, to, work);
  expect(report.error?.describe()).toBeUndefined();
  expect(report.warnings.join(' ')).toContain('CLIENT NO-TOUCH');
  expect(differences(await stateOf(from), await stateOf(to))).toEqual([]);
});

test('what a user lacks is told with where both sides’ commands are listed', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await from.call('SET', 'a', '1');
  await from.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all', '+info', '+dump');
  const url = from.url.replace('redis://', 'redis://reader:secret@');
  const { error } = await copy({ url }, to, work);
  expect(error).toMatchObject({ code: 'TARGET_NOPERM', where: expect.stringContaining(`:${from.port}`) });
  expect(error?.remedy).toContain('keyferry help rump');
});

test('without DUMP, values are read by their types', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await fill(from, { seed: SEED, scale: 0.2 });
  await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  const needed =
    '+scan +pexpiretime +info +select +type +strlen +getrange +lrange +sscan +zscan +hscan +xrange +xpending';
  await from.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all', ...needed.split(' '), '+xinfo|stream');
  const url = from.url.replace('redis://', 'redis://reader:secret@');
  const report = await copy({ url }, to, work);
  expect(report.error?.describe()).toBeUndefined();
  expect(report.keys.failed).toEqual([]);
  const [theirs, ours] = [await stateOf(from), await stateOf(to)];
  expect(differences({ ...theirs, libraries: [] }, { ...ours, libraries: [] })).toEqual([]);
  expect(report.warnings.join(' ')).toContain('FUNCTION LIST');
});

test.skipIf(lacks('valkey-8.1') !== '')(`a scan leaves idle times as they are${lacks('valkey-8.1')}`, async () => {
  using work = new WorkFolder();
  await using from = await startServer('valkey-8.1', {
    config: { 'maxmemory-policy': 'allkeys-lru', maxmemory: '1gb' },
  });
  await using to = await startServer('valkey-8.1', { config: { 'maxmemory-policy': 'allkeys-lru', maxmemory: '1gb' } });
  const dump = (await from.client.set('a', '1')) && (await from.client.dumpBuffer('a'));
  await from.call('RESTORE', 'b', 0, dump as Buffer, 'IDLETIME', 5000);
  expect((await copy(from, to, work, { access: true })).warnings).toEqual([]);
  for (const server of [from, to]) {
    const idle = Number(await server.call('OBJECT', 'IDLETIME', 'b'));
    expect(idle).toBeGreaterThanOrEqual(5000);
    expect(idle).toBeLessThan(5010);
  }
});

test('a second pass writes what has changed since, and nothing else', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(from, 10_000);
  await from.call('CONFIG', 'RESETSTAT');
  let changed = false;
  const progress = new Progress();
  const begin = progress.begin.bind(progress);
  let passes = 0;
  progress.begin = (phase, totals) => {
    begin(phase, totals);
    if (phase === 'writing') passes++;
  };
  const watch = setInterval(() => {
    if (passes < 2 || changed) return;
    changed = true;
    void from.client.mset('key:7', 'other', 'new', 'one').then(() => from.client.pexpireat('key:8', 4_000_000_000_000));
  }, 1);
  const report = await copy(from, to, work, { passes: 2, rate: { keysPerSecond: 10_000 } });
  clearInterval(watch);
  void changed;
  expect(report.error?.describe()).toBeUndefined();
  expect(report.passes).toBe(2);
  expect(report.keys.written).toBe(10_000);
  expect(report.unchanged).toBe(10_000);
});

test('what changes between the passes comes along, under panic too', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(from, 5000);
  const progress = new Progress();
  let writes = 0;
  const begin = progress.begin.bind(progress);
  let changing: Promise<unknown> | undefined;
  progress.begin = (phase, totals) => {
    begin(phase, totals);
    if (phase === 'writing' && ++writes === 2) {
      changing = from.client.mset('key:7', 'other', 'new', 'one').then(() => from.client.pexpireat('key:8', 4e12));
    }
  };
  const report = await copy(from, to, work, { passes: 3, progress, rate: { keysPerSecond: 20_000 } });
  await changing;
  expect(report.error?.describe()).toBeUndefined();
  expect(report.keys.written).toBe(5000 + 3);
  expect(differences(await stateOf(from), await stateOf(to))).toEqual([]);
});

const lacking = lacks('redis-8.0') || lacks('redis-6.0');
test.skipIf(lacking !== '')(`what an older server cannot hold is named, and does not end it${lacking}`, async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-8.0');
  await using to = await startServer('redis-6.0');
  await fill(from, { seed: SEED, scale: 0.3 });
  const report = await copy(from, to, work);
  expect(report.error?.describe()).toBeUndefined();
  expect(report.outcome).toBe('partial');
  const reasons = new Set(report.keys.failed.map(({ reason }) => reason.replace(/;.*/, '')));
  expect([...reasons]).toEqual([`Redis ${to.version} would end its process at values of module types vectorset`]);
  expect(Number(await to.call('DBSIZE'))).toBeGreaterThan(100);
});

test('only keys whose names stand in a file are copied, from the database of the URL', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  const client = from.connect({ db: 3 });
  await client.mset('a', '1', 'b b', '2', 'c', '3');
  client.disconnect();
  await strings(from, 100);
  const keyFile = work.file('keys.txt');
  writeFileSync(keyFile, 'a\r\n\nb b\nmissing');
  const report = await copy({ url: `${from.url}/3` }, to, work, { keyFile });
  expect(report.error?.describe()).toBeUndefined();
  expect(report.keys.written).toBe(2);
  const held = to.connect({ db: 3 });
  expect((await held.keys('*')).sort()).toEqual(['a', 'b b']);
  held.disconnect();
});

test('keys that exist stop it under panic, stay under skip, go under rewrite', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(from, 1000);
  const dirty = async () => {
    await to.call('FLUSHALL');
    await to.client.sadd('key:500', 'theirs');
  };
  await dirty();
  const panic = await copy(from, to, work, { onConflict: 'panic', fresh: true });
  expect(panic.error?.code).toBe('TARGET_KEY_EXISTS');
  expect(await to.client.type('key:500')).toBe('set');
  await dirty();
  const skip = await copy(from, to, work, { onConflict: 'skip', fresh: true });
  expect([skip.keys.written, skip.keys.skipped]).toEqual([999, 1]);
  expect(await to.client.type('key:500')).toBe('set');
  await dirty();
  const rewrite = await copy(from, to, work, { onConflict: 'rewrite', fresh: true });
  expect(rewrite.keys.written).toBe(1000);
  expect(differences(await stateOf(from), await stateOf(to))).toEqual([]);
});

test('patterns are matched by the server, kinds by us, temporary keys of other jobs stay', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  await strings(from, 200);
  await from.client.hset('key:hash', 'f', 'v');
  await from.client.set(`keyferry:tmp:{3dQ}0123456789abcdef:${'0'.repeat(32)}:0`, 'x');
  const report = await copy(from, to, work, {
    filter: { match: ['key:1*', 'key:h*', 'keyferry:*'], kinds: ['string'] },
  });
  expect(report.error?.describe()).toBeUndefined();
  expect(report.keys.written).toBe(111);
  expect(await commandCalls(to)).not.toHaveProperty('flushall');
});

test('a source that cannot be reached, and a wrong password, are told at once', async () => {
  using work = new WorkFolder();
  await using to = await startServer('redis-7.0');
  await using from = await startServer('redis-7.0', { config: { requirepass: 'secret' } });
  const dead = await copy({ url: 'redis://127.0.0.1:1' }, to, work);
  expect(dead.error?.describe()).toContain('127.0.0.1:1');
  const locked = await copy({ url: `redis://127.0.0.1:${from.port}` }, to, work);
  expect(locked.error?.describe()).toContain('password');
});
