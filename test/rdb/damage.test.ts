// Damaged files: each ends in a named error with its place, or in a result that can do no harm. Never in a hang, another
// error, or memory taken on a forged length's word.
//
// Every figure below is a sample by default; `KEYFERRY_RUNS=full` takes the whole.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Command, pipelined } from '../support/commands.ts';
import { corpusLacks } from '../support/corpus.ts';
import type { DamageOrder, DamageResult } from '../support/damage-run.ts';
import { runs, seedOr } from '../support/random.ts';
import { anyServer } from '../support/server-binaries.ts';
import { type Server, startServer } from '../support/servers.ts';
import { runWatched } from '../support/watched-process.ts';

const SEED = seedOr(20261123);
const MIB = 1024 * 1024;
const SCRIPT = fileURLToPath(new URL('../support/damage-run.ts', import.meta.url));

let server: Server;
beforeAll(async () => {
  server = await startServer(anyServer());
  await fill(server);
});
afterAll(() => server.stop());

/** A small file of a real server, of each kind of value. */
async function fill({ client, call }: Server): Promise<void> {
  const text = 'text that a server compresses, text that a server compresses';
  const commands: Command[] = [
    ['SET', 'string', text],
    ['SET', 'number', 12345, 'EX', 10_000],
    ['RPUSH', 'list', 1, 'two', text],
    ['SADD', 'numbers', 1, 2, 300],
    ['SADD', 'set', 'a', 'b', text],
    ['ZADD', 'zset', 1.5, 'a', '-inf', 'b'],
    ['HSET', 'hash', 'f', 'v', 'g', text],
    ['HSET', 'large hash', 'f', 'x'.repeat(100), 'g', text],
    ['XADD', 'stream', '1-1', 'f', 'v'],
    ['XADD', 'stream', '1-2', 'f', 'w', 'g', text],
    ['XGROUP', 'CREATE', 'stream', 'group', '0'],
    ['XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', 1, 'STREAMS', 'stream', '>'],
    ['SELECT', 3],
    ['SET', 'other db', 'v'],
  ];
  await pipelined(client, commands);
  await call('SAVE');
}

function damaged(kind: DamageOrder['kind'], count: number): Promise<DamageResult> {
  const order: DamageOrder = { kind, seed: SEED, count, files: [join(server.dir, 'dump.rdb')] };
  return runWatched(SCRIPT, order);
}

function expectHarmless(result: DamageResult): void {
  expect(result.failures).toEqual([]);
  expect(result.largestBuffer, 'the largest buffer that anybody asked for').toBeLessThan(8 * MIB);
  expect(result.grownBytes, 'growth of the process').toBeLessThan(64 * MIB);
  expect(result.slowest.ms, result.slowest.case).toBeLessThan(5000);
}

describe('files that end too early', () => {
  test('small ones at every byte, others at random places', async () => {
    const count = runs(500, 20_000);
    const result = await damaged('truncated', count);
    expectHarmless(result);
    expect(result.cases).toBeGreaterThan(count + 2000);
    expect(result.verdicts).toEqual({ RDB_TRUNCATED: result.cases });
  });

  test('a large one at random places', async () => {
    const count = runs(100, 2000);
    const result = await damaged('truncated-large', count);
    expectHarmless(result);
    expect(result.verdicts).toEqual({ RDB_TRUNCATED: count });
  });
});

/** What damage that is not seen by its checksum must have led to, or the test has not reached what it is for. */
const STRUCTURE = ['RDB_OPCODE', 'RDB_TRUNCATED', 'RDB_LENGTH', 'RDB_STRING', 'RDB_CHECKSUM', 'read'];
/** Few but the corpus's files have ziplists: Redis 7.0 writes none any more. */
const OLD = corpusLacks === '' ? ['RDB_ZIPLIST'] : [];
const CONTENT = ['RDB_LZF', 'RDB_LISTPACK', 'RDB_STREAM', 'RDB_VALUE', ...OLD];

/** Enough cases to reach all of that; the corpus brings some of it in more files. */
const SAMPLE = corpusLacks === '' ? 1000 : 4000;

test.each(['flipped', 'forged'] as const)('%s: with the checksum as it was, repaired, and disabled', async (kind) => {
  const count = runs(SAMPLE, 10_000);
  const result = await damaged(kind, count);
  expectHarmless(result);
  expect(result.cases).toBe(count);
  if (count >= SAMPLE) {
    for (const code of STRUCTURE) expect(result.verdicts, `seed ${SEED}`).toHaveProperty(code);
    for (const code of CONTENT) expect(result.inside, `seed ${SEED}`).toHaveProperty(code);
  }
});
