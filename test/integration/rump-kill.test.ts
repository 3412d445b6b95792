// The kill test: a rump that is killed with SIGKILL at any awaited step, socket write or file write, and run again, leaves
// exactly what the source holds, whatever the policy.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { fill } from '../support/dataset.ts';
import { drawPoint, type KillCounts, RestoreProcesses } from '../support/kill-run.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { differences, stateOf, WorkFolder, wipe } from '../support/restore-run.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
const SEED = seedOr(20_261_123);
/** Enough for several units. */
const KEYS = 30_000;
const VALUE = 'v'.repeat(100);

const work = new WorkFolder();
let processes: RestoreProcesses;
let source: Server;
let target: Server;
let counts: KillCounts;

beforeAll(async () => {
  processes = await RestoreProcesses.create(work.folder());
  source = await startServer(anyServer());
  target = await startServer(anyServer());
  await fill(source, { seed: SEED, scale: 0.2 });
  await source.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  for (let i = 0; i < KEYS; i += 1000) {
    const pairs = Array.from({ length: 1000 }, (_, j) => [`kill:${i + j}`, `${i + j} ${VALUE}`]).flat();
    await source.client.mset(...pairs);
  }
  counts = await processes.count(request('panic', work.folder()));
});
afterAll(async () => {
  await source?.stop();
  await target?.stop();
  work[Symbol.dispose]();
});

const request = (onConflict: ConflictPolicy, workDir: string) => ({
  from: source.url,
  url: target.url,
  workDir,
  onConflict,
});

for (let run = 0; run < runs(4, 50); run++) {
  const onConflict = POLICIES[run % POLICIES.length] as ConflictPolicy;
  // Every other time the source goes on living while the job is dead.
  const lives = run % 2 === 1;
  test(`killed and run again, run ${run}: ${onConflict}${lives ? ', the source changes meanwhile' : ''}`, async () => {
    const random = new Random(SEED).fork(`run ${run}`);
    const point = drawPoint(random, counts);
    const told = `seed ${SEED}, run ${run}, killed at ${point}`;
    await wipe(target);
    const job = request(onConflict, work.folder());
    const early = await processes.kill(job, point);
    const changed = lives ? Array.from({ length: 300 }, () => random.int(0, KEYS - 1)) : [];
    for (const i of changed) await source.client.set(`kill:${i}`, `changed ${run}`);
    if (early === undefined) {
      const result = await processes.run(job);
      expect(result.error, told).toBeNull();
      expect(result.outcome, told).toBe('complete');
    }
    for (const i of changed) {
      const held = await target.client.get(`kill:${i}`);
      // As it was when it was read, before or after.
      expect([`${i} ${VALUE}`, `changed ${run}`], `${told}, key ${i}`).toContain(held);
      await source.client.set(`kill:${i}`, `${i} ${VALUE}`);
      await target.client.set(`kill:${i}`, `${i} ${VALUE}`);
    }
    expect(differences(await stateOf(source), await stateOf(target)), told).toEqual([]);
  });
}
