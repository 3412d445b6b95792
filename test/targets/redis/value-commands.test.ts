// Values made by commands are the values that they were made from: every type, on every server, but for what is told.
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { dialectOf } from '../../../lib/rdb/dialect.ts';
import { parseDumpPayload } from '../../../lib/rdb/parse-payload.ts';
import { readValueParts } from '../../../lib/rdb/read-parts.ts';
import type { ValuePart } from '../../../lib/rdb/value-parts.ts';
import { parseInfo, rdbVersionOf } from '../../../lib/redis/server-info.ts';
import { type CommandSupport, commandSupport } from '../../../lib/targets/redis/command-support.ts';
import { scoreText, type ValueFacts, valueCommands } from '../../../lib/targets/redis/value-commands.ts';
import { type Command as Filling, pipelined, show } from '../../support/commands.ts';
import { hashes, lists, sets, zsets } from '../../support/dataset-collections.ts';
import { streams } from '../../support/dataset-streams.ts';
import { strings } from '../../support/dataset-strings.ts';
import { streamDetails } from '../../support/oracle-streams.ts';
import { Random, seedOr } from '../../support/random.ts';
import { availableServers, lacks, type Server, startServer, withServer } from '../../support/servers.ts';

const NOW = Date.now();
const newest: CommandSupport = {
  unlink: true,
  createConsumer: true,
  streamCounters: true,
  latestFieldExpiry: 2n ** 63n - 1n,
};

/** Commands of parts that a test makes by hand; strings as text. */
async function commandsOf(parts: ValuePart[], support = newest, bytes = 1_000_000, stringBytes?: number) {
  const facts: ValueFacts = { losses: new Set(), expiredFields: 0 };
  const given = { key: Buffer.from('k'), parts: () => each(parts), stringBytes, support };
  const options = { ...given, limits: { bytes }, now: () => NOW };
  const commands: string[][] = [];
  for await (const command of valueCommands(options, facts)) commands.push(command.map(String));
  return { commands, losses: [...facts.losses], expiredFields: facts.expiredFields };
}

async function* each(parts: ValuePart[]): AsyncGenerator<ValuePart> {
  yield* parts;
}

const bytes = (count: number, letter = 'x') => Buffer.alloc(count, letter);

describe('commands', () => {
  test('carry so many bytes; an element that is larger goes alone', async () => {
    const items = [bytes(400), bytes(400), bytes(400), bytes(5000), bytes(10)];
    const { commands } = await commandsOf([{ kind: 'list', items }], newest, 1100);
    expect(commands.map((command) => command.slice(2).map((item) => item.length))).toEqual([
      [400, 400],
      [400],
      [5000],
      [10],
    ]);
  });

  test('have 3,999 arguments at most, pairs together', async () => {
    const members = Array.from({ length: 9000 }, (_, i) => Buffer.from(String(i)));
    const fields = members.map((field) => ({ field, value: field, expireAt: BigInt(NOW + 60_000) }));
    const parts: ValuePart[] = [{ kind: 'hash', fields }];
    const { commands } = await commandsOf(parts, newest, 1e12);
    expect(Math.max(...commands.map(({ length }) => length))).toBeLessThanOrEqual(3999);
    const sent = commands.filter(([name]) => name === 'HSET').flatMap((command) => command.slice(2));
    expect(sent).toEqual(members.flatMap((each) => [String(each), String(each)]));
    const timed = commands.filter(([name]) => name === 'HPEXPIREAT');
    expect(timed.flatMap((command) => command.slice(5))).toEqual(members.map(String));
    for (const command of timed) expect(command[4]).toBe(String(command.length - 5));
  });

  test('write an empty string, and nothing for a container without elements', async () => {
    expect((await commandsOf([{ kind: 'string', bytes: Buffer.alloc(0) }])).commands).toEqual([['SET', 'k', '']]);
    expect((await commandsOf([{ kind: 'set', members: [] }])).commands).toEqual([]);
  });

  test('give a string its memory at once where its size is known, and put each piece in its place', async () => {
    const size = 2 * 1024 * 1024;
    const parts: ValuePart[] = [
      { kind: 'string', bytes: bytes(size - 5, 'a') },
      { kind: 'string', bytes: bytes(5, 'b') },
    ];
    const shown = async (stringBytes: number | undefined) =>
      (await commandsOf(parts, newest, size - 10, stringBytes)).commands.map((command) =>
        command.map((each) => (each.length > 10 ? each.length : each)),
      );
    expect(await shown(size)).toEqual([
      ['SETRANGE', 'k', String(size - 1), '\0'],
      ['SETRANGE', 'k', '0', size - 10],
      ['SETRANGE', 'k', String(size - 10), 'aaaaa'],
      ['SETRANGE', 'k', String(size - 5), 'bbbbb'],
    ]);
    expect((await shown(undefined))[0]).toEqual(['SET', 'k', size - 10]);
    expect((await shown(undefined)).slice(1)).toEqual((await shown(size)).slice(2));
  });

  test('write scores exactly', () => {
    expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1, 5e-324, 2 ** 53, 1e21].map(scoreText)).toEqual(
      ['inf', '-inf', '-0', '0.1', '5e-324', '9007199254740992', '1e+21'],
    );
    for (const score of [0.1 + 0.2, Math.PI * 1e300, -1.7976931348623157e308]) {
      expect(Number(scoreText(score))).toBe(score);
    }
  });

  test('group fields by their expiry, leave out what has expired, cap what Redis cannot hold', async () => {
    const field = (name: string, expireAt: bigint | undefined) => ({
      field: Buffer.from(name),
      value: Buffer.from('v'),
      expireAt,
    });
    const soon = BigInt(NOW) + 1000n;
    const fields = [
      field('a', soon),
      field('b', undefined),
      field('c', BigInt(NOW)),
      field('d', 2n ** 50n),
      field('e', soon),
    ];
    const redis = { ...newest, latestFieldExpiry: 2n ** 46n - 1n };
    const { commands, losses, expiredFields } = await commandsOf([{ kind: 'hash', fields }], redis);
    expect(commands).toEqual([
      ['HSET', 'k', 'a', 'v', 'b', 'v', 'd', 'v', 'e', 'v'],
      ['HPEXPIREAT', 'k', String(soon), 'FIELDS', '2', 'a', 'e'],
      ['HPEXPIREAT', 'k', String(2n ** 46n - 1n), 'FIELDS', '1', 'd'],
    ]);
    expect(losses).toEqual(['field-ttl-capped']);
    expect(expiredFields).toBe(1);
    const older = await commandsOf([{ kind: 'hash', fields }], { ...newest, latestFieldExpiry: undefined });
    expect(older.commands).toEqual([['HSET', 'k', 'a', 'v', 'b', 'v', 'd', 'v', 'e', 'v']]);
    expect(older.losses).toEqual(['field-ttl']);
  });
});

describe.each(availableServers())('on %s', (name) => {
  test('every type comes out as it was, and what is lost is told', async () => {
    await withServer(name, {}, async (server) => {
      const seed = seedOr(4711);
      await pipelined(server.client, filling(seed, server));
      const support = await supportOf(server);
      const target = server.connect({ db: 1 });
      for (const key of await server.client.keysBuffer('*')) {
        const context = `key ${show(key)}, seed ${seed}`;
        const { losses } = await copy(server.client, target, key, support);
        // It counts that a key expires, not when.
        if ((await server.client.pttl(key)) > 0) await target.pexpire(key, 1_000_000);
        const [digest] = (await server.client.call('DEBUG', 'DIGEST-VALUE', key)) as string[];
        expect(await target.call('DEBUG', 'DIGEST-VALUE', key), context).toEqual([digest]);
        if ((await target.type(key)) === 'stream') {
          const [before, after] = [await stream(server.client, key), await stream(target, key)];
          if (!losses.has('stream-active-time')) expect(activeTimes(after), context).toEqual(activeTimes(before));
          expect(withoutTimes(after), context).toEqual(withoutTimes(before));
        } else {
          expect([...losses], context).toEqual([]);
        }
        if (server.features.fieldExpiry && (await target.type(key)) === 'hash') {
          expect(await fieldTimes(target, key), context).toEqual(await fieldTimes(server.client, key));
        }
      }
      expect(await target.dbsize()).toBe(await server.client.dbsize());
    });
  });
});

test.skipIf(lacks('redis-8.0', 'redis-6.0') !== '')(
  `what an older server cannot hold is told by kind, and only where there is some${lacks('redis-8.0', 'redis-6.0')}`,
  async () => {
    await using source = await startServer('redis-8.0');
    await using target = await startServer('redis-6.0');
    await pipelined(source.client, [
      ['HSET', 'plain', 'f', 'v'],
      ['HSET', 'timed', 'f', 'v'],
      ['HPEXPIRE', 'timed', 100_000, 'FIELDS', 1, 'f'],
      ['XADD', 'untouched', '5-1', 'f', 'v'],
      ['XADD', 'counted', '5-1', 'f', 'v'],
      ['XSETID', 'counted', '7-0', 'ENTRIESADDED', 9, 'MAXDELETEDID', '6-0'],
      ['XADD', 'read', '5-1', 'f', 'v'],
      ['XGROUP', 'CREATE', 'read', 'g', '5-0', 'ENTRIESREAD', 3],
      ['XGROUP', 'CREATECONSUMER', 'read', 'g', 'c'],
    ]);
    const support = await supportOf(target);
    const lossesOf = async (key: string) =>
      [...(await copy(source.client, target.client, Buffer.from(key), support)).losses].sort();
    expect(await lossesOf('plain')).toEqual([]);
    expect(await lossesOf('timed')).toEqual(['field-ttl']);
    expect(await lossesOf('untouched')).toEqual([]);
    expect(await lossesOf('counted')).toEqual(['stream-entries-added', 'stream-max-deleted-id']);
    expect(await lossesOf('read')).toEqual(['stream-entries-read', 'stream-seen-time']);
    expect(await target.call('XINFO', 'CONSUMERS', 'read', 'g')).toHaveLength(1);
  },
);

test('pending entries whose entries are gone stay pending, wherever they were', async () => {
  await withServer(availableServers().at(-1) as Server['name'], {}, async (server) => {
    const ids = Array.from({ length: 9 }, (_, i) => `${i + 1}-0`);
    for (const [key, gone] of [
      ['first', ids.slice(0, 3)],
      ['middle', [ids[3], ids[5]]],
      ['last', [ids[8]]],
      ['all', ids],
      ['none', []],
    ] as [string, string[]][]) {
      await pipelined(server.client, [
        ...ids.map((id): Filling => ['XADD', key, id, 'f', 'v']),
        ['XGROUP', 'CREATE', key, 'g', '0'],
        ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 100, 'STREAMS', key, '>'],
        ...(gone.length === 0 ? [] : [['XDEL', key, ...gone] as Filling]),
      ]);
      const target = server.connect({ db: 1 });
      await copy(server.client, target, Buffer.from(key), await supportOf(server));
      expect(withoutTimes(await stream(target, Buffer.from(key))), key).toEqual(
        withoutTimes(await stream(server.client, Buffer.from(key))),
      );
    }
  });
});

function* filling(seed: number, { features }: Server): Generator<Filling> {
  const random = new Random(seed);
  yield* strings(random);
  yield* lists(random, features);
  yield* sets(random);
  yield* zsets(random);
  yield* hashes(random, features);
  yield* streams(random, features);
}

async function supportOf(server: Server): Promise<CommandSupport> {
  return commandSupport(parseInfo(String(await server.call('INFO'))));
}

/** Copies a key by commands, in parts and batches as small as may be. */
async function copy(source: Redis, target: Redis, key: Buffer, support: CommandSupport): Promise<ValueFacts> {
  const facts: ValueFacts = { losses: new Set(), expiredFields: 0 };
  const parts = await dumped(source, key);
  const limits = { bytes: 300 };
  for await (const [name, ...args] of valueCommands({ key, parts, support, limits, now: Date.now }, facts)) {
    await target.callBuffer(String(name), args as (Buffer | string)[]);
  }
  return facts;
}

async function dumped(source: Redis, key: Buffer): Promise<() => AsyncIterable<ValuePart>> {
  const info = parseInfo(String(await source.call('INFO')));
  const payload = (await source.dumpBuffer(key)) as Buffer;
  const parsed = parseDumpPayload(payload, dialectOf(info.engine, rdbVersionOf(info)).types);
  if (parsed === undefined) throw new Error(`the type of ${show(key)} is not known`);
  return () => {
    const pieces = [parsed.value];
    const next = async () => pieces.shift();
    return readValueParts(parsed.type, { next }, { partBytes: 500 });
  };
}

async function stream(client: Redis, key: Buffer): Promise<Record<string, unknown>> {
  return streamDetails(await client.callBuffer('XINFO', ['STREAM', key, 'FULL', 'COUNT', 0]));
}

async function fieldTimes(client: Redis, key: Buffer): Promise<unknown> {
  const fields = (await client.hkeysBuffer(key)).sort(Buffer.compare);
  return client.callBuffer('HPEXPIRETIME', [key, 'FIELDS', fields.length, ...fields]);
}

type Facts = Record<string, Record<string, Record<string, Record<string, unknown>>>>;

/** All but what commands can't write, and how entries are packed. */
function withoutTimes(details: Record<string, unknown>): unknown {
  const { 'radix-tree-keys': _keys, 'radix-tree-nodes': _nodes, ...rest } = structuredClone(details);
  for (const { consumers } of Object.values(rest.groups as Facts)) {
    for (const consumer of Object.values(consumers ?? {})) {
      delete consumer['seen-time'];
      delete consumer['active-time'];
    }
  }
  return rest;
}

function activeTimes({ groups }: Record<string, unknown>): unknown {
  return Object.values(groups as Facts).map(({ consumers }) =>
    Object.values(consumers ?? {}).map((consumer) => consumer['active-time']),
  );
}
