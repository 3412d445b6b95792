// The oracle: what keyferry restores is what a server holds that loaded the file itself, in everything that servers tell.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { configFor, type Flavour, fill, saveRdb } from '../support/dataset.ts';
import { compare, snapshot } from '../support/oracle.ts';
import {
  availableServers,
  lacks,
  loadersOf,
  SERVER_NAMES,
  type Server,
  type ServerName,
  startServer,
  withServer,
} from '../support/servers.ts';

const SEED = 20_261_123;

const FLAVOURS: Flavour[] = [
  { limits: 'default', eviction: 'none' },
  { limits: 'default', eviction: 'lfu' },
  { limits: 'raised', eviction: 'lru' },
];

const titled = ({ limits = 'default', eviction = 'none' }: Flavour): string => `${limits} limits, eviction ${eviction}`;

/** Policies take turns over the pairs: each of them meets every type, and each pair needs only one. */
const POLICIES: ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
let turn = 0;

for (const source of SERVER_NAMES) {
  for (const flavour of FLAVOURS) {
    describe.skipIf(lacks(source) !== '')(`${source}'s file, ${titled(flavour)}${lacks(source)}`, () => {
      let filled: Server;
      let folder: string;
      let rdb: string;

      beforeAll(async () => {
        filled = await startServer(source);
        await fill(filled, { seed: SEED, scale: 1, ...flavour });
        folder = await mkdtemp(join(tmpdir(), 'keyferry-oracle-'));
        rdb = join(folder, 'dump.rdb');
        await copyFile(await saveRdb(filled), rdb);
        await filled.stop();
      });
      afterAll(async () => {
        await rm(folder, { recursive: true, force: true });
      });

      for (const target of loadersOf(source)) {
        const onConflict = POLICIES[turn++ % POLICIES.length] as ConflictPolicy;
        test.skipIf(lacks(target) !== '')(
          `restored into ${target} (${onConflict}) equals what it loads itself${lacks(target)}`,
          () => expectEqual(target, rdb, flavour, onConflict),
        );
      }
    });
  }
}

/** Restores in small chunks, so that records of every kind meet their borders, some streamed as large ones. */
async function expectEqual(
  target: ServerName,
  rdb: string,
  flavour: Flavour,
  onConflict: ConflictPolicy,
): Promise<void> {
  const config = configFor(target, flavour);
  await withServer(target, { config }, async (restored) => {
    const report = await restore({
      files: [rdb],
      target: parseRedisUrl(restored.url),
      onConflict,
      chunkBytes: 64 * 1024,
      fresh: true,
    });
    restored.loadedAt = Date.now();
    expect(report.error?.describe()).toBeUndefined();
    expect(report.outcome).toBe('complete');
    const { written, expired, failed } = report.keys;
    expect(failed).toEqual([]);
    expect(written + expired).toBe(report.files[0]?.keys);
    await withServer(target, { config, rdb }, async (native) => {
      const [theirs, ours] = await Promise.all([snapshot(native), snapshot(restored)]);
      expect(compare(theirs, ours), `seed ${SEED}`).toEqual([]);
      expect(ours.digest).toBe(theirs.digest);
    });
  });
}

test('the servers that this machine lacks are named', () => {
  const missing = SERVER_NAMES.filter((name) => !availableServers().includes(name));
  for (const name of missing) console.warn(lacks(name));
  expect(availableServers()).not.toEqual([]);
});
