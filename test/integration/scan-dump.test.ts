// An RDB made of a scan: the server loads it itself, and holds what the source holds.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type ScanDumpSummary, scanDump, writeScanDump } from '../../lib/jobs/scan-dump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { ScanSource } from '../../lib/sources/scan/scan-source.ts';
import { createFile } from '../../lib/storage/file-sink.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';
import { configFor, type Eviction, fill } from '../support/dataset.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { lacks, SERVER_NAMES, type Server, startServer } from '../support/servers.ts';
import { writeSteadily } from '../support/steady-writes.ts';

const SEED = 20_261_123;

const open = (server: Server, options: { access?: boolean; count?: number } = {}) =>
  ScanSource.open({
    source: parseRedisUrl(server.url),
    ...options,
    clock: systemClock,
    patienceMs: 5000,
    replyTimeoutMs: 5000,
    signal: new AbortController().signal,
  });

async function dumpTo(path: string, server: Server, memoryBytes?: number): Promise<ScanDumpSummary> {
  const source = await open(server, { access: true });
  const sink = await createFile(path);
  try {
    const summary = await writeScanDump(sink, { source, memoryBytes });
    await sink.commit();
    return summary;
  } finally {
    source.end();
  }
}

const EVICTIONS: Eviction[] = ['none', 'lru', 'lfu'];

describe.each(SERVER_NAMES)('%s', (name) => {
  test.skipIf(lacks(name) !== '')(`loads what was scanned, and holds the same${lacks(name)}`, async () => {
    using work = new WorkFolder();
    const eviction = EVICTIONS[SERVER_NAMES.indexOf(name) % EVICTIONS.length] as Eviction;
    const config = configFor(name, { eviction });
    await using from = await startServer(name, { config });
    await fill(from, { seed: SEED, scale: 0.5, eviction });
    // Fields that have expired go for good: the file and the scan are to see the same.
    await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const saved = work.file('saved.rdb');
    await from.call('SAVE');
    copyFileSync(join(from.dir, 'dump.rdb'), saved);
    const summary = await dumpTo(work.file('scan.rdb'), from);
    expect(summary.twice).toBe(0);
    await using ours = await startServer(name, { config, rdb: work.file('scan.rdb') });
    await using theirs = await startServer(name, { config, rdb: saved });
    const [a, b] = await Promise.all([snapshot(theirs), snapshot(ours)]);
    expect(compare(a, { ...b, exactExpiry: from.features.seven }), `seed ${SEED}`).toEqual([]);
  });
});

test('a key that SCAN gives again while a table shrinks is written once, and the server loads the file', async () => {
  using work = new WorkFolder();
  // Each database gives a key again with a chance of some two in five: of this many, some do. Names differ between them,
  // since a server hashes all of them with one seed.
  const [dbs, keys] = [64, 1500];
  await using from = await startServer('redis-7.0', { config: { databases: String(dbs), hz: '100' } });
  // A table of 2,048 buckets that is left with 125 keys shrinks to 128.
  const stays = (i: number) => i % 12 === 0;
  const namesIn = (db: number) => Array.from({ length: keys }, (_, i) => `key:${db}:${i}`);
  for (let db = 0; db < dbs; db++) {
    const client = from.connect({ db });
    await client.mset(...namesIn(db).flatMap((name) => [name, name]));
    client.disconnect();
  }
  /** Deletes most keys, and waits until the server has made the table smaller. */
  const shrink = async (db: number) => {
    const client = from.connect({ db });
    await client.del(...namesIn(db).filter((_, i) => !stays(i)));
    client.disconnect();
    await vi.waitFor(
      async () => expect(await from.call('DEBUG', 'HTSTATS', db)).toMatch(/^\[Dictionary HT\]\n.*\n table size: 128\n/),
      { timeout: 20_000, interval: 5 },
    );
  };
  // Small pages: the source asks some ahead, and is not to be at the end when the table shrinks.
  const source = await open(from, { count: 30 });
  const shrunk = new Set<number>();
  const pages = async function* () {
    for await (const page of source.pages()) {
      yield page;
      if (shrunk.has(page.db)) continue;
      shrunk.add(page.db);
      await shrink(page.db);
    }
  };
  const { name, server, databases, narrowed, restarts, warnings } = source;
  const shrinking = { name, server, databases, narrowed, restarts, warnings, functions: async () => [], pages };
  const sink = await createFile(work.file('scan.rdb'));
  const summary = await writeScanDump(sink, { source: shrinking, memoryBytes: 1, folder: work.path });
  await sink.commit();
  source.end();
  expect(summary.twice).toBeGreaterThan(0);
  await using to = await startServer('redis-7.0', {
    rdb: work.file('scan.rdb'),
    config: { databases: String(dbs) },
  });
  for (let db = 0; db < dbs; db++) {
    const client = to.connect({ db });
    const held = await client.mget(...namesIn(db).filter((_, i) => stays(i)));
    client.disconnect();
    expect(held.filter((value) => value === null).length, `db ${db}`).toBe(0);
  }
});

test('a dump that nobody reads to its end ends its scan', async () => {
  await using from = await startServer('redis-7.0');
  await from.client.mset(...Array.from({ length: 20_000 }, (_, i) => [`key:${i}`, 'x'.repeat(100)]).flat());
  const source = await open(from);
  for await (const piece of scanDump({ source })) {
    expect(piece.toString('latin1', 0, 9)).toBe('REDIS0010');
    break;
  }
  source.end();
  await vi.waitFor(async () =>
    expect(
      String(await from.call('CLIENT', 'LIST'))
        .trim()
        .split('\n'),
    ).toHaveLength(1),
  );
});

test('while 5,000 writes a second run, every key that was there throughout is there, with a value that it had', async () => {
  using work = new WorkFolder();
  await using from = await startServer('redis-7.0');
  const client = from.connect();
  const keys = 30_000;
  for (let i = 0; i < keys; i += 1000) {
    await client.mset(...Array.from({ length: 1000 }, (_, j) => [`key:${i + j}`, '0']).flat());
  }
  const random = new Random(SEED);
  /** By key: the first and the last value that it had while the scan ran. */
  const written = new Uint32Array(keys);
  let other = 0;
  const writes = writeSteadily(5000, (count) => {
    const pipeline = client.pipeline();
    for (let i = 0; i < count; i += 2) {
      const key = random.int(0, keys - 1);
      pipeline.set(`key:${key}`, String(++written[key]!));
      if (other % 7 === 0) pipeline.del(`other:${random.int(0, 4999)}`);
      else pipeline.set(`other:${other % 5000}`, 'x');
      other++;
    }
    return pipeline.exec();
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = written.slice();
  await dumpTo(work.file('scan.rdb'), from);
  const after = written.slice();
  console.log(`dump by scan beside ${await writes.stop()} writes/s`);
  client.disconnect();
  await using to = await startServer('redis-7.0', { rdb: work.file('scan.rdb') });
  const wrong: string[] = [];
  for (let i = 0; i < keys; i += 1000) {
    const values = await to.client.mget(...Array.from({ length: 1000 }, (_, j) => `key:${i + j}`));
    for (const [j, value] of values.entries()) {
      const [low, high] = [before[i + j]!, after[i + j]!];
      if (value === null || Number(value) < low || Number(value) > high)
        wrong.push(`key:${i + j} = ${value}, not ${low} to ${high}`);
    }
  }
  expect(wrong, `seed ${SEED}`).toEqual([]);
});
