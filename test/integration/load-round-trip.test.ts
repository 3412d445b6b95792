// The round trip: what an RDB holds is the same after decode and load, in everything that servers tell.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import { jsonToRdb } from '../../lib/jobs/load.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { configFor, type Flavour } from '../support/dataset.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { runs, seedOr } from '../support/random.ts';
import { filledFile, restoreInto, WorkFolder } from '../support/restore-run.ts';
import { lacks, SERVER_NAMES, type ServerName, withServer } from '../support/servers.ts';

const SEED = seedOr(20_261_126);
const FLAVOURS: Flavour[] = [
  { limits: 'default', eviction: 'lfu' },
  { limits: 'default', eviction: 'none' },
  { limits: 'raised', eviction: 'lru' },
];

const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

/** How entries are spread over a stream's nodes shows how they came, not what they are. */
const OPTIONS = { ignoreRadix: true };

/** A list that was longer once, or packed under other limits, stays a quicklist until it is written anew. */
const HISTORY = /key "list:.*: encoding quicklist ≠ listpack$/;

for (const name of SERVER_NAMES) {
  for (const flavour of FLAVOURS.slice(0, runs(1, 3))) {
    const titled = `${name}'s file, ${flavour.limits} limits, eviction ${flavour.eviction}${lacks(name)}`;
    describe.skipIf(lacks(name) !== '')(titled, () => {
      const folder = work.folder();
      const file = join(folder, 'dump.rdb');
      const lines = join(folder, 'dump.jsonl.zst');
      const config = configFor(name as ServerName, flavour);

      beforeAll(async () => {
        await filledFile(file, name, { seed: SEED, scale: 1, ...flavour });
        const report = await decode({ files: [file], output: await openOutput(lines), maxLineBytes: 200_000 });
        expect(report.error?.describe()).toBeUndefined();
        expect(report).toMatchObject({ outcome: 'complete', damaged: [], warnings: [] });
      });

      const expectEqual = (prepare: Parameters<typeof withServer>[1], fill: (url: string) => Promise<unknown>) =>
        withServer(name, { config, rdb: file }, (native) =>
          withServer(name, { config, ...prepare }, async (loaded) => {
            await fill(loaded.url);
            loaded.loadedAt = Date.now();
            const [theirs, ours] = [await snapshot(native), await snapshot(loaded)];
            const differences = compare(theirs, ours, OPTIONS).filter((each) => !HISTORY.test(each));
            expect(differences, `seed ${SEED}`).toEqual([]);
            expect(ours.digest).toBe(theirs.digest);
          }),
        );

      test('an RDB of the lines is loaded by the server itself', async () => {
        const again = join(folder, 'again.rdb');
        await jsonToRdb({ files: [lines], path: again });
        await expectEqual({ rdb: again }, async () => undefined);
      });

      test('the lines go into a server by a restore', async () => {
        const again = join(folder, 'restored.rdb');
        await jsonToRdb({ files: [lines], path: again });
        await expectEqual({}, async (url) => {
          const report = await restoreInto({ url }, again, { workDir: work.folder() });
          expect(report.error?.describe()).toBeUndefined();
          expect(report.outcome).toBe('complete');
        });
      });
    });
  }
}
