// The kill test: a restore that is killed with SIGKILL at any awaited step, socket write or file write, and run again,
// leaves exactly the file's data, whatever the policy, and sends again no more than the chunks in flight.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { configFor, type Eviction } from '../support/dataset.ts';
import { HUGE } from '../support/dirty-keys.ts';
import { drawPoint, type KillCounts, RestoreProcesses, type RunRequest } from '../support/kill-run.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import {
  commandCalls,
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
import { anyServer, type Server, startServer } from '../support/servers.ts';
import { type ChunkLine, keysOf, type LedgerState, readChunkLines, readLedgerOf } from '../support/work-files.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
/** The default of --concurrency. */
const CONCURRENCY = 4;
/** Commands with which the preflight asks whether the user may write: each is refused, and counted as called. */
const PROBES = 3;
const SEED = seedOr(20_261_123);

const work = new WorkFolder();
let processes: RestoreProcesses;
let target: Server;

beforeAll(async () => {
  processes = await RestoreProcesses.create(work.folder());
  target = await startServer(anyServer());
});
afterAll(async () => {
  await target?.stop();
  work[Symbol.dispose]();
});

interface Sample {
  file: string;
  chunkBytes: number;
  native: State;
  keys: number;
  /** Points of an unkilled run. */
  counts: KillCounts;
  chunks: ChunkLine[];
}

async function sampleOf(file: string, chunkBytes: number, eviction: Eviction): Promise<Sample> {
  const native = await nativeState(target.name, file, { eviction });
  await setEviction(eviction);
  await wipe(target);
  const request = { url: target.url, file, workDir: work.folder(), chunkBytes };
  const counts = await processes.count(request);
  const chunks = readChunkLines(request.workDir);
  const keys = chunks.reduce((sum, chunk) => sum + chunk.keys, 0);
  return { file, chunkBytes, native, keys, counts, chunks };
}

async function setEviction(eviction: Eviction): Promise<void> {
  const config = Object.entries(configFor(target.name, { eviction })).map(
    ([name, value]): Command => ['CONFIG', 'SET', name, value],
  );
  await pipelined(target.client, config);
}

/** What the target holds before the restore: nothing, or an application's data under the names of some keys and others. */
async function prepare(sample: Sample, dirty: boolean, random: Random): Promise<void> {
  await wipe(target);
  if (!dirty) return;
  const [chunk, other] = [random.pick(sample.chunks), random.pick(sample.chunks)];
  const names = [...keysOf(sample.file, chunk), ...keysOf(sample.file, other)].filter(() => random.chance(0.5));
  const client = target.connect();
  const commands = names.flatMap(({ db, key }): Command[] => [
    ['SELECT', db],
    ['DEL', key],
    ...(random.chance(0.5)
      ? ([['SET', key, 'old', 'EXAT', 4_070_000_000]] as Command[])
      : ([['SADD', key, 'old', 'older']] as Command[])),
  ]);
  await pipelined(client, [...commands, ['SELECT', 3], ['SET', 'not in the file', 'stays']]);
  client.disconnect();
}

/** Kills a run once or twice, then lets it come to its end. `false` when the first one was over before its point. */
async function killAndResume(sample: Sample, policy: ConflictPolicy, dirty: boolean, random: Random): Promise<boolean> {
  const prepared = random.fork('prepare').seed;
  let expected = sample.native;
  if (dirty) {
    // What an undisturbed run makes of this target.
    await prepare(sample, dirty, new Random(prepared));
    const whole = await restoreInto(target, sample.file, { onConflict: policy, workDir: work.folder() });
    expect(whole.outcome).toBe('complete');
    expected = await stateOf(target);
  }
  await prepare(sample, dirty, new Random(prepared));
  const before = await stateOf(target);
  const workDir = work.folder();
  const request: RunRequest = {
    url: target.url,
    file: sample.file,
    workDir,
    chunkBytes: sample.chunkBytes,
    onConflict: policy,
  };
  const points: string[] = [];
  const about = () =>
    `seed ${random.seed}, ${policy}${dirty ? ' on a dirty target' : ''}, killed at ${points.join(' and ')}`;
  const keysIn = (chunks: Iterable<number>) => [...chunks].reduce((total, n) => total + sample.chunks[n]!.keys, 0);
  let ledger: LedgerState | undefined;
  /** Keys of the chunks that were in flight at any of the kills. */
  let inFlight = 0;
  for (let left = random.chance(0.3) ? 2 : 1; left > 0; left--) {
    const point = drawPoint(random, sample.counts);
    points.push(point);
    const over = await processes.kill(request, point);
    if (over !== undefined) {
      expect(over.outcome, about()).toBe('complete');
      if (points.length === 1) return false;
      expect(differences(expected, await stateOf(target)), about()).toEqual([]);
      return true;
    }
    ledger = readLedgerOf(workDir);
    if (ledger === undefined) {
      // It had finished, and then there is nothing left to resume; or it had written no key, at most function libraries.
      const now = await stateOf(target);
      if (differences(expected, now).length === 0) return true;
      expect(differences(before, { ...now, libraries: before.libraries }), about()).toEqual([]);
    }
    expect(ledger?.started.size ?? 0, `${about()}: chunks in flight`).toBeLessThanOrEqual(CONCURRENCY);
    inFlight += keysIn(ledger?.started ?? []);
  }

  await target.call('CONFIG', 'RESETSTAT');
  const result = await processes.run(request);
  expect(result, about()).toMatchObject({ outcome: 'complete', exitCode: 0, resumed: ledger !== undefined });
  expect(differences(expected, await stateOf(target)), about()).toEqual([]);
  const { failed, losses, ...keys } = result.keys;
  expect(losses, about()).toEqual({});
  const sum = Object.values(keys).reduce((a, b) => a + b, failed.length);
  expect(sum, `${about()}: keys accounted for`).toBe(sample.keys);
  expect(keys.already, `${about()}: keys found written already`).toBeLessThanOrEqual(inFlight);
  const calls = await commandCalls(target);
  // MSET and MSETNX write several keys, so that there are no more commands than keys.
  const sent = (calls.set ?? 0) + (calls.mset ?? 0) + (calls.restore ?? 0) - PROBES;
  expect(sent, `${about()}: commands sent`).toBeLessThanOrEqual(sample.keys - keysIn(ledger?.done ?? []));
  expect(calls.dump ?? 0, `${about()}: keys compared`).toBeLessThanOrEqual(inFlight);
  return true;
}

describe('keys of every type in chunks of 16 KiB', () => {
  const samples: Record<string, Sample> = {};
  beforeAll(async () => {
    for (const eviction of ['none', 'lru'] as const) {
      const file = await filledFile(work.file(`${eviction}.rdb`), target.name, { seed: 7, scale: 3, eviction });
      samples[eviction] = await sampleOf(file, 16 * 1024, eviction);
    }
  });

  test.for(POLICIES)('%s: killed anywhere and run again, the data is the file’s', async (policy) => {
    let killed = 0;
    for (let i = 0; killed < runs(5, 200); i++) {
      const random = new Random(SEED + i).fork(policy);
      const eviction = i % 4 === 3 ? 'lru' : 'none';
      await setEviction(eviction);
      const dirty = policy !== 'panic' && i % 3 === 2;
      if (await killAndResume(samples[eviction]!, policy, dirty, random)) killed++;
    }
  });

  test('panic, resumed, names the one key that an application changed since, and leaves it', async () => {
    const sample = samples.none!;
    await setEviction('none');
    let changed = 0;
    for (let i = 0; changed < runs(3, 50); i++) {
      const random = new Random(SEED + i).fork('application');
      const workDir = work.folder();
      const request = { url: target.url, file: sample.file, workDir, chunkBytes: sample.chunkBytes };
      await wipe(target);
      const point = `socket:${random.int(Math.floor(sample.counts.socket / 3), sample.counts.socket - 2)}:after`;
      if ((await processes.kill(request, point)) !== undefined) continue;
      const ledger = readLedgerOf(workDir);
      const chunks = readChunkLines(workDir);
      const inFlight = [...(ledger?.started ?? [])].flatMap((n) => keysOf(sample.file, chunks[n]!));
      const mine = await pickWritten(random.shuffle(inFlight));
      if (mine === undefined) continue; // none of them had arrived
      changed++;
      const about = `seed ${random.seed}, key ${JSON.stringify(mine.key.toString('latin1'))}`;
      const client = target.connect({ db: mine.db });
      await changeKey(client.call.bind(client) as Call, mine.key, random);
      const state = () => Promise.all([client.callBuffer('DUMP', mine.key), client.call('PEXPIRETIME', mine.key)]);
      const theirs = await state();

      const conflict = await processes.run(request);
      expect(conflict, about).toMatchObject({ outcome: 'stopped', exitCode: 3, error: { code: 'TARGET_KEY_EXISTS' } });
      expect(conflict.error?.message, about).toContain('an application has changed it since');
      const [db, shown] = /db (\d+), key "(.*)"/s.exec(conflict.error?.where ?? '')?.slice(1) ?? [];
      expect(Number(db), about).toBe(mine.db);
      expect(unquote(shown ?? ''), about).toBe(mine.key.subarray(0, 120).toString('latin1'));
      expect(await state(), about).toEqual(theirs);
      await client.call('DEL', mine.key);
      client.disconnect();
      const result = await processes.run(request);
      expect(result.outcome, about).toBe('complete');
      expect(differences(sample.native, await stateOf(target)), about).toEqual([]);
    }
  });
});

type Call = (name: string, ...args: (string | Buffer | number)[]) => Promise<unknown>;

/** The first of these keys that is on the target. */
async function pickWritten(keys: { db: number; key: Buffer }[]): Promise<{ db: number; key: Buffer } | undefined> {
  const client = target.connect();
  try {
    for (const each of keys) {
      await client.select(each.db);
      if ((await client.exists(each.key)) === 1) return each;
    }
    return undefined;
  } finally {
    client.disconnect();
  }
}

/** Does to a key what an application might: another value, one member more, or another expiry only. */
async function changeKey(call: Call, key: Buffer, random: Random): Promise<void> {
  const kind = String(await call('TYPE', key));
  const touches: Record<string, [string, ...(string | number)[]]> = {
    string: ['APPEND', '+'],
    list: ['RPUSH', 'one more'],
    set: ['SADD', 'one more'],
    zset: ['ZADD', 1e6, 'one more'],
    hash: ['HSET', 'one more', '1'],
    stream: ['XADD', '*', 'one', 'more'],
  };
  const full = kind === 'stream' && random.chance(0.5);
  const [name, ...args] = touches[kind] as [string, ...string[]];
  if (random.chance(0.4) || full) await call('PEXPIREAT', key, 4_070_908_799_999);
  else if (random.chance(0.3)) await call('SET', key, 'another value');
  // A stream whose last possible id is taken takes no further entry.
  else await call(name, key, ...args).catch(() => call('DEL', key).then(() => call('SET', key, 'another value')));
}

/** The bytes (latin1) of a key as errors quote it. */
function unquote(shown: string): string {
  const plain = Buffer.from(shown, 'utf8').toString('latin1');
  return plain.replace(/\\x([0-9a-f]{2})|\\(["\\])/g, (_, hex, other) =>
    hex === undefined ? other : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

describe('values above 8 MiB, which are streamed', () => {
  let sample: Sample;
  beforeAll(async () => {
    await setEviction('none');
    const small = Array.from({ length: 200 }, (_, i): Command => ['SET', `small ${i}`, `value ${i}`]);
    const huge = Object.entries(HUGE).flatMap(([key, make], i) => make(key, new Random(i)));
    const file = await commandsFile(work.file('huge.rdb'), target, [...small, ...huge]);
    sample = await sampleOf(file, 2048, 'none');
  });

  test.for(POLICIES)('%s: killed anywhere and run again, the data is the file’s', async (policy) => {
    await setEviction('none');
    let killed = 0;
    for (let i = 0; killed < runs(1, 20); i++) {
      if (await killAndResume(sample, policy, false, new Random(SEED + i).fork(`huge ${policy}`))) killed++;
    }
  });
});
