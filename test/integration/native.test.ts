// The ground under the restore oracle: two servers that load the same file themselves are equal to it in all that it
// reads, so whatever it finds after a restore is the restore's doing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configFor, type Flavour, fill, saveRdb } from '../support/dataset.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import {
  lacks,
  loadersOf,
  SERVER_NAMES,
  type Server,
  type ServerName,
  startServer,
  withServer,
} from '../support/servers.ts';

const SEED = 20_261_123;

const titled = ({ limits = 'default', eviction = 'none' }: Flavour): string => `${limits} limits, eviction ${eviction}`;

for (const source of SERVER_NAMES) {
  const loaders = loadersOf(source);
  // Every pair once; the costly flavours where the newest loaders differ most: ziplists and field TTLs.
  const flavours: [Flavour, readonly ServerName[]][] = [
    [{ limits: 'default', eviction: 'none' }, loaders],
    [{ limits: 'default', eviction: 'lfu' }, loaders.slice(0, 1)],
  ];
  if (source === 'redis-6.0' || source === 'redis-8.0') {
    flavours.push([{ limits: 'raised', eviction: 'lru' }, loaders.slice(-1)]);
  }
  for (const [flavour, targets] of flavours) {
    describe.skipIf(lacks(source) !== '')(`${source}'s file, ${titled(flavour)}${lacks(source)}`, () => {
      let filled: Server;
      let rdb: string;

      beforeAll(async () => {
        filled = await startServer(source);
        await fill(filled, { seed: SEED, scale: 0.3, ...flavour });
        rdb = await saveRdb(filled);
      }, 60_000);
      afterAll(async () => {
        await filled.stop();
      });

      const load = (name: ServerName): Promise<Snapshot> =>
        withServer(name, { rdb, config: configFor(name, flavour) }, (server) => snapshot(server));

      test.each(targets.filter((name) => lacks(name) === ''))(
        'is the same twice on %s',
        async (name) => {
          const [once, again] = await Promise.all([load(name), load(name)]);
          expect(compare(once, again), `seed ${SEED}`).toEqual([]);
        },
        60_000,
      );

      for (const name of targets.filter((each) => lacks(each) !== '')) {
        test.skipIf(true)(`is the same twice on ${name}${lacks(name)}`, () => {});
      }

      if (flavour.limits !== 'default' || flavour.eviction !== 'none') return;
      // Loading may choose a compact encoding where the source had outgrown it.
      test('holds what the source held', async () => {
        await expect.poll(() => filled.call('KEYS', 'expired:*'), { timeout: 5000 }).toHaveLength(survivors(filled));
        const found = compare(await snapshot(filled), await load(source), { limit: 1000 });
        expect(
          found.filter((difference) => !difference.includes(': encoding ')),
          `seed ${SEED}`,
        ).toEqual([]);
      });
    });
  }
}

/** Keys that have only lost some fields. */
function survivors(server: Server): number {
  return server.features.fieldExpiry ? 2 : 0;
}
