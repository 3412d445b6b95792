// A rump that is told to stop, at any time: it ends in order, whatever the servers do then, and goes on from there.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rump } from '../../lib/jobs/rump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { startProxy } from '../support/chaos-proxy.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { WorkFolder, wipe } from '../support/restore-run.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const SEED = seedOr(20_261_124);
const KEYS = 60_000;
/** SCAN's COUNT, and what a bucket of its table may hold besides. */
const PAGE_KEYS = 4096 + 100;
const VALUE = 'v'.repeat(200);

let source: Server;
let target: Server;

beforeAll(async () => {
  source = await startServer(anyServer());
  target = await startServer(anyServer());
  for (let i = 0; i < KEYS; i += 1000) {
    const pairs = Array.from({ length: 1000 }, (_, j) => [`stop:${i + j}`, `${i + j} ${VALUE}`]).flat();
    await source.client.mset(...pairs);
  }
});
afterAll(async () => {
  await source?.stop();
  await target?.stop();
});

const copy = (work: WorkFolder, to: string, { signal, progress }: { signal?: AbortSignal; progress?: Progress } = {}) =>
  rump({ source: parseRedisUrl(source.url), target: parseRedisUrl(to), workDir: work.path, progress, signal });

/** The signal comes once so many keys are written. */
async function stoppedAt(keys: number, work: WorkFolder) {
  const stop = new AbortController();
  const progress = new Progress();
  const watch = setInterval(() => {
    if (progress.phase === 'writing' && progress.keys >= keys) stop.abort();
  }, 1);
  return copy(work, target.url, { signal: stop.signal, progress }).finally(() => clearInterval(watch));
}

for (let run = 0; run < runs(6, 40); run++) {
  test(`told to stop and run again, run ${run}`, async () => {
    using work = new WorkFolder();
    await wipe(target);
    const at = new Random(SEED).fork(`run ${run}`).int(0, KEYS / 2);
    const told = `seed ${SEED}, run ${run}, stopped at ${at} keys`;
    const first = await stoppedAt(at, work);
    expect(first.error?.code, told).toBe('INTERRUPTED');
    expect(await target.call('DBSIZE'), told).toBeGreaterThanOrEqual(first.keys.written);
    const second = await copy(work, target.url);
    expect(second, told).toMatchObject({ outcome: 'complete', resumed: true });
    // What was under way came to its end, and was noted: no more is written again than the page that was being read.
    expect(second.keys.written, told).toBeGreaterThanOrEqual(KEYS);
    expect(second.keys.written, told).toBeLessThanOrEqual(KEYS + PAGE_KEYS);
    expect(await target.call('DEBUG', 'DIGEST'), told).toBe(await source.call('DEBUG', 'DIGEST'));
  });
}

test('ends also where the target answers no more', { timeout: 40_000 }, async () => {
  using work = new WorkFolder();
  await wipe(target);
  await using proxy = await startProxy(target);
  const stop = new AbortController();
  void proxy.holdAt(2_000_000, () => {
    stop.abort();
    return new Promise(() => {});
  });
  const began = performance.now();
  const report = await copy(work, proxy.url, { signal: stop.signal });
  expect(report.error?.code).toBe('INTERRUPTED');
  // A little more than the time that is given to what is under way.
  expect(performance.now() - began).toBeLessThan(25_000);
});
