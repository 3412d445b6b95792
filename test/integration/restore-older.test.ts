// The oracle for older and other targets: a server that can't load a file itself gets of it what it can hold, and what
// it can't is what the report says.
import { copyFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { LOSSES } from '../../lib/rdb/reencode.ts';
import { VALUE_KINDS } from '../../lib/rdb/types.ts';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { configFor, type Flavour, fill, saveRdb } from '../support/dataset.ts';
import { YEAR_2099 } from '../support/dataset-strings.ts';
import { heldBy, inWordsOf, lossesBetween, lossKinds, moduleKeys } from '../support/older-model.ts';
import { compare, type Snapshot, snapshot } from '../support/oracle.ts';
import { streamDetails } from '../support/oracle-streams.ts';
import { withValueDigests } from '../support/oracle-values.ts';
import { runs, seedOr } from '../support/random.ts';
import { type BuiltValue, moduleItem, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { commandsFile, restoreInto, WorkFolder, wipe } from '../support/restore-run.ts';
import {
  type Features,
  lacks,
  loadersOf,
  SERVER_NAMES,
  type Server,
  type ServerName,
  startServer,
  withServer,
} from '../support/servers.ts';
import { type BuiltGroup, type BuiltStream, streamValue } from '../support/stream-builder.ts';
import { sampleStream, sampleTemplate } from '../support/value-samples.ts';

const SEED = seedOr(20_261_124);

/** The first is npm test's. */
const FLAVOURS: Flavour[] = [
  { limits: 'default', eviction: 'lru' },
  { limits: 'default', eviction: 'lfu' },
  { limits: 'raised', eviction: 'none' },
];

const titled = ({ limits = 'default', eviction = 'none' }: Flavour): string => `${limits} limits, eviction ${eviction}`;

const WITHOUT_MODULES = VALUE_KINDS.filter((kind) => kind !== 'module');

/** Policies take turns over the pairs. */
const POLICIES: ConflictPolicy[] = ['panic', 'rewrite', 'skip'];
let turn = 0;

/** The servers that can't load the source's file themselves. */
const othersThan = (source: ServerName): ServerName[] =>
  SERVER_NAMES.filter((name) => !loadersOf(source).includes(name));

/** What the data set lacks: facts that an older encoding has no place for, but that servers work out again; limits. */
function* edges({ fieldExpiry, vectors }: Features): Generator<Command> {
  for (const key of ['older:read', 'older:one-deleted']) {
    for (const id of ['1-1', '2-1', '3-1']) yield ['XADD', key, id, 'f', 'v'];
  }
  yield ['XDEL', 'older:one-deleted', '2-1'];
  yield ['XGROUP', 'CREATE', 'older:read', 'reader', '0'];
  yield ['XREADGROUP', 'GROUP', 'reader', 'c', 'STREAMS', 'older:read', '>'];
  yield ['XGROUP', 'CREATE', 'older:read', 'first', '1-1', 'ENTRIESREAD', 1];
  yield ['XADD', 'older:read-in-vain', '1-1', 'f', 'v'];
  yield ['XGROUP', 'CREATE', 'older:read-in-vain', 'g', '0'];
  yield READ_ON;
  // Only Valkey takes later expiries than Redis holds.
  if (!fieldExpiry || vectors) return;
  yield ['HSET', 'older:late', 'late', 'v', 'later', 'v', 'latest', 'v', 'never', 'v'];
  yield ['HPEXPIREAT', 'older:late', 2 ** 48 - 1, 'FIELDS', 1, 'late'];
  yield ['HPEXPIREAT', 'older:late', 2 ** 48, 'FIELDS', 1, 'later'];
  yield ['HPEXPIREAT', 'older:late', String(2n ** 62n), 'FIELDS', 1, 'latest'];
}

/** Some ms after it was sent first, there is nothing more to read: an attempt without success. */
const READ_ON: Command = ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'older:read-in-vain', '>'];

for (const source of SERVER_NAMES.filter((name) => othersThan(name).length > 0)) {
  for (const flavour of FLAVOURS.slice(0, runs(1, FLAVOURS.length))) {
    describe.skipIf(lacks(source) !== '')(`${source}'s file, ${titled(flavour)}${lacks(source)}`, () => {
      let folder: WorkFolder;
      let rdb: string;
      let held: Snapshot;

      beforeAll(async () => {
        folder = new WorkFolder();
        rdb = folder.file('dump.rdb');
        await withServer(source, {}, async (filled) => {
          await fill(filled, { seed: SEED, scale: 1, ...flavour });
          await pipelined(filled.client, edges(filled.features));
          await sleep(5);
          await pipelined(filled.client, [READ_ON]);
          await copyFile(await saveRdb(filled), rdb);
        });
        held = await withServer(source, { config: configFor(source, flavour), rdb }, readAll);
      });
      afterAll(() => folder?.[Symbol.dispose]());

      for (const target of othersThan(source)) {
        const onConflict = POLICIES[turn++ % POLICIES.length] as ConflictPolicy;
        test.skipIf(lacks(target) !== '')(
          `${target} gets what it can hold (${onConflict}); the report counts the rest${lacks(target)}`,
          () => expectHeld({ rdb, held, folder, source, target, flavour, onConflict }),
        );
      }
    });
  }
}

describe.skipIf(lacks('redis-7.0') !== '')(`strict${lacks('redis-7.0')}`, () => {
  let folder: WorkFolder;
  beforeAll(() => {
    folder = new WorkFolder();
  });
  afterAll(() => folder?.[Symbol.dispose]());

  test.skipIf(lacks('redis-8.0') !== '')(
    `refuses data that would lose something, before the first write${lacks('redis-8.0')}`,
    async () => {
      const rdb = await savedBy('redis-8.0', folder, [
        ['SET', 'string', 'x'],
        ['XADD', 'stream', '1-1', 'f', 'v'],
        ['HSET', 'hash', 'f', 'v'],
        ['HEXPIRE', 'hash', 10_000, 'FIELDS', 1, 'f'],
      ]);
      await withServer('redis-7.0', {}, async (server) => {
        const report = await restoreInto(server, rdb, { workDir: folder.folder(), strict: true });
        expect(report.outcome).toBe('stopped');
        expect(report.error?.code).toBe('TARGET_LOSSES');
        expect(report.error?.describe()).toContain('the expiries of hash fields');
        expect(await server.call('DBSIZE')).toBe(0);
      });
    },
  );

  test.skipIf(lacks('redis-6.0') !== '')(`refuses functions for a server without${lacks('redis-6.0')}`, async () => {
    const code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    const rdb = await savedBy('redis-7.0', folder, [
      ['SET', 'string', 'x'],
      ['FUNCTION', 'LOAD', code],
    ]);
    await withServer('redis-6.0', {}, async (server) => {
      const report = await restoreInto(server, rdb, { workDir: folder.folder(), strict: true });
      expect(report.error?.code).toBe('TARGET_LOSSES');
      expect(report.error?.describe()).toContain('no functions, of which there are 1');
      expect(await server.call('DBSIZE')).toBe(0);
    });
  });

  test.skipIf(lacks('valkey-8.1') !== '')(
    `takes data that only has to be written in another way${lacks('valkey-8.1')}`,
    async () => {
      const rdb = await savedBy('valkey-8.1', folder, [
        ['SET', 'string', 'x'],
        ['SADD', 'set', 'a', 'b', 'c'],
        ['ZADD', 'zset', 1.5, 'a'],
        ['HSET', 'hash', 'f', 'v'],
        ['RPUSH', 'list', 'a', 'b'],
      ]);
      await withServer('redis-7.0', {}, async (server) => {
        const report = await restoreInto(server, rdb, { workDir: folder.folder(), strict: true });
        expect(report).toMatchObject({ outcome: 'complete', error: undefined, keys: { written: 5, losses: {} } });
        expect(((await server.call('SMEMBERS', 'set')) as string[]).sort()).toEqual(['a', 'b', 'c']);
      });
    },
  );

  test.skipIf(lacks('redis-8.0', 'valkey-9.1') !== '')(
    `takes expiries of fields from one family to the other${lacks('redis-8.0', 'valkey-9.1')}`,
    async () => {
      const rdb = await savedBy('redis-8.0', folder, [
        ['HSET', 'hash', 'f', 'v', 'g', 'w'],
        ['HPEXPIREAT', 'hash', YEAR_2099, 'FIELDS', 1, 'f'],
      ]);
      await withServer('valkey-9.1', {}, async (server) => {
        const report = await restoreInto(server, rdb, { workDir: folder.folder(), strict: true });
        expect(report).toMatchObject({ outcome: 'complete', error: undefined, keys: { written: 1, losses: {} } });
        expect(await server.call('HPEXPIRETIME', 'hash', 'FIELDS', 2, 'f', 'g')).toEqual([YEAR_2099, -1]);
      });
    },
  );
});

/** Files of types that no server here writes, put together by hand, restored into Redis 7.0. */
describe.skipIf(lacks('redis-7.0') !== '')(`types of servers to come, in redis-7.0${lacks('redis-7.0')}`, () => {
  let folder: WorkFolder;
  let server: Server;
  beforeAll(async () => {
    folder = new WorkFolder();
    server = await startServer('redis-7.0');
  });
  beforeEach(() => wipe(server));
  afterAll(async () => {
    await server?.stop();
    folder?.[Symbol.dispose]();
  });

  const restoreBuilt = async (file: RdbFileBuilder, strict = false): Promise<RestoreReport> => {
    const path = folder.file('built.rdb');
    await writeFile(path, file.end());
    return restoreInto(server, path, { workDir: folder.folder(), fresh: true, strict });
  };

  test('hashes of templates become hashes, and nothing is lost', async () => {
    const { id, fields } = sampleTemplate;
    const cells = ['1', 'Ada', 'mail'];
    const forms: Record<string, BuiltValue> = {
      29: values.HASH_TMPL_LP(id, fields, [1, 'Ada', 'mail'], 'listpack'),
      '29 with names as strings': values.HASH_TMPL_LP(id, fields, cells, 'strings'),
      30: values.HASH_TMPL_LP_REF(id, cells),
      31: values.HASH_TMPL_ARRAY(fields, cells, 'listpack'),
      32: values.HASH_TMPL_ARRAY_REF(id, cells),
    };
    const file = new RdbFileBuilder('REDIS0015').hashTemplate(id, fields).selectDb(0);
    for (const [name, value] of Object.entries(forms)) file.expireMs(YEAR_2099).key(name, value);
    const report = await restoreBuilt(file, true);
    expect(report).toMatchObject({ outcome: 'complete', error: undefined, keys: { written: 5, losses: {} } });
    for (const name of Object.keys(forms)) {
      expect(await server.call('HGETALL', name), name).toEqual(['age', '1', 'name', 'Ada', 'email', 'mail']);
      expect(await server.call('PEXPIRETIME', name)).toBe(YEAR_2099);
    }
  });

  test('hashes whose fields expire keep the fields', async () => {
    const fields = [
      ['a', '1', BigInt(YEAR_2099)],
      ['gone', '2', 1n],
      ['b', '3', 0n],
    ] as const;
    const file = new RdbFileBuilder('REDIS0012')
      .selectDb(0)
      .key('22', values.HASH_METADATA_PRE_GA(fields))
      .key('23', values.HASH_LISTPACK_EX_PRE_GA(fields))
      .key('24', values.HASH_METADATA(fields))
      .key('25', values.HASH_LISTPACK_EX(fields))
      .key('only gone ones', values.HASH_METADATA([['f', 'v', 1n]]))
      .key('never', values.HASH_METADATA([['f', 'v', 0n]]));
    const report = await restoreBuilt(file);
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: 5, expired: 1, losses: { 'field-ttl': 4 } } });
    for (const key of ['22', '23', '24', '25']) {
      expect(await server.call('HGETALL', key), key).toEqual(['a', '1', 'b', '3']);
    }
    expect(await server.call('KEYS', 'only*')).toEqual([]);
    expect(await server.call('HGETALL', 'never')).toEqual(['f', 'v']);
  });

  test('streams keep what 7.0 knows; each kind that is lost counts its keys', async () => {
    const { idempotence, ...plain } = sampleStream;
    const [group] = sampleStream.groups as [BuiltGroup];
    const idle: BuiltStream = {
      ...plain,
      groups: [{ ...group, consumers: [{ ...consumerOf(group), activeAt: 50n }] }],
    };
    const nacked = {
      ...idle,
      groups: [{ ...group, consumers: [{ ...consumerOf(group), pel: [] }], nacked: owed(group) }],
    };
    const file = new RdbFileBuilder('REDIS0014')
      .selectDb(0)
      .key('26', streamValue(4, sampleStream))
      .key('26 like an older one', streamValue(4, idle))
      .key('27', streamValue(5, { ...sampleStream, groups: [{ ...group, nacked: [] }] }))
      .key('27 given back', streamValue(5, nacked));
    const report = await restoreBuilt(file);
    expect(report.error?.describe()).toBeUndefined();
    expect(report.keys).toMatchObject({ written: 4, failed: [] });
    expect(report.keys.losses).toEqual({ 'stream-idempotence': 2, 'stream-active-time': 3, 'stream-nacked': 1 });
    for (const key of ['26', '26 like an older one', '27', '27 given back']) {
      const stream = streamDetails(await server.callBuffer('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0));
      expect(stream, key).toMatchObject({
        length: 3,
        'entries-added': 4,
        'max-deleted-entry-id': '2-0',
        'recorded-first-entry-id': '1-1',
        'last-generated-id': '9-0',
        groups: { g: { 'last-delivered-id': '3-0', 'entries-read': 2, 'pel-count': 2 } },
      });
      const owner = key === '27 given back' ? 'keyferry-nacked' : 'c';
      const pending = (await server.call('XPENDING', key, 'g', '-', '+', 10)) as unknown[][];
      expect(pending.map(([id, name, , count]) => [id, name, count])).toEqual([
        ['1-1', owner, 1],
        ['3-0', owner, 300],
      ]);
    }
  });

  test('what a module attached to a key is left behind, and counted', async () => {
    const meta = Buffer.concat([Buffer.of(0xf3, 1), Buffer.from('meta'), moduleItem.string('x'), Buffer.of(0)]);
    const file = new RdbFileBuilder('REDIS0013')
      .selectDb(0)
      .raw(meta)
      .key('meta', values.STRING('v'))
      .key('plain', values.STRING('w'));
    const report = await restoreBuilt(file);
    expect(report).toMatchObject({ outcome: 'complete', keys: { written: 2, losses: { 'key-metadata': 1 } } });
    expect(await server.call('MGET', 'meta', 'plain')).toEqual(['v', 'w']);
  });

  test.each([
    ['ARRAY', 'REDIS0014', values.ARRAY([[0n, { string: 'x' }]])],
    ['PATH_HASH', 'VALKEY081', values.PATH_HASH([['/a', [['f', 'v']]]])],
  ])('%s is refused by name before the first write', async (name, magic, value) => {
    const file = new RdbFileBuilder(magic).selectDb(0).key('first', values.STRING('x')).key('second', value);
    const report = await restoreBuilt(file);
    expect(report.outcome).toBe('stopped');
    expect(report.error?.code).toBe('TARGET_TYPES');
    expect(report.error?.describe()).toContain(`${name} (1 key`);
    expect(await server.call('DBSIZE')).toBe(0);
  });
});

interface Pair {
  readonly rdb: string;
  readonly held: Snapshot;
  readonly folder: WorkFolder;
  readonly source: ServerName;
  readonly target: ServerName;
  readonly flavour: Flavour;
  readonly onConflict: ConflictPolicy;
}

async function expectHeld({ rdb, held, folder, source, target, flavour, onConflict }: Pair): Promise<void> {
  const vectors = moduleKeys(held);
  await withServer(target, { config: configFor(target, flavour) }, async (restored) => {
    const options = { workDir: folder.folder(), onConflict, chunkBytes: 64 * 1024, fresh: true };
    // Redis 6.0 ends its process at a module's value that it does not know.
    const fatal = vectors.length > 0 && !restored.features.seven;
    if (fatal) await expectModulesRefused(restored, rdb, options.workDir);
    const report = await restoreInto(
      restored,
      rdb,
      fatal ? { ...options, filter: { kinds: WITHOUT_MODULES } } : options,
    );
    restored.loadedAt = Date.now();
    expect(report.error?.describe()).toBeUndefined();
    const { written, expired, filtered, failed, losses } = report.keys;
    expect(written + expired + filtered + failed.length).toBe(report.files[0]?.keys);
    expect(filtered).toBe(fatal ? vectors.length : 0);
    expect(failed.map(({ db, key }) => `${db} ${key.toString('latin1')}`).sort()).toEqual(fatal ? [] : vectors);
    const libraries = restored.features.seven ? [] : Object.keys(held.libraries);
    expect(report.functions.failed.map(({ library }) => library).sort()).toEqual(libraries.sort());
    expect(report.outcome).toBe(failed.length + libraries.length > 0 ? 'partial' : 'complete');

    const saved = folder.file(`${target}.rdb`);
    await copyFile(await saveRdb(restored), saved);
    const model = heldBy(target, held);
    const ours = await readAll(restored);
    expect(compare(model, inWordsOf(model, ours), { ignoreRadix: true }), `seed ${SEED}`).toEqual([]);
    // An older server does not show what it has lost. The source's version shows it, which loads the older one's file
    // and takes for granted what it does not say.
    const again = loadersOf(target).includes(source) ? await loaded(source, saved) : ours;
    expect(losses, `seed ${SEED}`).toEqual(lossesBetween(held, again));
    const kinds = lossKinds(source, target);
    expect(Object.keys(losses).sort()).toEqual([...kinds].sort());
    for (const kind of kinds) expect(report.warnings.join(), 'said beforehand').toContain(LOSSES[kind]);
  });
}

const readAll = async (server: Server): Promise<Snapshot> => withValueDigests(server, await snapshot(server));

/** What a server shows that loads this file. Under default limits: sets that came as tables load slowly as listpacks. */
const loaded = (name: ServerName, rdb: string): Promise<Snapshot> => withServer(name, { rdb }, snapshot);

async function expectModulesRefused(server: Server, rdb: string, workDir: string): Promise<void> {
  const report = await restoreInto(server, rdb, { workDir });
  expect(report.error?.code).toBe('TARGET_MODULES');
  expect(report.error?.describe()).toContain('vectorset');
  expect(await server.call('DBSIZE')).toBe(0);
}

async function savedBy(name: ServerName, folder: WorkFolder, commands: readonly Command[]): Promise<string> {
  return withServer(name, {}, (server) => commandsFile(folder.file(`${name}.rdb`), server, commands));
}

const consumerOf = ({ consumers: [first] }: BuiltGroup) => first as BuiltGroup['consumers'][number];
/** The ids of a group's pending entries. */
const owed = ({ pel }: BuiltGroup) => pel.map(({ id }) => id);
