// The test data set: fills a server with every type in every encoding that it has, the same for the same seed.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Argument, type Command, pipelined } from './commands.ts';
import { BIG, bigCollections, bigSets, hashes, lists, manySmall, sets, zsets } from './dataset-collections.ts';
import { functions, hyperLogLogs, vectors } from './dataset-extras.ts';
import { bigStream, streams } from './dataset-streams.ts';
import { expiries, keys, strings } from './dataset-strings.ts';
import { Random } from './random.ts';
import { type Features, featuresOf, type Server, type ServerName } from './servers.ts';

/** `raised`: compact encodings up to 100,000 elements instead of some hundred. */
export type Limits = 'default' | 'raised';
/** What the server keeps for eviction, and therefore saves with each key: nothing, its idle time, its frequency. */
export type Eviction = 'none' | 'lru' | 'lfu';

export interface Flavour {
  limits?: Limits;
  eviction?: Eviction;
}

export interface FillOptions extends Flavour {
  seed: number;
  /** Multiplies the number of small keys, 400 at 1. */
  scale?: number;
}

/** The configuration of a server that holds, or loads, data of this flavour. */
export function configFor(
  name: ServerName,
  { limits = 'default', eviction = 'none' }: Flavour,
): Record<string, string> {
  const sizes: Record<string, string> = {
    'hash-max-ziplist-entries': '100000',
    'hash-max-ziplist-value': '1024',
    'zset-max-ziplist-entries': '100000',
    'zset-max-ziplist-value': '1024',
    'set-max-intset-entries': '100000',
    // Nodes of 64 KiB instead of 8.
    'list-max-ziplist-size': '-5',
    'stream-node-max-bytes': '100mb',
    'stream-node-max-entries': '100000',
    ...(featuresOf(name).sevenTwo ? { 'set-max-listpack-entries': '100000', 'set-max-listpack-value': '1024' } : {}),
  };
  return {
    'maxmemory-policy': { none: 'noeviction', lru: 'allkeys-lru', lfu: 'allkeys-lfu' }[eviction],
    // Above all that a test holds. Without a limit keys of the same small number would share one object whatever the
    // policy, and with it the idle time or frequency of the last one written.
    maxmemory: eviction === 'none' ? '0' : '64gb',
    // Frequencies stay as they are written.
    'lfu-decay-time': '0',
    ...(limits === 'raised' ? sizes : {}),
  };
}

/**
 * Fills an empty server. Its limits and eviction policy become those of the flavour.
 *
 * Data: db 0 everything; db 1 and 9 small keys; two function libraries. Some keys, and on servers that have them some
 * hash fields, have expired but are still there, as in any real RDB; active expiry is off to keep them for `saveRdb`.
 *
 * @param options.seed the same seed gives the same logical data on the same server (times of consumers excepted)
 */
export async function fill(server: Server, options: FillOptions): Promise<void> {
  const random = new Random(options.seed);
  const { limits = 'default', eviction = 'none', scale = 1 } = options;
  const count = limits === 'raised' ? 40_000 : 2000;
  const client = server.connect();
  try {
    const config = (flavour: Flavour): Command[] =>
      Object.entries(configFor(server.name, flavour)).map(([name, value]) => ['CONFIG', 'SET', name, value]);
    await pipelined(client, config({ eviction }));
    await pipelined(client, everything(server, random, count, scale));
    await pipelined(client, config({ limits, eviction }));
    // Where sets are no listpacks it is saved as a table, which newer servers load into a listpack in quadratic time:
    // 40,000 members took them 43 s under raised limits.
    await pipelined(client, bigSets(count, server.features.sevenTwo ? count : 2000));
    if (limits === 'raised') {
      await pipelined(client, lists(random.fork('raised'), server.features));
      await pipelined(client, bigStream(random.fork('big stream')));
    }
    await repack(client, server, random.fork('repack'), limits, eviction);
    await pipelined(client, expired(server.features));
    await sleep(5);
  } finally {
    client.disconnect();
  }
  server.loadedAt = Date.now();
}

function* everything(server: Server, random: Random, bigCount: number, scale: number): Generator<Command> {
  const { features } = server;
  yield* strings(random.fork('strings'));
  yield* keys(random.fork('keys'));
  yield* expiries();
  yield* lists(random.fork('lists'), features);
  yield* sets(random.fork('sets'));
  yield* zsets(random.fork('zsets'));
  yield* hashes(random.fork('hashes'), features);
  yield* bigCollections(random.fork('big'), features, bigCount);
  yield* streams(random.fork('streams'), features);
  yield* hyperLogLogs(random.fork('hyperloglogs'));
  if (features.vectors) yield* vectors(random.fork('vectors'));
  if (features.seven) yield* functions();
  yield* manySmall(random.fork('many'), Math.round(300 * scale));
  yield ['SELECT', 1];
  yield* manySmall(random.fork('db 1'), Math.round(90 * scale));
  yield ['SELECT', 9];
  yield* manySmall(random.fork('db 9'), Math.round(10 * scale));
  yield ['SELECT', 0];
}

/**
 * Writes keys of db 0 anew from their DUMP: the big ones, which are then packed under the raised limits at once (an
 * HSET into a listpack of 40,000 searches all of it), and a third of all with an idle time or a frequency.
 */
async function repack(
  client: Redis,
  server: Server,
  random: Random,
  limits: Limits,
  eviction: Eviction,
): Promise<void> {
  const chosen = new Set(limits === 'raised' ? BIG : []);
  if (eviction !== 'none') {
    const all = (await client.keysBuffer('*')).map((key) => key.toString('latin1')).sort();
    for (const key of all) if (random.chance(1 / 3) && !key.startsWith('ttl:')) chosen.add(key);
  }
  for (const key of chosen) {
    const name = Buffer.from(key, 'latin1');
    const payload = await client.dumpBuffer(name);
    if (payload === null) continue;
    const ttl = server.features.seven ? await client.pexpiretime(name) : await client.pttl(name);
    const time: Argument[] = server.features.seven ? [Math.max(ttl, 0), 'ABSTTL'] : [Math.max(ttl, 0)];
    const mark: Record<Eviction, () => Argument[]> = {
      none: () => [],
      lru: () => ['IDLETIME', random.int(0, 50_000)],
      lfu: () => ['FREQ', random.pick([0, 1, 5, 100, 255, random.int(0, 255)])],
    };
    const [ms, ...absolute] = time;
    await pipelined(client, [['RESTORE', name, ms as Argument, payload, 'REPLACE', ...absolute, ...mark[eviction]()]]);
  }
}

/** Keys and fields whose time has passed some ms later, and which nobody removes. */
function* expired(features: Features): Generator<Command> {
  yield ['DEBUG', 'SET-ACTIVE-EXPIRE', 0];
  yield ['SET', 'expired:string', 'x'];
  yield ['RPUSH', 'expired:list', 'x'];
  yield ['HSET', 'expired:hash', 'f', 'v'];
  for (const kind of ['string', 'list', 'hash']) yield ['PEXPIRE', `expired:${kind}`, 1];
  if (!features.fieldExpiry) return;
  const long = 'a value too long for a listpack'.repeat(40);
  yield ['HSET', 'expired:fields:all', 'a', 1, 'b', 2];
  yield ['HSET', 'expired:fields:some', 'a', 1, 'b', 2, 'c', 3];
  yield ['HSET', 'expired:fields:table', 'a', 1, 'b', 2, 'c', long];
  for (const which of ['all', 'some', 'table']) yield ['HPEXPIRE', `expired:fields:${which}`, 1, 'FIELDS', 2, 'a', 'b'];
}

/**
 * Has the server save its data, and gives the path of the file: in the server's folder, which goes with the server.
 * Afterwards what has expired is removed as usual, as by a server that loads the file.
 */
export async function saveRdb(server: Server): Promise<string> {
  await server.call('SAVE');
  await server.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  return join(server.dir, 'dump.rdb');
}
