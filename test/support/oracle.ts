// The oracle: reads all that a server can tell about its data, so that two servers can be compared completely.
import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Command, pipelined } from './commands.ts';
import { streamDetails } from './oracle-streams.ts';
import { asMap, asText } from './replies.ts';
import type { Server } from './servers.ts';

export { type CompareOptions, compare } from './oracle-compare.ts';

/** What a server tells about one key. */
export interface KeyFacts {
  type: string;
  encoding: string;
  /** DEBUG DIGEST-VALUE: elements in any order for sets and hashes, in their order for lists and streams. */
  digest: string;
  /** Absolute, in ms; undefined for a key that stays. */
  expiresAt?: number;
  /** Seconds since the last access, as they were when the data arrived (`Server.loadedAt`). */
  idle?: number;
  /** Instead of `idle` under an LFU policy: the logarithmic access frequency. */
  frequency?: number;
  /** Fields (latin1) that expire, and when: absolute, in ms. */
  fieldExpiries?: Record<string, number>;
  /** Streams: XINFO STREAM FULL COUNT 0. Vector sets: VINFO. */
  details?: Record<string, unknown>;
}

export interface Snapshot {
  /** Name, version and port, for messages. */
  server: string;
  /** What the server keeps of accesses. */
  tracks: 'idle' | 'frequency';
  /** PEXPIRETIME exists; else expiries are within the time that a reply takes. */
  exactExpiry: boolean;
  /** DEBUG DIGEST, over all databases. */
  digest: string;
  /** Function libraries by name: engine, code, functions. */
  libraries: Record<string, unknown>;
  /** Keys (latin1) by database; databases without a key are left out. */
  databases: Map<number, Map<string, KeyFacts>>;
}

/**
 * Reads all data of a server; some thousand keys take about a second.
 *
 * Idle times and frequencies are read before anything that counts as an access, and on servers with CLIENT NO-TOUCH
 * nothing does. On 6.0 and 7.0 XINFO touches the streams: a second snapshot of the same server finds them used.
 */
export async function snapshot(server: Server): Promise<Snapshot> {
  const client = server.connect();
  try {
    if (server.features.sevenTwo) await client.call('CLIENT', 'NO-TOUCH', 'ON');
    const policy = asText((await pipelined(client, [['CONFIG', 'GET', 'maxmemory-policy']]))[0]);
    const tracks = String(policy).includes('lfu') ? 'frequency' : 'idle';
    const keyspace = String(await client.call('INFO', 'keyspace'));
    const databases = new Map<number, Map<string, KeyFacts>>();
    for (const [, number] of keyspace.matchAll(/^db(\d+):/gm)) {
      await client.select(Number(number));
      const keys = await readDatabase(client, server, tracks);
      if (keys.size > 0) databases.set(Number(number), keys);
    }
    // Last: SCAN has removed what had expired and was still counted.
    const digest = String(await client.call('DEBUG', 'DIGEST'));
    const libraries = server.features.seven ? await readLibraries(client) : {};
    return {
      server: `${server.name} (${server.version}) on port ${server.port}`,
      tracks,
      exactExpiry: server.features.seven,
      digest,
      libraries,
      databases,
    };
  } finally {
    client.disconnect();
  }
}

async function scanKeys(client: Redis, ...type: [] | ['TYPE', string]): Promise<Buffer[]> {
  const found = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const [next, keys] = (await client.callBuffer('SCAN', [cursor, 'COUNT', 2000, ...type])) as [Buffer, Buffer[]];
    for (const key of keys) found.set(key.toString('latin1'), key);
    cursor = next.toString();
  } while (cursor !== '0');
  return [...found.values()];
}

/**
 * Waits until the server has removed the hash fields that had expired when they came, and hashes of nothing else: only
 * its active cycle does (SCAN does not), so a reader could meet them at first and miss them later.
 */
async function fieldExpirySettled(client: Redis): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const hashes = await scanKeys(client, 'TYPE', 'hash');
    const counts = await pipelined(
      client,
      hashes.flatMap((key): Command[] => [
        ['HLEN', key],
        ['HKEYS', key],
      ]),
    );
    // HLEN counts the expired ones that are still there, HKEYS leaves them out.
    const left = hashes.filter((_, index) => counts[2 * index] !== (counts[2 * index + 1] as Buffer[]).length);
    if (left.length === 0 && (await client.dbsize()) === (await scanKeys(client)).length) return;
    if (Date.now() > deadline) throw new Error(`expired fields stay in ${left.map(String).join(', ')}`);
    await setTimeout(50);
  }
}

async function readDatabase(client: Redis, server: Server, tracks: Snapshot['tracks']): Promise<Map<string, KeyFacts>> {
  if (server.features.fieldExpiry) await fieldExpirySettled(client);
  const names = await scanKeys(client);

  const facts = new Map<string, KeyFacts>();
  const digests = await readDigests(client, names);
  for (const [index, entry] of (await readColumns(client, server, names, tracks)).entries()) {
    facts.set((names[index] as Buffer).toString('latin1'), { ...entry, digest: digests[index] as string });
  }
  await readDetails(client, names, facts);
  if (server.features.fieldExpiry) await readFieldExpiries(client, names, facts);

  const size = await client.dbsize();
  if (size !== names.length) throw new Error(`DBSIZE says ${size} keys, SCAN gave ${names.length} (${server.name})`);
  return facts;
}

/** What takes one command a key. None of these counts as an access. */
async function readColumns(
  client: Redis,
  server: Server,
  names: Buffer[],
  tracks: Snapshot['tracks'],
): Promise<Omit<KeyFacts, 'digest'>[]> {
  const { seven } = server.features;
  const column = (...command: [string, ...string[]]): Promise<unknown[]> =>
    pipelined(
      client,
      names.map((key): Command => [...command, key]),
    );
  const started = Date.now();
  const accesses = await column('OBJECT', tracks === 'idle' ? 'IDLETIME' : 'FREQ');
  const sinceLoad = Math.round(((started + Date.now()) / 2 - server.loadedAt) / 1000);
  const types = await column('TYPE');
  const encodings = await column('OBJECT', 'ENCODING');
  const references = await column('OBJECT', 'REFCOUNT');
  // PTTL counts from the server's clock, which is this machine's.
  const now = Date.now();
  const times = (await column(seven ? 'PEXPIRETIME' : 'PTTL')) as number[];
  return names.map((_, index) => {
    const facts: Omit<KeyFacts, 'digest'> = {
      type: String(asText(types[index])),
      encoding: String(asText(encodings[index])),
    };
    const time = times[index] as number;
    if (time >= 0) facts.expiresAt = seven ? time : time + now;
    // Where no policy needs them apart, keys of the same small number share one object, and its access time is nobody's.
    if (references[index] === SHARED) return facts;
    const access = Number(accesses[index]);
    if (tracks === 'frequency') facts.frequency = access;
    else facts.idle = access - sinceLoad;
    return facts;
  });
}

/** The reference count of an object that the server never frees. */
const SHARED = 2 ** 31 - 1;

async function readDigests(client: Redis, names: Buffer[]): Promise<string[]> {
  const commands: Command[] = [];
  for (let at = 0; at < names.length; at += 100) commands.push(['DEBUG', 'DIGEST-VALUE', ...names.slice(at, at + 100)]);
  return (await pipelined(client, commands)).flat().map((digest) => String(asText(digest)));
}

async function readDetails(client: Redis, names: Buffer[], facts: Map<string, KeyFacts>): Promise<void> {
  const typed = (type: string): Buffer[] => names.filter((key) => facts.get(key.toString('latin1'))?.type === type);
  const read = async (keys: Buffer[], command: (key: Buffer) => Command, parse: (reply: unknown) => object) => {
    const replies = await pipelined(client, keys.map(command));
    for (const [index, key] of keys.entries()) {
      facts.get(key.toString('latin1'))!.details = { ...parse(replies[index]) };
    }
  };
  await read(typed('stream'), (key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', 0], streamDetails);
  // vset-uid numbers the sets of one process.
  await read(
    typed('vectorset'),
    (key) => ['VINFO', key],
    (reply) => ({ ...asMap(reply), 'vset-uid': undefined }),
  );
}

/** Ziplists and plain listpacks hold no field expiry, and asking them for 40,000 fields would search for each. */
async function readFieldExpiries(client: Redis, names: Buffer[], facts: Map<string, KeyFacts>): Promise<void> {
  const of = (key: Buffer): KeyFacts => facts.get(key.toString('latin1')) as KeyFacts;
  const hashes = names.filter((key) => of(key).type === 'hash' && !['listpack', 'ziplist'].includes(of(key).encoding));
  const fields = (await pipelined(
    client,
    hashes.map((key): Command => ['HKEYS', key]),
  )) as Buffer[][];
  for (const [index, key] of hashes.entries()) {
    const expiries = await fieldExpiries(client, key, fields[index] as Buffer[], of(key).encoding);
    if (Object.keys(expiries).length > 0) of(key).fieldExpiries = expiries;
  }
}

/**
 * A field of a listpack is found by walking there, so 20,000 of them take seconds. Such a listpack keeps its fields in
 * the order of their expiry, those that stay last: from a large one only the first are read, up to 1,000 that stay.
 */
async function fieldExpiries(client: Redis, key: Buffer, fields: Buffer[], encoding: string) {
  const sorted = encoding === 'listpackex' && fields.length > 4000;
  const expiries: Record<string, number> = {};
  for (let at = 0; at < fields.length; at += 1000) {
    const piece = fields.slice(at, at + 1000);
    const times = (await client.callBuffer('HPEXPIRETIME', [key, 'FIELDS', piece.length, ...piece])) as number[];
    for (const [index, ms] of times.entries()) {
      if (ms >= 0) expiries[(piece[index] as Buffer).toString('latin1')] = ms;
    }
    if (sorted && times.every((ms) => ms < 0)) break;
  }
  return expiries;
}

/** Libraries by name: the order in which a server lists them differs from process to process. */
async function readLibraries(client: Redis): Promise<Record<string, unknown>> {
  const [list] = await pipelined(client, [['FUNCTION', 'LIST', 'WITHCODE']]);
  const libraries = (list as unknown[]).map(asMap).map((library) => {
    const functions = (library.functions as unknown[]).map((each) => asMap(each));
    functions.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
    const flags = functions.map((each) => ({ ...each, flags: (each.flags as string[]).toSorted() }));
    return [String(library.library_name), { ...library, functions: flags }];
  });
  return Object.fromEntries(libraries);
}
