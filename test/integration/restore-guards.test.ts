// What a restore must not do to a target: end its process, or bring the dead back to life.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { type RestoreOptions, restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { lacks, type Server, type ServerName, withServer } from '../support/servers.ts';

/** `nosuchmod`, version 1: a module type that no server has. */
const NO_SUCH_MODULE =
  ([...'nosuchmod'].reduce(
    (id, letter) =>
      (id << 6n) | BigInt('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(letter)),
    0n,
  ) <<
    10n) |
  1n;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyferry-guards-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(server: Server, rdb: Buffer, options: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  const file = join(folder, 'dump.rdb');
  await writeFile(file, rdb);
  return restore({ files: [file], target: parseRedisUrl(server.url), fresh: true, ...options });
}

describe('values of a module that the target lacks', () => {
  const rdb = new RdbFileBuilder()
    .key('of a module', values.MODULE_2(NO_SUCH_MODULE, []))
    .key('plain', values.STRING('v'))
    .end();

  test.skipIf(lacks('redis-6.0') !== '')(
    `are refused before 6.0, whose process they would end, sees them${lacks('redis-6.0')}`,
    () =>
      withServer('redis-6.0', {}, async (server) => {
        const report = await run(server, rdb);
        expect(report).toMatchObject({ outcome: 'stopped', error: { code: 'TARGET_MODULES' } });
        expect(await server.call('DBSIZE')).toBe(0);
        const others = await run(server, rdb, { filter: { kinds: ['string'] } });
        expect(others.outcome).toBe('complete');
        expect(await server.call('GET', 'plain')).toBe('v');
      }),
  );

  test.skipIf(lacks('redis-7.0') !== '')(`are named by 7.0, and the rest is written${lacks('redis-7.0')}`, () =>
    withServer('redis-7.0', {}, async (server) => {
      const report = await run(server, rdb);
      expect(report.outcome).toBe('partial');
      expect(report.keys.failed.map(({ key }) => key.toString())).toEqual(['of a module']);
      expect(await server.call('GET', 'plain')).toBe('v');
    }),
  );
});

describe('hash fields whose time has passed', () => {
  const past = BigInt(Date.now() - 60_000);
  const future = BigInt(Date.now() + 3_600_000);
  const cases: [ServerName, Buffer][] = [
    [
      'redis-8.0',
      new RdbFileBuilder('REDIS0012')
        .key(
          'h',
          values.HASH_METADATA([
            ['stays', '1', 0n],
            ['lives', '2', future],
            ['dead', '3', past],
          ]),
        )
        .end(),
    ],
    [
      'valkey-9.1',
      new RdbFileBuilder('VALKEY080')
        .key(
          'h',
          values.HASH_2([
            ['stays', '1', -1n],
            ['lives', '2', future],
            ['dead', '3', past],
          ]),
        )
        .end(),
    ],
  ];
  test.each(cases.filter(([name]) => lacks(name) === ''))('stay dead on %s when expiries are dropped', (name, rdb) =>
    withServer(name, {}, async (server) => {
      const report = await run(server, rdb, { expiry: { shiftMs: 0, drop: true } });
      expect(report.outcome).toBe('complete');
      const fields = (await server.call('HKEYS', 'h')) as string[];
      expect(fields.sort()).toEqual(['lives', 'stays']);
      expect(await server.call('HPEXPIRETIME', 'h', 'FIELDS', 2, 'stays', 'lives')).toEqual([-1, -1]);
    }),
  );
});
