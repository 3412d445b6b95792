// A rump's oracle: what it copies is what the target would hold that had loaded the source's own file, in all that servers tell.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rump } from '../../lib/jobs/rump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { configFor, type Flavour, saveRdb } from '../support/dataset.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { filledFile, WorkFolder } from '../support/restore-run.ts';
import { lacks, loadersOf, SERVER_NAMES, startServer } from '../support/servers.ts';

const SEED = 20_261_123;

const FLAVOURS: Flavour[] = [
  { limits: 'default', eviction: 'none' },
  { limits: 'default', eviction: 'lfu' },
  { limits: 'raised', eviction: 'lru' },
];
const POLICIES: ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
let turn = 0;

for (const source of SERVER_NAMES) {
  for (const flavour of FLAVOURS) {
    const { limits = 'default', eviction = 'none' } = flavour;
    describe.skipIf(lacks(source) !== '')(`${source}, ${limits} limits, eviction ${eviction}${lacks(source)}`, () => {
      let work: WorkFolder;
      let rdb: string;

      beforeAll(async () => {
        work = new WorkFolder();
        rdb = await filledFile(work.file('dump.rdb'), source, { seed: SEED, scale: 1, ...flavour });
      });
      afterAll(() => work[Symbol.dispose]());

      for (const target of loadersOf(source)) {
        const onConflict = POLICIES[turn++ % POLICIES.length] as ConflictPolicy;
        test.skipIf(lacks(target) !== '')(`into ${target} (${onConflict})${lacks(target)}`, async () => {
          const config = configFor(target, flavour);
          // Loaded anew each time: before 7.2, reading a key changes its idle time and frequency.
          await using from = await startServer(source, { config: configFor(source, flavour), rdb });
          await using to = await startServer(target, { config });
          const saved = await saveRdb(from);
          const report = await rump({
            source: parseRedisUrl(from.url),
            target: parseRedisUrl(to.url),
            onConflict,
            access: true,
            workDir: work.folder(),
          });
          to.loadedAt = Date.now();
          expect(report.error?.describe()).toBeUndefined();
          expect(report.keys.failed).toEqual([]);
          expect(report.outcome).toBe('complete');
          await using native = await startServer(target, { config, rdb: saved });
          const [theirs, ours] = await Promise.all([snapshot(native), snapshot(to)]);
          // The scan knows exact expiries only where the source tells them.
          const scanned = { ...ours, exactExpiry: from.features.seven };
          expect(compare(theirs, scanned), `seed ${SEED}`).toEqual([]);
        });
      }
    });
  }
}
