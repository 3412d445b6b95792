// A property: whatever a server holds, in whatever bytes, its RDB is restored to the same, however it is cut into chunks.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { type Argument, type Command, pipelined } from '../support/commands.ts';
import { YEAR_2099 } from '../support/dataset-strings.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { accounted, differences, restoreInto, stateOf, WorkFolder } from '../support/restore-run.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const SEED = seedOr(99);
const work = new WorkFolder();
let source: Server;
let target: Server;

beforeAll(async () => {
  source = await startServer(anyServer());
  target = await startServer(anyServer());
});
afterAll(async () => {
  await source?.stop();
  await target?.stop();
  work[Symbol.dispose]();
});

/** Mostly short; of any bytes, of few different ones, or a number. */
function bytes(random: Random): Buffer {
  const length = random.chance(0.9) ? random.int(0, 40) : random.int(0, random.pick([300, 5000, 70_000]));
  switch (random.int(0, 3)) {
    case 0:
      return random.bytes(length);
    case 1:
      return Buffer.from(random.text(length));
    case 2:
      return Buffer.alloc(length, random.int(0, 255));
    default:
      return Buffer.from(String(random.int(-(2 ** random.int(0, 52)), 2 ** random.int(0, 52))));
  }
}

function several(random: Random, make: () => Argument[]): Argument[] {
  const count = random.chance(0.9) ? random.int(1, 12) : random.int(1, 400);
  return Array.from({ length: count }, make).flat();
}

function* value(random: Random, key: Buffer): Generator<Command> {
  const score = (): number => random.pick([0, random.int(-999, 999), random.fraction() * 1e9, -random.fraction()]);
  switch (random.pick(['string', 'string', 'list', 'set', 'zset', 'hash', 'stream', 'hyperloglog'])) {
    case 'string':
      yield ['SET', key, bytes(random)];
      break;
    case 'list':
      yield ['RPUSH', key, ...several(random, () => [bytes(random)])];
      break;
    case 'set':
      yield ['SADD', key, ...several(random, () => [bytes(random)])];
      break;
    case 'zset':
      yield ['ZADD', key, ...several(random, () => [score(), bytes(random)])];
      break;
    case 'hash':
      yield ['HSET', key, ...several(random, () => [bytes(random), bytes(random)])];
      break;
    case 'stream':
      for (let i = random.int(1, 9); i > 0; i--) {
        yield ['XADD', key, '*', ...several(random, () => [bytes(random), bytes(random)])];
      }
      yield ['XGROUP', 'CREATE', key, bytes(random), '0'];
      break;
    case 'hyperloglog':
      yield ['PFADD', key, ...several(random, () => [bytes(random)])];
  }
  if (random.chance(0.3)) yield ['PEXPIREAT', key, YEAR_2099 + random.int(0, 2 ** 45)];
}

function* dataset(random: Random): Generator<Command> {
  const limits = ['hash-max-listpack-entries', 'zset-max-listpack-entries', 'set-max-intset-entries'];
  for (const limit of limits) yield ['CONFIG', 'SET', limit, random.pick([0, 4, 128, 1000])];
  yield ['CONFIG', 'SET', 'list-max-listpack-size', random.pick([-5, -2, -1, 1, 3, 128])];
  yield ['CONFIG', 'SET', 'rdbcompression', random.pick(['yes', 'yes', 'no'])];
  const used = new Set<string>();
  for (let i = random.int(0, 120); i > 0; i--) {
    const db = random.chance(0.7) ? 0 : random.int(0, 15);
    const key = bytes(random);
    const name = `${db} ${key.toString('latin1')}`;
    if (used.has(name)) continue;
    used.add(name);
    yield ['SELECT', db];
    yield* value(random, key);
  }
}

test('any data set', async () => {
  for (let run = 0; run < runs(25, 1000); run++) {
    const random = new Random(SEED + run);
    await source.call('FLUSHALL');
    await target.call('FLUSHALL');
    const client = source.connect();
    await pipelined(client, dataset(random.fork('data')));
    client.disconnect();
    await source.call('SAVE');
    const onConflict = random.pick<ConflictPolicy>(['panic', 'rewrite', 'skip']);
    const report = await restoreInto(target, join(source.dir, 'dump.rdb'), {
      onConflict,
      workDir: work.folder(),
      chunkBytes: random.pick([1, 100, 1000, 10_000, 8 << 20]),
      concurrency: random.int(1, 8),
      connections: random.int(1, 5),
    });
    const about = `seed ${random.seed}`;
    expect(report.error?.describe(), about).toBeUndefined();
    expect(report, about).toMatchObject({ outcome: 'complete', keys: { already: 0, skipped: 0, failed: [] } });
    expect(accounted(report.keys), about).toBe(report.files[0]?.keys);
    expect(differences(await stateOf(source), await stateOf(target)), about).toEqual([]);
  }
});
