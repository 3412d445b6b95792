// Files of other projects, restored into the first server here that takes all their types: every key arrives with the
// value and expiry that the file has. That these are what the JSON beside the file says is shown in test/rdb/corpus.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { restore } from '../../lib/jobs/restore.ts';
import { parseDumpPayload, sameValue } from '../../lib/rdb/same-value.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { corpusFiles, corpusLacks, readContent, readCorpus } from '../support/corpus.ts';
import { availableServers, type Server, type ServerName, startServer } from '../support/servers.ts';

/** Oldest first, so that a file goes to a server of its own time where one is here. */
const servers = new Map<ServerName, Server>();

/** Made to be refused: test/rdb/corpus.test.ts says how. */
const DAMAGED = ['librdb/future_v19.rdb', 'librdb/invalid_chksum_v8.rdb'];
/** Values of a module that no server here has: each is refused and named. */
const FOREIGN_MODULES = ['librdb/module.rdb', 'librdb/module_aux_v12.rdb'];

const folder = mkdtempSync(join(tmpdir(), 'keyferry-corpus-'));
const files = corpusFiles().filter((file) => !DAMAGED.includes(file));

beforeAll(async () => {
  for (const name of availableServers()) servers.set(name, await startServer(name));
});
afterEach(async () => {
  for (const server of servers.values()) {
    await server.call('FLUSHALL');
    if (server.features.seven) await server.call('FUNCTION', 'FLUSH');
  }
});
afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(corpusLacks !== '')(`the corpus, restored${corpusLacks}`, () => {
  test.each(files)('%s', async (file) => {
    const bytes = readCorpus(file);
    const path = join(folder, file.replaceAll('/', '-'));
    writeFileSync(path, bytes);
    const { report, server } = await restoreSomewhere(path);
    const { keys } = readContent(bytes);
    if (FOREIGN_MODULES.includes(file)) {
      expect(report.outcome).toBe('partial');
      expect(report.keys.failed.map(({ key }) => key)).toEqual(keys.map(({ key }) => key));
      return;
    }
    expect(report.outcome).toBe('complete');
    const now = BigInt(Date.now());
    const live = keys.filter(({ expireAt }) => expireAt === undefined || expireAt > now);
    expect(report.keys).toMatchObject({ written: live.length, expired: keys.length - live.length, failed: [] });

    const theirs = server.name.startsWith('valkey') ? valkeyTypes : redisTypes;
    const ours = bytes.subarray(0, 6).toString('latin1') === 'VALKEY' ? valkeyTypes : redisTypes;
    const client = server.connect();
    for (const { db, key, expireAt, span } of live) {
      await client.select(db);
      const dump = (await client.callBuffer('DUMP', key)) as Buffer | null;
      const held = dump === null ? undefined : parseDumpPayload(dump, theirs);
      const wanted = { type: ours[span[0] as number] as ValueType, value: span.subarray(1) };
      expect(held !== undefined && sameValue(wanted, held, { now }), `key ${key.toString('latin1')}`).toBe(true);
      expect(Number(await client.pttl(key)) >= 0).toBe(expireAt !== undefined);
    }
  });
});

/** Tries server after server until one can hold the whole file; else, as it can. */
async function restoreSomewhere(path: string): Promise<{ report: RestoreReport; server: Server }> {
  let last: RestoreReport | undefined;
  const tries = [true, false].flatMap((strict) => [...servers.values()].map((server) => ({ strict, server })));
  for (const { strict, server } of tries) {
    const report = await restore({ files: [path], target: parseRedisUrl(server.url), fresh: true, strict });
    const refused = ['TARGET_TYPES', 'TARGET_MODULES', 'TARGET_LOSSES'].includes(report.error?.code ?? '');
    const tooOld = refused || report.functions.failed.length > 0;
    if (!tooOld) return { report, server };
    last = report;
  }
  throw new Error(`no server here takes it: ${last?.error?.describe() ?? JSON.stringify(last?.functions.failed)}`);
}
