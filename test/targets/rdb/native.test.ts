// Files written from what a server saved, decoded and encoded again: servers load them and hold what they held before.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { encodeValue } from '../../../lib/rdb/encode.ts';
import type { TypeSupport } from '../../../lib/rdb/reencode.ts';
import { readString } from '../../../lib/rdb/strings.ts';
import { redisTypes, valkeyTypes } from '../../../lib/rdb/types.ts';
import { createFile } from '../../../lib/storage/file-sink.ts';
import { type RdbSummary, RdbWriter } from '../../../lib/targets/rdb/rdb-writer.ts';
import { configFor, type Eviction, fill, saveRdb } from '../../support/dataset.ts';
import { compare, type Snapshot, snapshot } from '../../support/oracle.ts';
import { seedOr } from '../../support/random.ts';
import { scanFile } from '../../support/scan-events.ts';
import { lacks, type Server, type ServerName, startServer, withServer } from '../../support/servers.ts';

const SEED = seedOr(20261126);
const LONG = 60_000;

/** Each server, the newest RDB that it loads, the lowest that holds its data, and how it marks keys that are used. */
const SERVERS: readonly [name: ServerName, support: TypeSupport, lowest: number, eviction: Eviction][] = [
  ['redis-6.0', { family: 'redis', rdb: 9 }, 9, 'lfu'],
  ['redis-7.0', { family: 'redis', rdb: 10 }, 10, 'lru'],
  ['redis-8.0', { family: 'redis', rdb: 12 }, 12, 'none'],
  ['valkey-8.1', { family: 'valkey', rdb: 11 }, 11, 'lfu'],
  ['valkey-9.1', { family: 'valkey', rdb: 80 }, 80, 'lru'],
];

describe.each(SERVERS)('data of %s', (name, support, lowest, eviction) => {
  let filled: Server;
  let saved: Buffer;
  let native: Snapshot;

  const load = (rdb: string): Promise<Snapshot> =>
    withServer(name, { rdb, config: configFor(name, { eviction }) }, (server) => snapshot(server));

  beforeAll(async () => {
    if (lacks(name) !== '') return;
    filled = await startServer(name);
    await fill(filled, { seed: SEED, scale: 0.05, eviction });
    const path = await saveRdb(filled);
    saved = readFileSync(path);
    native = await load(path);
  }, LONG);
  afterAll(() => filled?.stop());

  test.skipIf(lacks(name) !== '')(
    `is the same when loaded from a file for it${lacks(name)}`,
    async () => {
      const path = join(filled.dir, 'for it.rdb');
      const { version } = await rewrite(saved, path, support, support);
      expect(version).toEqual(support);
      // Deleted entries of streams are not written again, so that they may have fewer nodes.
      expect(compare(native, await load(path), { ignoreRadix: true }), `seed ${SEED}`).toEqual([]);
    },
    LONG,
  );

  test.skipIf(lacks(name) !== '')(
    `is the same when loaded from a file of the lowest version${lacks(name)}`,
    async () => {
      const path = join(filled.dir, 'lowest.rdb');
      // Without a target, hashes with expiries would be written for Redis.
      const { version } = await rewrite(saved, path, name === 'valkey-9.1' ? support : undefined);
      expect(version.rdb).toBe(lowest);
      expect(compare(native, await load(path), { ignoreRadix: true }), `seed ${SEED}`).toEqual([]);
      expect(checked(path, version)).toMatch(/RDB looks OK|^no checker/);
    },
    LONG,
  );
});

/** Writes each record of a file anew. */
async function rewrite(rdb: Buffer, path: string, target?: TypeSupport, asked?: TypeSupport): Promise<RdbSummary> {
  const sink = await createFile(path);
  const writer = asked === undefined ? RdbWriter.ofLowest(sink) : RdbWriter.of(asked, sink);
  const types = rdb.toString('latin1', 0, 6) === 'VALKEY' ? valkeyTypes : redisTypes;
  for (const record of scanFile(rdb).records) {
    const { start, end, db, resize, keyStart = 0, valueStart = 0, expireAt, idle = -1, freq = -1 } = record;
    if (record.event === 'FUNCTION') await writer.functionLibrary(readString(rdb, start + 1).value);
    if (resize !== undefined) await writer.selectDb(db, { keys: resize[0], expires: resize[1] });
    const type = types.find((each) => each !== undefined && each.name === record.type);
    if (record.event !== 'KEY' || type === undefined) continue;
    const fieldsMayExpire = type.name === 'HASH_LISTPACK_EX';
    const value = decodeValue(type, rdb.subarray(valueStart, end));
    await writer.key({
      ...{ db, key: readString(rdb, keyStart).value, expireAt },
      ...{ idle: idle < 0 ? undefined : idle, freq: freq < 0 ? undefined : freq },
      ...encodeValue(value, { support: target, fieldsMayExpire }),
    });
  }
  const summary = await writer.end();
  await sink.commit();
  return summary;
}

/** What redis-check-rdb says of a file. The one on PATH is taken, for versions that the oldest of them knows. */
function checked(path: string, { rdb }: TypeSupport): string {
  if (rdb > 10) return 'no checker for it';
  const { stdout, error } = spawnSync('redis-check-rdb', [path], { encoding: 'utf8' });
  return error === undefined ? stdout : 'no checker here';
}
