// The options of a restore, each by what it does to a real server.
import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import type { Clock } from '../../lib/telemetry/clock.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { startProxy } from '../support/chaos-proxy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { YEAR_2099 } from '../support/dataset-strings.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { moduleId, moduleItem, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import {
  accounted,
  commandCalls,
  commandsFile,
  differences,
  filledFile,
  nativeState,
  restoreInto,
  type State,
  stateOf,
  WorkFolder,
} from '../support/restore-run.ts';
import { anyServer, lacks, type Server, type ServerName, startServer, withServer } from '../support/servers.ts';
import { readLedgerOf } from '../support/work-files.ts';

const work = new WorkFolder();
const name = anyServer();
/** Every type, in the databases 0, 1 and 9. */
let file = '';
let native: State;
let loaded: Snapshot;
let keys = 0;
/** Those of them that had expired when it was saved. */
let expired = 0;

beforeAll(async () => {
  file = await filledFile(work.file('all.rdb'), name, { seed: 13, scale: 2 });
  await withServer(name, { rdb: file }, async (server) => {
    native = await stateOf(server);
    loaded = await snapshot(server);
  });
  await using server = await startServer(name);
  const report = await restoreInto(server, file, { workDir: work.folder() });
  keys = accounted(report.keys);
  expired = report.keys.expired;
});
afterAll(() => work[Symbol.dispose]());

/** Keys of the file that are alive, by database. */
const alive = (db: number): number => loaded.databases.get(db)?.size ?? 0;

describe.concurrent('expiry', () => {
  test.for(['panic', 'rewrite', 'skip'] as ConflictPolicy[])(
    'keys whose time has passed are counted and not written, and leave the target’s alone: %s',
    async (onConflict) => {
      const past = Date.now() - 1000;
      const rdb = new RdbFileBuilder('REDIS0009').selectDb(0);
      rdb
        .expireMs(past)
        .key('string', values.STRING('x'))
        .expireMs(past)
        .key('list', values.LIST(['x']));
      rdb.expireSeconds(1).key('old', values.STRING('x')).expireMs(0).key('epoch', values.STRING('x'));
      rdb.expireMs(YEAR_2099).key('lives', values.STRING('x')).key('stays', values.STRING('x'));
      const path = work.file(`expired-${onConflict}.rdb`);
      writeFileSync(path, rdb.end());
      await using server = await startServer(name);
      await server.call('SET', 'string', 'the application’s');
      await server.call('SET', 'old', 'the application’s');
      const report = await restoreInto(server, path, { onConflict, workDir: work.folder() });
      expect(report).toMatchObject({ outcome: 'complete', keys: { written: 2, expired: 4, skipped: 0, failed: [] } });
      const present = (await server.client.keys('*')).sort();
      expect(present).toEqual(['lives', 'old', 'stays', 'string']);
      expect(await server.call('GET', 'string')).toBe('the application’s');
      expect(await server.call('PEXPIRETIME', 'lives')).toBe(YEAR_2099);
      expect(await server.call('PEXPIRETIME', 'stays')).toBe(-1);
    },
  );

  test('a shift moves every expiry by as much, and what it moves into the past is expired', async () => {
    await using server = await startServer(name);
    const path = await commandsFile(work.file('shift.rdb'), server, [
      ['SET', 'stays', 'x'],
      ['SET', 'string', 'x', 'PXAT', YEAR_2099],
      ['RPUSH', 'list', 'x'],
      ['PEXPIREAT', 'list', YEAR_2099 + 1],
      ['HSET', 'far', 'a', 'b'],
      ['PEXPIREAT', 'far', Number.MAX_SAFE_INTEGER],
      ['SET', 'farther', 'x'],
      ['PEXPIREAT', 'farther', Number.MAX_SAFE_INTEGER - 3],
    ]);
    const times = () =>
      pipelined(
        server.client,
        ['stays', 'string', 'list', 'far', 'farther'].map((key): Command => ['PEXPIRETIME', key]),
      );
    const run = async (shiftMs: number) => {
      await server.call('FLUSHALL');
      const expiry = { shiftMs, drop: false };
      const report = await restoreInto(server, path, { workDir: work.folder(), expiry });
      expect(report.error?.describe()).toBeUndefined();
      return report.keys;
    };
    expect(await run(-3_600_123)).toMatchObject({ written: 5, expired: 0 });
    const last = Number.MAX_SAFE_INTEGER - 3_600_123;
    expect(await times()).toEqual([-1, YEAR_2099 - 3_600_123, YEAR_2099 - 3_600_122, last, last - 3]);
    // Beyond what a JavaScript number holds exactly.
    expect(await run(3_600_123)).toMatchObject({ written: 5, expired: 0 });
    const text = server.connect();
    text.options.stringNumbers = true;
    expect(await text.call('PEXPIRETIME', 'far')).toBe(String(BigInt(Number.MAX_SAFE_INTEGER) + 3_600_123n));
    expect(await text.call('PEXPIRETIME', 'farther')).toBe(String(BigInt(Number.MAX_SAFE_INTEGER) + 3_600_120n));
    // To a second ago.
    expect(await run(Date.now() - 1000 - YEAR_2099)).toMatchObject({ written: 3, expired: 2 });
    expect((await server.client.keys('*')).sort()).toEqual(['far', 'farther', 'stays']);
  });

  test('without expiry, everything that lives stays for good', async () => {
    await using server = await startServer(name);
    const report = await restoreInto(server, file, { workDir: work.folder(), expiry: { shiftMs: 0, drop: true } });
    expect(report).toMatchObject({ outcome: 'complete', keys: { expired } });
    const state = await stateOf(server);
    expect(state.expiries).toEqual({});
    expect(await server.call('DBSIZE')).toBe(alive(0));
  });

  const fields: ServerName[] = ['redis-8.0', 'valkey-9.1'];
  test.for(fields)('times of hash fields are kept, moved and dropped on %s', async (release, { skip }) => {
    skip(lacks(release) !== '', lacks(release));
    await using server = await startServer(release);
    const many = Array.from({ length: 600 }, (_, i) => [`field ${i}`, `value ${i}`]).flat();
    const path = await commandsFile(work.file(`${release}.rdb`), server, [
      ['HSET', 'small', 'a', 1, 'b', 2, 'c', 3],
      ['HPEXPIREAT', 'small', YEAR_2099, 'FIELDS', 1, 'a'],
      ['HPEXPIREAT', 'small', YEAR_2099 + 7, 'FIELDS', 1, 'b'],
      ['HSET', 'large', ...many],
      ['HPEXPIREAT', 'large', YEAR_2099 + 1, 'FIELDS', 2, 'field 3', 'field 500'],
      ['HSET', 'both', 'a', 1, 'b', 2],
      ['HPEXPIREAT', 'both', YEAR_2099 + 2, 'FIELDS', 2, 'a', 'b'],
      ['PEXPIREAT', 'both', YEAR_2099 + 3],
    ]);
    const times = () =>
      Promise.all([
        server.call('HPEXPIRETIME', 'small', 'FIELDS', 3, 'a', 'b', 'c'),
        server.call('HPEXPIRETIME', 'large', 'FIELDS', 3, 'field 3', 'field 4', 'field 500'),
        server.call('HPEXPIRETIME', 'both', 'FIELDS', 2, 'a', 'b'),
        server.call('PEXPIRETIME', 'both'),
      ]);
    const moved = (by: number) => [
      [YEAR_2099 + by, YEAR_2099 + 7 + by, -1],
      [YEAR_2099 + 1 + by, -1, YEAR_2099 + 1 + by],
      [YEAR_2099 + 2 + by, YEAR_2099 + 2 + by],
      YEAR_2099 + 3 + by,
    ];
    const run = async (expiry: { shiftMs: number; drop: boolean }, onConflict: ConflictPolicy = 'panic') => {
      const report = await restoreInto(server, path, { workDir: work.folder(), expiry, onConflict });
      expect(report.error?.describe()).toBeUndefined();
      expect(report).toMatchObject({ outcome: 'complete', keys: { written: 3, failed: [] } });
      expect(await server.call('HGETALL', 'small')).toEqual(expect.arrayContaining(['a', '1', 'b', '2', 'c', '3']));
      expect(await server.call('HLEN', 'large')).toBe(600);
    };
    await server.call('FLUSHALL');
    await run({ shiftMs: 0, drop: false });
    expect(await times()).toEqual(moved(0));
    await run({ shiftMs: -86_400_000, drop: false }, 'rewrite');
    expect(await times()).toEqual(moved(-86_400_000));
    await run({ shiftMs: 0, drop: true }, 'rewrite');
    expect(await times()).toEqual([[-1, -1, -1], [-1, -1, -1], [-1, -1], -1]);
  });
});

describe.concurrent('which keys, and where to', () => {
  test('databases are mapped', async () => {
    await using server = await startServer(name);
    const dbMap = new Map([
      [0, 5],
      [9, 0],
    ]);
    const report = await restoreInto(server, file, { workDir: work.folder(), dbMap });
    expect(report.outcome).toBe('complete');
    server.loadedAt = Date.now();
    const databases = new Map([...loaded.databases].map(([db, content]) => [dbMap.get(db) ?? db, content]));
    const there = await snapshot(server);
    expect(compare({ ...loaded, databases, digest: there.digest }, there, { ignoreAccess: true })).toEqual([]);
  });

  test('only some databases are taken', async () => {
    await using server = await startServer(name);
    const report = await restoreInto(server, file, { workDir: work.folder(), filter: { dbs: [1] } });
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: alive(1), filtered: keys - alive(1) } });
    const there = await snapshot(server);
    expect([...there.databases.keys()]).toEqual([1]);
    expect(there.databases.get(1)?.size).toBe(alive(1));
  });

  test('the database of the URL takes the keys of the only one', async () => {
    await using server = await startServer(name);
    const url = `${server.url}/4`;
    const report = await restoreInto(server, file, { workDir: work.folder(), filter: { dbs: [9] }, url });
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: alive(9) } });
    expect(String(await server.call('INFO', 'keyspace'))).toMatch(new RegExp(`db4:keys=${alive(9)},`));

    const all = await restoreInto(server, file, { workDir: work.folder(), url });
    expect(all).toMatchObject({ outcome: 'stopped', error: { code: 'DB_AMBIGUOUS' } });
    const missing = await restoreInto(server, file, { workDir: work.folder(), filter: { dbs: [7] } });
    expect(missing).toMatchObject({ outcome: 'stopped', error: { code: 'DB_NOT_IN_FILE' } });
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('globs and types leave out the rest, and every key is accounted for', async () => {
    await using server = await startServer(name);
    const taken = (wanted: (key: string, type: string) => boolean) =>
      [...loaded.databases].flatMap(([db, content]) =>
        [...content]
          .filter(([key, { type }]) => wanted(key, type))
          .map(([key, { digest }]) => `${db} ${key} ${digest}`),
      );
    for (const { filter, wanted } of [
      { filter: { match: ['list:*', 'h?sh:*'] }, wanted: (key: string) => /^(list|h.sh):/s.test(key) },
      { filter: { kinds: ['zset', 'stream'] as const }, wanted: (_: string, type: string) => /zset|stream/.test(type) },
      {
        filter: { kinds: ['string'] as const, match: ['many:*'], dbs: [1, 9] },
        wanted: (key: string, type: string) => type === 'string' && key.startsWith('many:'),
        dbs: [1, 9],
      },
    ]) {
      await server.call('FLUSHALL');
      const report = await restoreInto(server, file, { workDir: work.folder(), filter });
      expect(report.outcome).toBe('complete');
      expect(accounted(report.keys)).toBe(keys);
      const there = await snapshot(server);
      const expected = taken(wanted).filter((each) => !('dbs' in filter) || !each.startsWith('0 '));
      const found = [...there.databases].flatMap(([db, content]) =>
        [...content].map(([key, { digest }]) => `${db} ${key} ${digest}`),
      );
      expect(found.sort()).toEqual(expected.sort());
      expect(report.keys.written).toBe(expected.length);
    }
  });
});

describe.concurrent('a dry run', () => {
  test.for(['plain', 'gzip', 'stdin'])('of %s input checks everything and writes nothing', async (packing) => {
    await using server = await startServer(name);
    const path = packing === 'gzip' ? work.file('dry.rdb.gz') : file;
    if (packing === 'gzip') writeFileSync(path, gzipSync(readFileSync(file)));
    const workDir = work.folder();
    await server.call('CONFIG', 'RESETSTAT');
    const stdin = packing === 'stdin' ? createReadStream(file) : undefined;
    const report = await restoreInto(server, stdin === undefined ? path : '-', { workDir, dryRun: true, stdin });
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', dryRun: true, keys: { written: 0 }, files: [{ keys }] });
    expect(report.server).toMatch(/^(Redis|Valkey) \d/);
    expect(readdirSync(workDir)).toEqual([]);
    expect(existsSync(`${path}.plan.json`)).toBe(false);
    expect(
      Number(/dirty|rdb_changes_since_last_save:(\d+)/.exec(String(await server.call('INFO', 'persistence')))?.[1]),
    ).toBe(0);
    expect(await stateOf(server)).toMatchObject({ digest: '0'.repeat(40), libraries: [] });
  });

  test('leaves a job that waits to be resumed as it is', async () => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const given = { workDir: work.folder(), chunkBytes: 16 * 1024, patienceMs: 300 };
    void proxy.holdAt(300_000, async () => proxy.refuse());
    expect((await restoreInto(proxy, file, given)).outcome).toBe('stopped');
    await proxy.listen();
    const before = readdirSync(given.workDir).map((each) => readFileSync(join(given.workDir, each), 'utf8'));
    expect((await restoreInto(proxy, file, { ...given, dryRun: true })).outcome).toBe('complete');
    expect(readdirSync(given.workDir).map((each) => readFileSync(join(given.workDir, each), 'utf8'))).toEqual(before);
    const resumed = await restoreInto(proxy, file, given);
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
    expect(differences(native, await stateOf(server))).toEqual([]);
  });
});

/** A clock on which waiting takes no time. */
class FastClock implements Clock {
  #ahead = 0;
  now(): number {
    return Date.now() + this.#ahead;
  }
  async sleep(ms: number): Promise<void> {
    const at = this.now() + ms;
    await turn();
    this.#ahead = Math.max(this.#ahead, at - Date.now());
  }
  get aheadMs(): number {
    return this.#ahead;
  }
}

describe.concurrent('the rate', () => {
  test.for([
    ['many small keys', 8 << 20, 2000, 100],
    ['many small keys in small chunks', 2048, 2000, 100],
    ['few large keys', 8 << 20, 40, 200_000],
    ['a value that is streamed', 64 * 1024, 4, 2_000_000],
  ] as const)('in bytes is kept to: %s', async ([, chunkBytes, count, size]) => {
    await using server = await startServer(name);
    const random = new Random(1);
    const commands = Array.from({ length: count }, (_, i): Command => ['SET', `key ${i}`, random.bytes(size)]);
    const path = await commandsFile(work.file(`rate-${count}-${chunkBytes}.rdb`), server, commands);
    await server.call('FLUSHALL');
    const bytes = readFileSync(path).length;
    const clock = new FastClock();
    const rate = { bytesPerSecond: bytes / 20 };
    const report = await restoreInto(server, path, { workDir: work.folder(), chunkBytes, rate, clock });
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: count } });
    expect(clock.aheadMs).toBeGreaterThan(15_000);
    expect(clock.aheadMs).toBeLessThan(21_000);
  });

  test.for([8 << 20, 4096])('in keys is kept to in chunks of %i bytes', async (chunkBytes) => {
    await using server = await startServer(name);
    const clock = new FastClock();
    const rate = { keysPerSecond: keys / 20 };
    const report = await restoreInto(server, file, { workDir: work.folder(), chunkBytes, rate, clock });
    expect(report.outcome).toBe('complete');
    expect(clock.aheadMs).toBeGreaterThan(15_000);
    expect(clock.aheadMs).toBeLessThan(21_000);
  });
});

describe.concurrent('inputs', () => {
  test('several files are one job, also when it is resumed', async () => {
    await using server = await startServer(name);
    const make = (label: string) => {
      const random = new Random(label.charCodeAt(0));
      const commands = Array.from({ length: 800 }, (_, i): Command => ['SET', `${label} ${i}`, random.text(200)]);
      const library = `#!lua name=${label}\nredis.register_function('${label}', function() return 1 end)`;
      return commandsFile(work.file(`${label}.rdb`), server, [...commands, ['FUNCTION', 'LOAD', library]]);
    };
    const files = [await make('one'), await make('two'), await make('three')];
    await server.call('FLUSHALL');
    await server.call('FUNCTION', 'FLUSH');
    await using proxy = await startProxy(server);
    const given = { workDir: work.folder(), chunkBytes: 8192, patienceMs: 300 };
    void proxy.holdAt(250_000, async () => proxy.refuse());
    const report = await restoreInto(proxy, files, given);
    expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
    expect(report.files).toHaveLength(3);
    await proxy.listen();
    const resumed = await restoreInto(proxy, files, given);
    expect(resumed.error?.describe()).toBeUndefined();
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
    expect(accounted(resumed.keys)).toBe(2400);
    expect(resumed.functions.written + resumed.functions.already).toBe(3);
    expect(await server.call('DBSIZE')).toBe(2400);
    expect((await stateOf(server)).libraries).toEqual(['one', 'three', 'two']);
    const twice = await restoreInto(proxy, [files[0]!, files[0]!], given);
    expect(twice).toMatchObject({ outcome: 'stopped', error: { code: 'FILES_TWICE' } });
  });

  test.for([
    ['gzip', gzipSync],
    ['zst', zstdCompressSync],
  ] as const)('%s is unpacked, resumed, and its copy removed at the end', async ([suffix, pack]) => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const path = work.file(`packed.rdb.${suffix}`);
    writeFileSync(path, pack(readFileSync(file)));
    const given = { workDir: work.folder(), chunkBytes: 16 * 1024, patienceMs: 300 };
    void proxy.holdAt(400_000, async () => proxy.refuse());
    expect((await restoreInto(proxy, path, given)).outcome).toBe('stopped');
    await proxy.listen();
    const report = await restoreInto(proxy, path, given);
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', resumed: true, files: [{ reusedPlan: true }] });
    expect(differences(native, await stateOf(server))).toEqual([]);
    expect(readdirSync(given.workDir).filter((each) => /unpacked|ledger/.test(each))).toEqual([]);
  });

  test('standard input is restored, and resumed by giving the same bytes again', async () => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const bytes = gzipSync(readFileSync(file));
    const stdin = () => Readable.from([bytes.subarray(0, 5), bytes.subarray(5, 70_000), bytes.subarray(70_000)]);
    const given = { workDir: work.folder(), chunkBytes: 16 * 1024, patienceMs: 300 };
    void proxy.holdAt(400_000, async () => proxy.refuse());
    const report = await restoreInto(proxy, '-', { ...given, stdin: stdin() });
    expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_UNREACHABLE' } });
    await proxy.listen();
    const other = new RdbFileBuilder().selectDb(0).key('other', values.STRING('x')).end();
    const wrong = await restoreInto(proxy, '-', { ...given, stdin: Readable.from([other]) });
    expect(wrong).toMatchObject({ outcome: 'stopped', error: { code: 'LEDGER_OTHER_JOB' } });
    const resumed = await restoreInto(proxy, '-', { ...given, stdin: stdin() });
    expect(resumed.error?.describe()).toBeUndefined();
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
    expect(differences(native, await stateOf(server))).toEqual([]);
    expect(readdirSync(given.workDir).filter((each) => /unpacked|ledger/.test(each))).toEqual([]);
  });

  // With `everysec` a command may be answered before it is in the file.
  const appendOnly = { appendonly: 'yes', 'aof-use-rdb-preamble': 'yes', appendfsync: 'always' };
  async function rewritten(server: Server): Promise<void> {
    await server.call('BGREWRITEAOF');
    for (;;) {
      const info = String(await server.call('INFO', 'persistence'));
      if (/aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info)) return;
      await turn();
    }
  }

  test.skipIf(lacks('redis-6.0') !== '')(
    `an append-only file’s RDB is restored and its commands are reported${lacks('redis-6.0')}`,
    async () => {
      await using source = await startServer('redis-6.0', { config: appendOnly });
      await pipelined(source.client, [
        ['RPUSH', 'list', 'a', 'b'],
        ['SET', 'string', 'x'],
      ]);
      await rewritten(source);
      await source.call('SET', 'later', 'not applied');
      const path = join(source.dir, 'appendonly.aof');
      await using server = await startServer(name);
      const report = await restoreInto(server, path, { workDir: work.folder() });
      expect(report).toMatchObject({ outcome: 'partial', error: undefined, keys: { written: 2 } });
      expect(report.tails).toEqual([{ file: path, bytes: expect.any(Number), kind: 'aof', ignored: false }]);
      expect((await server.client.keys('*')).sort()).toEqual(['list', 'string']);
      const ignoring = { workDir: work.folder(), onConflict: 'rewrite' as const, ignoreTail: true };
      expect(await restoreInto(server, path, ignoring)).toMatchObject({
        outcome: 'complete',
        tails: [{ ignored: true }],
      });
    },
  );

  test('the base of a multi-part append-only file is an RDB, its increments are not', async () => {
    await using source = await startServer(name, { config: appendOnly });
    await source.call('RPUSH', 'list', 'a', 'b');
    await rewritten(source);
    await source.call('SET', 'later', 'x');
    const folder = join(source.dir, 'appendonlydir');
    const part = (kind: RegExp) => join(folder, readdirSync(folder).find((each) => kind.test(each)) as string);
    await using server = await startServer(name);
    const report = await restoreInto(server, part(/base\.rdb$/), { workDir: work.folder() });
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: 1 }, tails: [] });
    const increment = await restoreInto(server, part(/incr\.aof$/), { workDir: work.folder() });
    expect(increment).toMatchObject({ outcome: 'stopped', error: { code: 'INPUT_AOF' } });
  });

  test.skipIf(lacks('redis-6.0') !== '')(`cached scripts of an old file are loaded${lacks('redis-6.0')}`, async () => {
    const config = { 'repl-diskless-sync-delay': '0' };
    await using source = await startServer('redis-6.0', { config });
    // A server keeps its scripts in the file only where it has, or had, a replica.
    await using replica = await startServer('redis-6.0', { config: { replicaof: `127.0.0.1 ${source.port}` } });
    while (!/master_link_status:up/.test(String(await replica.call('INFO', 'replication')))) await turn();
    const hashes = [
      await source.call('SCRIPT', 'LOAD', "return 'ä'"),
      await source.call('SCRIPT', 'LOAD', `return ${'1 + '.repeat(500)}1`),
    ] as string[];
    await source.call('SET', 'key', 'value');
    await source.call('SAVE');
    for (const release of ['redis-6.0', name] as const) {
      await using server = await startServer(release);
      const report = await restoreInto(server, join(source.dir, 'dump.rdb'), { workDir: work.folder() });
      expect(report).toMatchObject({ outcome: 'complete', warnings: [] });
      expect(await server.call('SCRIPT', 'EXISTS', ...hashes), release).toEqual([1, 1]);
    }
  });
});

describe.concurrent('stopping', () => {
  test.for(['panic', 'rewrite', 'skip'] as ConflictPolicy[])(
    'an aborted job finishes what is under way and goes on later: %s',
    async (onConflict) => {
      await using server = await startServer(name);
      await using proxy = await startProxy(server);
      const controller = new AbortController();
      const given = { workDir: work.folder(), chunkBytes: 16 * 1024, onConflict };
      void proxy.holdAt(300_000, async () => controller.abort());
      const report = await restoreInto(proxy, file, { ...given, signal: controller.signal });
      expect(report).toMatchObject({ outcome: 'interrupted', error: { code: 'INTERRUPTED' } });
      expect(report.keys.written).toBeGreaterThan(0);
      const size = Number(await server.call('DBSIZE'));
      expect(size).toBeLessThan(alive(0));
      expect(report.keys.written).toBeLessThanOrEqual(size + alive(1) + alive(9));
      expect(readLedgerOf(given.workDir)?.started.size, 'chunks that were left in the middle').toBe(0);
      const resumed = await restoreInto(proxy, file, given);
      expect(resumed.error?.describe()).toBeUndefined();
      expect(resumed).toMatchObject({ outcome: 'complete', resumed: true, keys: { already: 0 } });
      expect(accounted(resumed.keys)).toBe(keys);
      expect(differences(native, await stateOf(server))).toEqual([]);
    },
  );

  test('an aborted job ends also where the target answers no more', { timeout: 40_000 }, async () => {
    await using server = await startServer(name);
    await using proxy = await startProxy(server);
    const controller = new AbortController();
    void proxy.holdAt(300_000, () => {
      controller.abort();
      return new Promise(() => {});
    });
    const began = performance.now();
    const given = { workDir: work.folder(), chunkBytes: 16 * 1024, replyTimeoutMs: 60_000 };
    const report = await restoreInto(proxy, file, { ...given, signal: controller.signal });
    expect(report).toMatchObject({ outcome: 'interrupted', error: { code: 'INTERRUPTED' } });
    // A little more than the time that is given to what is under way.
    expect(performance.now() - began).toBeLessThan(25_000);
  });

  test('an aborted job that is held to a rate ends soon, and the keys under way are not lost', async () => {
    await using server = await startServer(name);
    const controller = new AbortController();
    const given = { workDir: work.folder(), chunkBytes: 16 * 1024 };
    const progress = new Progress();
    const polling = setInterval(() => {
      if (progress.phase === 'writing' && progress.keys > 0) controller.abort();
    }, 5);
    const rate = { keysPerSecond: 300 };
    const report = await restoreInto(server, file, { ...given, rate, progress, signal: controller.signal });
    clearInterval(polling);
    expect(report.outcome).toBe('interrupted');
    expect(report.seconds).toBeLessThan(5);
    const resumed = await restoreInto(server, file, given);
    expect(resumed.error?.describe()).toBeUndefined();
    expect(resumed).toMatchObject({ outcome: 'complete', resumed: true });
    expect(accounted(resumed.keys)).toBe(keys);
    expect(differences(native, await stateOf(server))).toEqual([]);
  });

  test.for(['before it begins', 'while it plans'])('an abort %s writes nothing', async (when) => {
    await using server = await startServer(name);
    const controller = new AbortController();
    if (when === 'before it begins') controller.abort();
    else setImmediate(() => controller.abort());
    const report = await restoreInto(server, file, { workDir: work.folder(), signal: controller.signal });
    expect(report.outcome).toBe('interrupted');
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('keys that the target cannot take are named, and tried again when run again', async () => {
    const json = values.MODULE_2(moduleId('ReJSON-RL', 3), [moduleItem.string('{}')]);
    const rdb = new RdbFileBuilder('REDIS0009').selectDb(0).key('before', values.STRING('x'));
    const path = work.file('module.rdb');
    writeFileSync(
      path,
      rdb
        .key('document', json)
        .key('after', values.LIST(['x']))
        .end(),
    );
    await using server = await startServer(name);
    const given = { workDir: work.folder() };
    const report = await restoreInto(server, path, given);
    expect(report).toMatchObject({ outcome: 'partial', error: undefined, keys: { written: 2 } });
    expect(report.keys.failed).toEqual([
      { db: 0, key: Buffer.from('document'), type: 'MODULE_2', reason: expect.stringMatching(/^ERR /) },
    ]);
    expect(report.warnings.join()).toMatch(/ReJSON-RL/);
    const again = await restoreInto(server, path, given);
    expect(again).toMatchObject({ outcome: 'partial', resumed: true, keys: { written: 0, already: 2 } });
    expect(again.keys.failed).toHaveLength(1);
  });
});

test('what is written is written once: no key is sent twice by an undisturbed run', async () => {
  await using server = await startServer(name);
  await server.call('CONFIG', 'RESETSTAT');
  const report = await restoreInto(server, file, { workDir: work.folder(), chunkBytes: 16 * 1024 });
  const { set = 0, restore = 0, dump = 0, del = 0, unlink = 0 } = await commandCalls(server);
  expect(set + restore).toBeLessThanOrEqual(report.keys.written + 2);
  expect([dump, del, unlink]).toEqual([0, 0, 0]);
  expect(differences(await nativeState(name, file), await stateOf(server))).toEqual([]);
});
