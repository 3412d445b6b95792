// Big values are written in parts, and nobody is to notice: no reader, no application that writes meanwhile, no memory, and
// no client that waits for the server.
import { closeSync, openSync, readFileSync, readSync, rmSync, statfsSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../bench/measure.ts';
import type { RestoreOptions } from '../../lib/jobs/restore.ts';
import { openRdb } from '../../lib/sources/rdb/input.ts';
import { isTemporaryKey } from '../../lib/targets/redis/temporary-key.ts';
import { type Clock, systemClock } from '../../lib/telemetry/clock.ts';
import { asByCommands, BIG_KEY_BYTES, BIG_KINDS, type BigKind, bigKey } from '../support/big-keys.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { configFor } from '../support/dataset.ts';
import { YEAR_2099 } from '../support/dataset-strings.ts';
import { hugeHashFields, writeHugeHash } from '../support/huge-hash.ts';
import { RestoreProcesses } from '../support/kill-run.ts';
import { compare, type KeyFacts, snapshot } from '../support/oracle.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { commandsFile, filledFile, restoreInto, WorkFolder, wipe } from '../support/restore-run.ts';
import { anyServer, type Server, startServer, withServer } from '../support/servers.ts';
import { type ChunkLine, readChunkLines, readLedgerOf } from '../support/work-files.ts';

const SEED = seedOr(20_261_127);
const parted = { chunkBytes: BIG_KEY_BYTES, bigKeyBytes: BIG_KEY_BYTES };
const work = new WorkFolder();
let target: Server;

beforeAll(async () => {
  target = await startServer(anyServer());
});
afterAll(async () => {
  await target?.stop();
  work[Symbol.dispose]();
});

/** A file of these keys, by name of the key. */
async function fileOf(name: string, keys: Readonly<Record<string, BigKind>>, expireAt?: number): Promise<string> {
  const commands = Object.entries(keys).flatMap(([key, kind], i) => [
    ...bigKey(kind, key, new Random(SEED + i), expireAt),
  ]);
  return commandsFile(work.file(name), target, commands);
}

/** Everything of a key that is quickly read, as one. */
async function stateOf(key: string): Promise<string> {
  const reads = target.client
    .multi()
    .call('DEBUG', 'DIGEST-VALUE', key)
    .pexpiretime(key)
    .type(key)
    .call('OBJECT', 'ENCODING', key);
  return JSON.stringify(await reads.exec());
}

async function temporaries(): Promise<string[]> {
  return (await target.client.keysBuffer('keyferry:*')).filter(isTemporaryKey).map(String);
}

/** Options of a job that pauses in the middle of a value, until `seen` is true. */
function pausing(seen: () => boolean): Pick<RestoreOptions, 'clock' | 'rate'> {
  // Before each batch the rate makes it sleep.
  const sleep: Clock['sleep'] = async (_, signal) => {
    do await systemClock.sleep(5, signal);
    while ((await temporaries()).length > 0 && !seen());
  };
  return { clock: { ...systemClock, sleep }, rate: { bytesPerSecond: 1 } };
}

test('a reader sees the whole old value with its expiry, or the whole new one with its own', async () => {
  const keys = Object.fromEntries(BIG_KINDS.map((kind) => [`big ${kind}`, kind]));
  const file = await fileOf('read.rdb', keys, YEAR_2099);
  await wipe(target);
  for (const [key, kind] of Object.entries(keys)) {
    await pipelined(target.client, bigKey(kind, key, new Random(SEED).fork(key), YEAR_2099 + 5000));
  }
  const seen = new Map(Object.keys(keys).map((key) => [key, new Set<string>()]));
  let whileBuilt = 0;
  let done = false;
  const look = async () => {
    for (const [key, states] of seen) states.add(await stateOf(key));
  };
  await look();
  const reading = (async () => {
    while (!done) {
      await look();
      if ((await temporaries()).length > 0) whileBuilt++;
    }
  })();
  const pause = pausing(() => whileBuilt >= 20);
  const options = { workDir: work.folder(), ...parted, ...pause };
  const report = await restoreInto(target, file, { onConflict: 'rewrite', ...options });
  done = true;
  await reading;
  await look();
  expect(report).toMatchObject({ outcome: 'complete', keys: { written: BIG_KINDS.length } });
  expect(whileBuilt).toBeGreaterThanOrEqual(20);
  for (const [key, states] of seen) {
    expect(states.size, `states of ${key} that were seen`).toBe(2);
    const [before, after] = [...states];
    expect(before).toContain(String(YEAR_2099 + 5000));
    expect(after).toContain(String(YEAR_2099));
  }
  const held = asByCommands(await snapshot(target));
  const expected = asByCommands(await withServer(target.name, { rdb: file }, snapshot));
  expect(compare(expected, held, { ignoreAccess: true, ignoreRadix: true })).toEqual([]);
});

describe('an application that creates the key while it is built wins', () => {
  let file: string;
  beforeAll(async () => {
    file = await fileOf('created.rdb', { 'big hash': 'hash' });
  });

  async function restoreWhile(onConflict: 'skip' | 'panic') {
    await wipe(target);
    let theirs = '';
    const pause = pausing(() => theirs !== '');
    const restoring = restoreInto(target, file, { workDir: work.folder(), onConflict, ...parted, ...pause });
    await expect.poll(temporaries, { timeout: 20_000 }).toHaveLength(1);
    await target.client.multi().sadd('big hash', 'theirs').pexpireat('big hash', YEAR_2099).exec();
    theirs = await stateOf('big hash');
    const report = await restoring;
    expect(await stateOf('big hash'), 'the key of the application').toBe(theirs);
    expect(await temporaries()).toEqual([]);
    return report;
  }

  test('under skip, and the key counts as skipped', async () => {
    const report = await restoreWhile('skip');
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: 0, skipped: 1, failed: [] } });
  });

  test('under panic, which names the key and ends', async () => {
    const report = await restoreWhile('panic');
    expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_KEY_EXISTS' } });
    expect(report.error?.where).toContain('key "big hash"');
    expect(report.error?.message).not.toContain('has changed it since');
  });
});

describe('killed between the value and the note that it is written, under panic', () => {
  /** What an application does to a key, and how it is undone. */
  const changes: Record<BigKind, [change: Command, undo: Command]> = {
    string: [
      ['PEXPIREAT', 'big', YEAR_2099],
      ['PERSIST', 'big'],
    ],
    list: [
      ['RPUSH', 'big', 'theirs'],
      ['RPOP', 'big'],
    ],
    set: [
      ['SADD', 'big', 'theirs'],
      ['SREM', 'big', 'theirs'],
    ],
    zset: [
      ['ZADD', 'big', 1, 'theirs'],
      ['ZREM', 'big', 'theirs'],
    ],
    hash: [
      ['HSET', 'big', 'theirs', ''],
      ['HDEL', 'big', 'theirs'],
    ],
    stream: [
      ['XGROUP', 'SETID', 'big', 'idle', '5-0', 'ENTRIESREAD', 5],
      ['XGROUP', 'SETID', 'big', 'idle', '3000-0'],
    ],
  };
  let processes: RestoreProcesses;
  beforeAll(async () => {
    processes = await RestoreProcesses.create(work.folder());
  });

  test.for(BIG_KINDS)('a %s of ours is no conflict; one that an application changed since is', async (kind) => {
    const file = await fileOf(`killed-${kind}.rdb`, { big: kind });
    const request = () => ({ url: target.url, file, workDir: work.folder(), ...parted });
    await wipe(target);
    const { file: writes } = await processes.count(request());
    let left: string | undefined;
    // From the end on: of the last writes to files one is the note that the chunk is done.
    for (let n = writes; n > 0 && left === undefined; n--) {
      await wipe(target);
      const { workDir } = await killed(`file:${n}:before`);
      const there = (await target.client.exists('big')) === 1;
      if (there && readLedgerOf(workDir)?.started.size === 1) left = workDir;
    }
    async function killed(point: string) {
      const each = request();
      expect(await processes.kill(each, point), point).toBeUndefined();
      return each;
    }
    expect(left, 'a kill behind the value').toBeDefined();
    const again = { workDir: left as string, ...parted };
    const [change, undo] = changes[kind];
    await pipelined(target.client, [change]);
    const theirs = await stateOf('big');
    const conflict = await restoreInto(target, file, again);
    expect(conflict).toMatchObject({ outcome: 'stopped', resumed: true, error: { code: 'TARGET_KEY_EXISTS' } });
    expect(conflict.error?.message).toContain('an application has changed it since');
    expect(await stateOf('big')).toBe(theirs);
    await pipelined(target.client, [undo]);
    const resumed = await restoreInto(target, file, again);
    expect(resumed.error?.describe()).toBeUndefined();
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true, keys: { already: 1, written: 0 } });
    expect(await temporaries()).toEqual([]);
  });
});

describe('bytes that changed on disk since the plan', () => {
  /** The time of the files, by which a plan is found to be theirs; in whole seconds it can be set exactly. */
  const WRITTEN_AT = 1_700_000_000;
  /** The expiry's opcode and its time; the time's last byte has the sign, and with it the key would have expired. */
  const EXPIRY_BYTES = 9;
  /** Expiry, type and name of the key. */
  const HEAD_BYTES = EXPIRY_BYTES + 1 + 4;

  /** Some in the head, which is little of the record, and where other things go wrong. */
  function drawFlip(random: Random, { start, end }: ChunkLine): [at: number, bit: number] {
    const last = random.chance(0.3) ? start + HEAD_BYTES : end;
    return [random.int(start, last - 1), 1 << random.int(0, 7)];
  }

  test.for(BIG_KINDS)('of a %s are told as that, and nothing of them is seen', async (kind) => {
    const file = await fileOf(`flipped-${kind}.rdb`, { big: kind }, YEAR_2099);
    utimesSync(file, WRITTEN_AT, WRITTEN_AT);
    const workDir = work.folder();
    await (await openRdb(file, { workDir, chunkBytes: BIG_KEY_BYTES })).close(false);
    const chunk = readChunkLines(workDir).find(({ start, end }) => end - start >= BIG_KEY_BYTES)!;
    for (let i = 0; i < runs(6, 200); i++) {
      const random = new Random(SEED + i).fork(kind);
      const [at, bit] = i === 0 ? [chunk.start + EXPIRY_BYTES - 1, 0x80] : drawFlip(random, chunk);
      await wipe(target);
      await target.client.set('big', 'old');
      flip(file, at, bit);
      const report = await restoreInto(target, file, { workDir, onConflict: 'rewrite', ...parted });
      flip(file, at, bit);
      const about = `seed ${SEED + i}, bit ${bit} of byte ${at - chunk.start}: ${report.error?.describe()}`;
      expect(report.error?.code, about).toBe('INPUT_CHANGED');
      expect(report.files[0]?.reusedPlan, about).toBe(true);
      expect(await target.client.get('big'), about).toBe('old');
      expect(await target.client.dbsize(), about).toBe(1);
    }
  });

  /** As a disk does it that reads badly: size and time of the file stay. */
  function flip(path: string, at: number, bit: number): void {
    const handle = openSync(path, 'r+');
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, at);
    writeSync(handle, Buffer.of(byte[0]! ^ bit), 0, 1, at);
    closeSync(handle);
    utimesSync(path, WRITTEN_AT, WRITTEN_AT);
  }
});

describe('a huge string', () => {
  const BYTES = 100_000_000;
  const bigKeyBytes = 16 * 1024;

  test('holds the server up once, while it takes memory for it', async () => {
    const text = Buffer.alloc(BYTES, new Random(SEED).bytes(100_003));
    const file = await commandsFile(work.file('string.rdb'), target, [['SET', 'big', text]]);
    await wipe(target);
    // On another server of the kind: what one has freed it gets back with less trouble.
    const once = await withServer(anyServer(), {}, async (other) => {
      await other.call('PING');
      const asked = performance.now();
      await other.call('SETRANGE', 'as large', BYTES - 1, 'x');
      return performance.now() - asked;
    });
    await using server = await startServer(anyServer(), {
      config: { 'slowlog-log-slower-than': String(Math.round((once / 4) * 1000)) },
    });

    const pings = new Pings(server);
    const report = await restoreInto(server, file, { workDir: work.folder(), bigKeyBytes });
    const longest = await pings.end();
    rmSync(file);
    expect(report).toMatchObject({ outcome: 'complete', error: undefined, keys: { written: 1, losses: {} } });
    expect((await server.client.getBuffer('big'))?.equals(text)).toBe(true);
    expect(longest, 'longest wait for a PONG, ms').toBeLessThan(5 * once + 500);
    const slow = (await server.call('SLOWLOG', 'GET', -1)) as [number, number, number, string[]][];
    const writes = slow.map(([, , , [command]]) => command).filter((name) => name === 'SETRANGE' || name === 'APPEND');
    // A string that grows is moved some ten times.
    expect(writes.length, 'commands that take long').toBeLessThanOrEqual(5);
  });

  test('that is compressed in the file gets its memory at once too', async () => {
    const text = Buffer.from(new Random(SEED).text(3_000_000));
    const file = await commandsFile(work.file('compressed.rdb'), target, [['SET', 'big', text]]);
    await wipe(target);
    const lengths = new Set<number>();
    const look = async () => {
      for (const key of await temporaries()) lengths.add(await target.client.strlen(key));
      return lengths.size > 0;
    };
    const pause = pausing(() => lengths.size > 0);
    const restoring = restoreInto(target, file, { workDir: work.folder(), bigKeyBytes, ...pause });
    await expect.poll(look, { timeout: 20_000 }).toBe(true);
    expect((await restoring).outcome).toBe('complete');
    expect([...lengths]).toEqual([text.length]);
    expect((await target.client.getBuffer('big'))?.equals(text)).toBe(true);
  });
});

describe('a huge hash over an old one', () => {
  const MB = 1_000_000;
  const sizes = [
    { megabytes: 512, deep: false },
    { megabytes: 5000, deep: true },
  ];

  for (const { megabytes, deep } of sizes) {
    const note =
      deep && process.env.KEYFERRY_RUNS !== 'full' ? ' [skipped: for npm run test:deep]' : shortOf(megabytes * MB);
    test.skipIf(note !== '')(
      `of ${megabytes} MB takes less than 300 MB of memory, and holds nobody up${note}`,
      async () => {
        const folder = work.folder();
        const hash = { fields: megabytes, valueBytes: MB, seed: SEED, expireAt: YEAR_2099 };
        const file = join(folder, 'huge.rdb');
        writeHugeHash(file, hash);
        await RestoreProcesses.create(folder);
        await using server = await startServer(anyServer());
        await pipelined(server.client, oldHash());
        await server.call('CONFIG', 'RESETSTAT');
        const pings = new Pings(server);
        const cost = await run({
          label: 'keyferry',
          program: process.execPath,
          args: [
            join(folder, 'keyferry.mjs'),
            ...['restore', file, '--to', server.url, '--on-conflict', 'rewrite', '--json'],
          ],
        });
        await expect
          .poll(() => server.call('INFO', 'memory'), { timeout: 20_000 })
          .toContain('lazyfree_pending_objects:0');
        const longest = await pings.end();
        rmSync(file);

        expect(cost.peakRssBytes / MB, 'MB of memory').toBeLessThan(300);
        expect(longest, 'longest wait for a PONG, ms').toBeLessThan(500);
        // The old hash went by UNLINK: RENAME and DEL would have freed it while everybody waits.
        expect(String(await server.call('INFO', 'memory'))).toMatch(/lazyfreed_objects:[1-9]/);
        expect(String(await server.call('INFO', 'commandstats'))).not.toMatch(/cmdstat_(del|restore):calls=[1-9]/);
        expect(await server.client.dbsize()).toBe(1);
        expect(await server.client.hlen('huge')).toBe(megabytes);
        expect(await server.call('PEXPIRETIME', 'huge')).toBe(YEAR_2099);
        for (const [field, value] of hugeHashFields(hash)) {
          const held = await server.client.hgetBuffer('huge', field);
          expect(held?.equals(value), `value of ${field}`).toBe(true);
        }
      },
    );
  }

  /** Small fields: to free them takes longest. */
  function* oldHash(): Generator<Command> {
    for (let at = 0; at < 400_000; at += 1000) {
      yield ['HSET', 'huge', ...Array.from({ length: 1000 }, (_, i) => [`old ${at + i}`, 'v']).flat()];
    }
  }
});

/** A note for a test's title where this machine can't hold the file on disk and the value in a server's memory. */
function shortOf(bytes: number): string {
  const spare = 1e9;
  const { bavail, bsize } = statfsSync(work.path);
  const available = Number(/MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1]) * 1024;
  if (bavail * bsize < bytes + spare) return ` [skipped: needs ${(bytes + spare) / 1e9} GB of disk]`;
  if (available < 1.2 * bytes + spare) return ` [skipped: needs ${(1.2 * bytes + spare) / 1e9} GB of memory]`;
  return '';
}

/** A client that asks for nothing, again and again, and takes the time. */
class Pings {
  #done = false;
  readonly #longest: Promise<number>;

  constructor(server: Server) {
    this.#longest = this.#ask(server);
    this.#longest.catch(() => undefined); // it is told to whoever waits for the end
  }

  /** The longest wait for an answer, ms. */
  end(): Promise<number> {
    this.#done = true;
    return this.#longest;
  }

  async #ask(server: Server): Promise<number> {
    const client = server.connect();
    let longest = 0;
    while (!this.#done) {
      const asked = performance.now();
      await client.ping();
      longest = Math.max(longest, performance.now() - asked);
      await sleep(2);
    }
    client.disconnect();
    return longest;
  }
}

test('where the user may not RESTORE everything comes by commands, and what that loses is said', async () => {
  const file = await filledFile(work.file('all.rdb'), target.name, { seed: SEED, scale: 1, eviction: 'lru' });
  const config = configFor(target.name, { eviction: 'lru' });
  await using server = await startServer(target.name, { config });
  await server.call('ACL', 'SETUSER', 'ferry', 'on', '>pw', '~*', '+@all', '-restore');
  const url = `redis://ferry:pw@${server.host}:${server.port}`;
  const report = await restoreInto(server, file, { workDir: work.folder(), url, ...parted });
  expect(report.error?.describe()).toBeUndefined();
  expect(report).toMatchObject({ outcome: 'complete', keys: { failed: [] } });
  expect(report.warnings.join()).toContain('may not call RESTORE');
  const expected = await withServer(target.name, { config, rdb: file }, snapshot);
  const held = asByCommands(await snapshot(server));
  expect(compare(asByCommands(expected), held, { ignoreAccess: true, ignoreRadix: true })).toEqual([]);
  const consumed = [...expected.databases.values()].flatMap((keys) => [...keys.values()].filter(hasConsumers));
  expect(report.keys.losses).toEqual({ 'idle-time': report.keys.written, 'stream-seen-time': consumed.length });
});

function hasConsumers({ type, details = {} }: KeyFacts): boolean {
  if (type !== 'stream') return false;
  const groups = Object.values(details.groups as Record<string, { consumers: object }>);
  return groups.some(({ consumers }) => Object.keys(consumers).length > 0);
}
