// Restores through proxies that know neither transactions nor databases, and hide what stands behind them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configFor } from '../support/dataset.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { startRespProxy } from '../support/resp-proxy.ts';
import type { ProxyKind } from '../support/resp-proxy-rules.ts';
import { filledFile, restoreInto, WorkFolder } from '../support/restore-run.ts';
import { type Server, withServer } from '../support/servers.ts';

const SERVER = 'redis-7.0';
const SEED = 20_261_125;
const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

const file = work.file('oracle.rdb');
beforeAll(() => filledFile(file, SERVER, { seed: SEED, scale: 0.3 }));

/** Runs `use` with a proxy before two servers. */
async function proxied(kind: ProxyKind, use: (url: string, backends: Server[]) => Promise<void>): Promise<void> {
  await withServer(SERVER, { config: configFor(SERVER, {}) }, (first) =>
    withServer(SERVER, { config: configFor(SERVER, {}) }, async (second) => {
      await using proxy = await startRespProxy({ kind, backends: [first, second], ping: false });
      await use(proxy.url, [first, second]);
      // It would have closed the connection, or refused: nothing that it does not know was even tried.
      expect(proxy.refused).toEqual([]);
    }),
  );
}

/** Both servers' keys as one. */
async function together(backends: Server[]): Promise<Snapshot> {
  const [first, second] = (await Promise.all(backends.map((server) => snapshot(server)))) as [Snapshot, Snapshot];
  const keys = new Map([...(first.databases.get(0) ?? []), ...(second.databases.get(0) ?? [])]);
  return { ...first, databases: new Map([[0, keys]]) };
}

for (const kind of ['twemproxy', 'codis'] as const) {
  for (const onConflict of ['panic', 'rewrite', 'skip'] as const) {
    test(`${kind} hands on every value whole (${onConflict})`, async () => {
      const expected = await withServer(SERVER, { config: configFor(SERVER, {}), rdb: file }, (server) =>
        snapshot(server),
      );
      await proxied(kind, async (url, backends) => {
        const given = { workDir: work.folder(), mode: 'proxy', onConflict, filter: { dbs: [0] } } as const;
        const report = await restoreInto({ url }, file, given);
        for (const server of backends) server.loadedAt = Date.now();
        expect(report.error?.describe()).toBeUndefined();
        expect(report.server).toMatch(/Redis 7\.0/);
        expect(report.functions.failed.map(({ reason }) => reason)).toContain('the target has no functions');
        const { digest, libraries, databases } = await together(backends);
        const db0 = {
          ...expected,
          digest,
          libraries,
          databases: new Map([[0, expected.databases.get(0) ?? new Map()]]),
        };
        expect(compare(db0, { ...db0, databases }), `seed ${SEED}`).toEqual([]);
        const again = await restoreInto({ url }, file, { ...given, fresh: true, onConflict: 'skip' });
        expect(again.keys).toMatchObject({ written: 0, failed: [] });
      });
    });
  }
}

test('there is no other database than 0, which is said before anything is written', async () => {
  await proxied('twemproxy', async (url, backends) => {
    const refused = await restoreInto({ url }, file, { workDir: work.folder(), mode: 'proxy' });
    expect(refused.error?.describe()).toMatch(/^TARGET_DB .*--merge-dbs/s);
    for (const server of backends) expect(await server.call('DBSIZE')).toBe(0);
  });
});
