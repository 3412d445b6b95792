// Faults of network and server while a restore is under way: it waits them out, loses nothing and finds no false conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { type Clock, systemClock } from '../../lib/telemetry/clock.ts';
import { type Chaos, startProxy } from '../support/chaos-proxy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { HUGE } from '../support/dirty-keys.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import {
  accounted,
  commandsFile,
  differences,
  filledFile,
  nativeState,
  restoreInto,
  type State,
  stateOf,
  WorkFolder,
  wipe,
} from '../support/restore-run.ts';
import { anyServer, lacks, type Server, startServer, withServer } from '../support/servers.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
const SEED = seedOr(4711);
/** Bytes that go to the server in checks before the first write; the faults begin behind them. */
const PREFLIGHT_BYTES = 4000;

const work = new WorkFolder();
const name = anyServer();
interface Sample {
  file: string;
  native: State;
  keys: number;
}
/** Keys of every type; in chunks of 16 KiB about fifty of them. */
let small: Sample;
/** Three values above 8 MiB, which are streamed, and 200 small ones. */
let huge: Sample;

beforeAll(async () => {
  await withServer(name, {}, async (server) => {
    const file = await filledFile(work.file('small.rdb'), name, { seed: 5, scale: 2 });
    const { keys } = await restoreInto(server, file, { workDir: work.folder() });
    small = { file, native: await nativeState(name, file), keys: accounted(keys) };
    const commands = [
      ...Array.from({ length: 200 }, (_, i): Command => ['SET', `small ${i}`, `value ${i}`]),
      ...Object.entries(HUGE).flatMap(([key, make], i) => make(key, new Random(i))),
    ];
    const other = await commandsFile(work.file('huge.rdb'), server, commands);
    huge = { file: other, native: await nativeState(name, other), keys: 203 };
  });
});
afterAll(() => work[Symbol.dispose]());

const options = (onConflict: ConflictPolicy = 'panic') => ({
  onConflict,
  workDir: work.folder(),
  chunkBytes: 16 * 1024,
  patienceMs: 20_000,
  replyTimeoutMs: 5000,
});

/** How many commands were answered with this error since the last CONFIG RESETSTAT. */
async function refusals(target: Server, code: string): Promise<number> {
  const text = String(await target.call('INFO', 'errorstats'));
  return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(text)?.[1] ?? 0);
}

/** Waits until `true`, and fails after 20 s. */
async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${condition}`);
    await sleep(5);
  }
}

describe.concurrent('a network that resets, delays, refuses and loses replies', () => {
  async function through(
    target: Server,
    random: Random,
    policy: ConflictPolicy,
    sample: Sample,
    chaos: Chaos,
  ): Promise<void> {
    await wipe(target);
    const about = `seed ${random.seed}, ${policy}`;
    await using proxy = await startProxy(target);
    void proxy.holdAt(PREFLIGHT_BYTES, async () => {
      proxy.chaos = chaos;
    });
    const report = await restoreInto(proxy, sample.file, options(policy));
    const faults = `${about}, faults ${JSON.stringify(proxy.faults)}`;
    expect(report.error?.describe(), faults).toBeUndefined();
    expect(report, faults).toMatchObject({ outcome: 'complete', keys: { skipped: 0, failed: [] }, warnings: [] });
    expect(accounted(report.keys), faults).toBe(sample.keys);
    expect(differences(sample.native, await stateOf(target)), faults).toEqual([]);
  }

  test.for(POLICIES)('%s: the data is the file’s', async (policy) => {
    await using target = await startServer(name);
    for (let i = 0; i < runs(3, 60); i++) {
      const random = new Random(SEED + i).fork(policy);
      await through(target, random, policy, small, { random, probability: random.pick([0.03, 0.1]), most: 15 });
    }
  });

  test.for(POLICIES)('%s: large values too', async (policy) => {
    await using target = await startServer(name);
    for (let i = 0; i < runs(1, 15); i++) {
      const random = new Random(SEED + i).fork(`huge ${policy}`);
      await through(target, random, policy, huge, { random, probability: 0.01, most: 5 });
    }
  });

  test('skip keeps what an application had, however often the connection breaks', async () => {
    await using target = await startServer(name);
    for (let i = 0; i < runs(2, 20); i++) {
      const random = new Random(SEED + i).fork('dirty');
      const old = Array.from(
        { length: 100 },
        (_, n): Command => ['SET', `small ${n * 2}`, 'old', 'EXAT', 4_070_000_000],
      );
      await wipe(target);
      await pipelined(target.client, old);
      await using proxy = await startProxy(target);
      void proxy.holdAt(PREFLIGHT_BYTES, async () => {
        proxy.chaos = { random, probability: 0.05, most: 8 };
      });
      const report = await restoreInto(proxy, huge.file, { ...options('skip'), chunkBytes: 512 });
      expect(report, `seed ${random.seed}`).toMatchObject({ outcome: 'complete', keys: { skipped: 100 } });
      const values = (await target.client.mget(Array.from({ length: 200 }, (_, n) => `small ${n}`))) as string[];
      expect(values).toEqual(Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? 'old' : `value ${n}`)));
      expect(await target.call('PEXPIRETIME', 'small 4')).toBe(4_070_000_000_000);
    }
  });
});

describe.concurrent('a server that is not ready', () => {
  /** Makes the server load its own data again, so slowly that it takes about a second. */
  async function load(target: Server): Promise<void> {
    const keys = Number(await target.call('DBSIZE'));
    await target.call('CONFIG', 'SET', 'key-load-delay', Math.round(1_000_000 / (keys + 1)));
    // It looks at its clients each time that it has read so many bytes.
    await target.call('CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024);
    const client = target.connect();
    client.call('DEBUG', 'RELOAD').then(
      () => client.disconnect(),
      () => client.disconnect(),
    );
    const other = target.connect();
    await until(async () => /\bloading:1/.test(String(await other.call('INFO', 'persistence'))));
    other.disconnect();
  }

  test('LOADING at the start is waited for', async () => {
    await using target = await startServer(name);
    await pipelined(
      target.client,
      Array.from({ length: 500 }, (_, i): Command => ['SET', `old ${i}`, i]),
    );
    await load(target);
    const started = Date.now();
    const report = await restoreInto(target, small.file, options());
    expect(report.error?.describe()).toBeUndefined();
    expect(report.outcome).toBe('complete');
    expect(Date.now() - started).toBeGreaterThan(300);
    await pipelined(
      target.client,
      Array.from({ length: 500 }, (_, i): Command => ['DEL', `old ${i}`]),
    );
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test.for(POLICIES)('%s: LOADING in the middle is waited out', async (policy) => {
    await using target = await startServer(name);
    await using proxy = await startProxy(target);
    const held = proxy.holdAt(300_000, () => load(target));
    const report = await restoreInto(proxy, small.file, options(policy));
    await held;
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', warnings: [] });
    expect(await refusals(target, 'LOADING')).toBeGreaterThan(0);
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  const SPIN = `local until_ = tonumber(ARGV[1]) + redis.call('TIME')[1]
    while tonumber(redis.call('TIME')[1]) < until_ do end`;
  async function busy(target: Server): Promise<void> {
    await target.call('CONFIG', 'SET', 'lua-time-limit', 5);
    const client = target.connect();
    client.call('EVAL', SPIN, 0, 2).then(
      () => client.disconnect(),
      () => client.disconnect(),
    );
    const other = target.connect();
    await until(async () =>
      other.call('PING').then(
        () => false,
        (error: Error) => error.message.startsWith('BUSY'),
      ),
    );
    other.disconnect();
  }

  test('BUSY at the start is waited for', async () => {
    await using target = await startServer(name);
    await busy(target);
    const report = await restoreInto(target, small.file, options());
    expect(report.error?.describe()).toBeUndefined();
    expect(report.outcome).toBe('complete');
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test.for(POLICIES)('%s: BUSY in the middle is waited out', async (policy) => {
    await using target = await startServer(name);
    await using proxy = await startProxy(target);
    const held = proxy.holdAt(300_000, () => busy(target));
    const report = await restoreInto(proxy, small.file, options(policy));
    await held;
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', warnings: [] });
    expect(await refusals(target, 'BUSY')).toBeGreaterThan(1);
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test('BUSY while a broken connection’s keys are compared is waited out', async () => {
    await using target = await startServer(name);
    await using proxy = await startProxy(target);
    const held = proxy.holdAt(300_000, async () => {
      // All replies are lost, so that every key under way is a suspect, and the answers to the questions are BUSY.
      proxy.resetAll();
      await busy(target);
    });
    const report = await restoreInto(proxy, small.file, options());
    await held;
    expect(report.error?.describe()).toBeUndefined();
    expect(report.outcome).toBe('complete');
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test('a server that stays BUSY ends the job when patience runs out, and it goes on later', async () => {
    await using target = await startServer(name);
    await target.call('CONFIG', 'SET', 'lua-time-limit', 5);
    await using proxy = await startProxy(target);
    const given = { ...options(), patienceMs: 300 };
    void proxy.holdAt(300_000, () => busy(target));
    const report = await restoreInto(proxy, small.file, given);
    expect(report.outcome).toBe('stopped');
    expect(report.error?.code).toMatch(/^TARGET_(NOT_READY|UNREACHABLE)$/);
    await until(() =>
      target
        .call('PING')
        .then((pong) => pong === 'PONG')
        .catch(() => false),
    );
    const resumed = await restoreInto(proxy, small.file, { ...given, patienceMs: 5000 });
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });
});

describe.concurrent('a server that goes away', () => {
  test.for(POLICIES)(
    '%s: restarted without its data, it gets all of it again, and the report warns',
    async (policy) => {
      let server = await startServer(name);
      try {
        await using proxy = await startProxy(server);
        const held = proxy.holdAt(400_000, async () => {
          const before = Number(await server.call('DBSIZE'));
          await server.stop();
          server = await startServer(name);
          proxy.upstream = server;
          return before;
        });
        const report = await restoreInto(proxy, small.file, options(policy));
        await held;
        expect(report.error?.describe()).toBeUndefined();
        expect(report).toMatchObject({ outcome: 'complete', keys: { failed: [] } });
        expect(report.warnings.join()).toMatch(/restarted/);
        expect(accounted(report.keys)).toBe(small.keys);
        expect(differences(small.native, await stateOf(server))).toEqual([]);
        expect(report.functions).toMatchObject({ skipped: 0, failed: [] });
        expect(report.functions.written + report.functions.already).toBe(2);
      } finally {
        await server.stop();
      }
    },
  );

  test('dead for good, it ends the job with TARGET_UNREACHABLE; when it is back empty, all is written', async () => {
    let server = await startServer(name);
    try {
      await using proxy = await startProxy(server);
      const given = { ...options(), patienceMs: 600 };
      const held = proxy.holdAt(400_000, () => server.stop());
      const started = Date.now();
      const report = await restoreInto(proxy, small.file, given);
      await held;
      expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
      expect(report.error?.remedy).toMatch(/goes on from here/);
      expect(Date.now() - started).toBeLessThan(10_000);
      server = await startServer(name);
      proxy.upstream = server;
      const resumed = await restoreInto(proxy, small.file, given);
      expect(resumed.error?.describe()).toBeUndefined();
      expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
      expect(differences(small.native, await stateOf(server))).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  test.for(['keys that are new', 'keys that are there'])(
    'troubles that lie further apart than patience lasts are each a new one: %s',
    async (which) => {
      await using server = await startServer(name);
      await using proxy = await startProxy(server);
      const lists = Array.from({ length: 400 }, (_, i): Command => ['RPUSH', `list ${i}`, 'a', 'b']);
      const file = await commandsFile(work.file(`apart ${which}.rdb`), server, lists);
      if (which === 'keys that are new') await server.call('FLUSHALL');
      // With one chunk at a time only one of the connections has something to do, and the others only break.
      const given = { ...options('skip'), chunkBytes: 256, concurrency: 1, patienceMs: 600 };
      let resets: NodeJS.Timeout[] = [];
      void proxy.holdAt(PREFLIGHT_BYTES, async () => {
        resets = [0, 900, 1800].map((ms) => setTimeout(() => proxy.resetAll(), ms));
      });
      const report = await restoreInto(proxy, file, { ...given, rate: { keysPerSecond: 160 } });
      for (const each of resets) clearTimeout(each);
      expect(report.error?.describe()).toBeUndefined();
      expect(report.outcome).toBe('complete');
      expect(proxy.connections).toBeGreaterThan(12);
      expect(accounted(report.keys)).toBe(400);
      expect(await server.call('DBSIZE')).toBe(400);
    },
  );

  test.for(POLICIES)(
    '%s: out of reach for longer than patience, it is gone on with where it was left',
    async (policy) => {
      await using target = await startServer(name);
      await using proxy = await startProxy(target);
      const given = { ...options(policy), patienceMs: 500 };
      void proxy.holdAt(400_000, async () => proxy.refuse());
      const report = await restoreInto(proxy, small.file, given);
      expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
      expect(report.keys.written).toBeGreaterThan(0);
      const again = await restoreInto(proxy, small.file, given);
      expect(again).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
      await proxy.listen();
      const resumed = await restoreInto(proxy, small.file, given);
      expect(resumed.error?.describe()).toBeUndefined();
      expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
      expect(accounted(resumed.keys)).toBe(small.keys);
      expect(differences(small.native, await stateOf(target))).toEqual([]);
    },
  );

  const six = 'redis-6.0';
  test.skipIf(lacks(six) !== '')(
    `resumed where expiries are told in time left and clocks differ, no key of its own is a conflict${lacks(six)}`,
    async () => {
      await using server = await startServer(six);
      const commands = Array.from({ length: 3000 }, (_, i): Command => ['SET', `key ${i}`, `${i}`, 'EX', 100_000 + i]);
      const file = await commandsFile(work.file('six.rdb'), server, commands);
      const native = await stateOf(server);
      await server.call('FLUSHALL');
      await using proxy = await startProxy(server);
      const ahead: Clock = { ...systemClock, now: () => Date.now() + 30_000 };
      const given = { ...options(), patienceMs: 300, clock: ahead };
      void proxy.holdAt(60_000, async () => proxy.refuse());
      expect(await restoreInto(proxy, file, given)).toMatchObject({ outcome: 'stopped' });
      await proxy.listen();
      const resumed = await restoreInto(proxy, file, given);
      expect(resumed.error?.describe()).toBeUndefined();
      expect(resumed.outcome).toBe('complete');
      expect(resumed.keys.already).toBeGreaterThan(0);
      expect(differences(native, await stateOf(server))).toEqual([]);
    },
  );

  test('hanging for longer than an answer may take, it is asked again over new connections', async () => {
    await using target = await startServer(name);
    await using proxy = await startProxy(target);
    const held = proxy.holdAt(300_000, async () => {
      target.process.kill('SIGSTOP');
      setTimeout(() => target.process.kill('SIGCONT'), 1500);
    });
    const report = await restoreInto(proxy, small.file, { ...options(), replyTimeoutMs: 300 });
    await held;
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', keys: { failed: [] } });
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test.for(['at the start', 'in the middle'])('hanging for good %s, it ends the job', async (when) => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const stop = async () => {
      server.process.kill('SIGSTOP');
    };
    if (when === 'at the start') await stop();
    else void proxy.holdAt(300_000, stop);
    const report = await restoreInto(proxy, small.file, { ...options(), replyTimeoutMs: 300, patienceMs: 600 });
    expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
    server.process.kill('SIGCONT');
  });
});

describe.concurrent('a server whose clients are too many', () => {
  test('is waited for until there is room', async () => {
    await using target = await startServer(name);
    const [, before] = (await target.call('CONFIG', 'GET', 'maxclients')) as string[];
    const crowd = Array.from({ length: 8 }, () => target.connect());
    for (const each of crowd) await each.call('PING');
    // Room for the control connection and one of the four that write.
    const clients = Number(/connected_clients:(\d+)/.exec(String(await target.call('INFO', 'clients')))?.[1]);
    await target.call('CONFIG', 'SET', 'maxclients', clients + 2);
    setTimeout(() => {
      for (const each of crowd) each.disconnect();
    }, 700);
    try {
      const report = await restoreInto(target, small.file, options());
      expect(report.error?.describe()).toBeUndefined();
      expect(report.outcome).toBe('complete');
    } finally {
      await target.call('CONFIG', 'SET', 'maxclients', before as string);
    }
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });

  test.for([0, 2])('for good, with room for %i connections, ends the job and says why', async (room) => {
    await using target = await startServer(name);
    const [, before] = (await target.call('CONFIG', 'GET', 'maxclients')) as string[];
    const clients = Number(/connected_clients:(\d+)/.exec(String(await target.call('INFO', 'clients')))?.[1]);
    await target.call('CONFIG', 'SET', 'maxclients', clients + room);
    const given = { ...options(), patienceMs: 500 };
    try {
      const report = await restoreInto(target, small.file, given);
      expect(report.outcome).toBe('stopped');
      expect(report.error?.describe()).toMatch(/max number of clients/);
    } finally {
      await target.call('CONFIG', 'SET', 'maxclients', before as string);
    }
    const resumed = await restoreInto(target, small.file, given);
    expect(resumed.outcome).toBe('complete');
    expect(differences(small.native, await stateOf(target))).toEqual([]);
  });
});
