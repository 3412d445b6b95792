// Values that one server DUMPs, written for older ones and for the other family, and RESTOREd there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeValue, type LogicalValue } from '../../lib/rdb/decode.ts';
import { parseDumpPayload } from '../../lib/rdb/parse-payload.ts';
import { dumpPayload } from '../../lib/rdb/payload.ts';
import { type Reencoded, reencode, type TypedValue, type TypeSupport, takes } from '../../lib/rdb/reencode.ts';
import { redisTypes, valkeyTypes } from '../../lib/rdb/types.ts';
import { olderStream, STREAM_VERSIONS, type Stream } from '../rdb/reencode/stream-model.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { fill, type Limits } from '../support/dataset.ts';
import { plain, text } from '../support/decoded.ts';
import { availableServers, lacks, type Server, type ServerName, startServer, withServer } from '../support/servers.ts';
import { streamValue } from '../support/stream-builder.ts';
import { sampleStream } from '../support/value-samples.ts';

const LONG = 60_000;
const SEED = 11;

const SUPPORT: Readonly<Record<ServerName, TypeSupport>> = {
  'redis-6.0': { family: 'redis', rdb: 9 },
  'redis-7.0': { family: 'redis', rdb: 10 },
  'redis-8.0': { family: 'redis', rdb: 12 },
  'valkey-8.1': { family: 'valkey', rdb: 11 },
  'valkey-9.1': { family: 'valkey', rdb: 80 },
};

interface Dumped extends TypedValue {
  readonly key: Buffer;
}

async function dump(server: Server, keys: readonly Buffer[]): Promise<(Dumped | undefined)[]> {
  const types = SUPPORT[server.name].family === 'valkey' ? valkeyTypes : redisTypes;
  const payloads = await pipelined(
    server.client,
    keys.map((key) => ['DUMP', key] as const),
  );
  return keys.map((key, i) => {
    const payload = payloads[i] as Buffer | null;
    const parsed = payload === null ? undefined : parseDumpPayload(payload, types);
    return parsed && { key, type: parsed.type, value: parsed.value };
  });
}

/** What a target is to hold: the value as it was at the source, less what it has no place for. */
function modelOf({ type, value }: TypedValue, target: ServerName, now: bigint): LogicalValue {
  const decoded = decodeValue(type, value);
  const { family, rdb } = SUPPORT[target];
  if (decoded.kind === 'stream') {
    const encoding = { 9: 1, 10: 2 }[rdb] ?? 3;
    return olderStream(decoded, Math.min(encoding, STREAM_VERSIONS[type.code] as number));
  }
  if (decoded.kind !== 'hash') return decoded;
  const expire = family === 'redis' ? rdb >= 12 : rdb >= 80;
  const fields = living(decoded, now).map((each) => (expire ? each : { ...each, expireAt: undefined }));
  return { ...decoded, fields };
}

function living(hash: Extract<LogicalValue, { kind: 'hash' }>, now: bigint) {
  return hash.fields.filter(({ expireAt }) => expireAt === undefined || expireAt > now);
}

/** What a target holds, without the fields that it no longer shows. */
function heldOf({ type, value }: TypedValue, now: bigint): LogicalValue {
  const decoded = decodeValue(type, value);
  return decoded.kind === 'hash' ? { ...decoded, fields: living(decoded, now) } : decoded;
}

/** Values of a server, each with what it becomes for a target that does not take it. */
function rewritten(dumped: readonly Dumped[], target: ServerName, now: bigint): (Dumped & { result: Reencoded })[] {
  return dumped.flatMap((each) => {
    if (takes(each.type, SUPPORT[target])) return [];
    const result = reencode(each.type, each.value, SUPPORT[target], { now });
    if (result === undefined) throw new Error(`${text(each.key)}: ${target} has nothing for ${each.type.name}`);
    return [{ ...each, result }];
  });
}

const restoreOf = (key: Buffer, { type, value }: TypedValue): Command => [
  ...(['RESTORE', key, 0, dumpPayload(type, value), 'REPLACE'] as const),
];

/** Newer servers and those for which their values have to be written anew. */
const SOURCES: Partial<Record<ServerName, readonly ServerName[]>> = {
  'redis-8.0': ['redis-6.0', 'redis-7.0', 'valkey-8.1', 'valkey-9.1'],
  'valkey-9.1': ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.1'],
  'redis-7.0': ['redis-6.0'],
};
const names = Object.keys(SOURCES) as ServerName[];

describe.each(names.filter((name) => availableServers().includes(name)))('data of %s', (name) => {
  // One server's values are large enough: those of the others are written by the same code.
  describe.each<Limits>(name === 'redis-8.0' ? ['default', 'raised'] : ['default'])('with %s limits', (limits) => {
    let source: Server;
    let dumped: Dumped[];
    beforeAll(async () => {
      source = await startServer(name);
      await fill(source, { seed: SEED, limits, scale: 0.1 });
      const keys = (await source.callBuffer('KEYS', '*')) as Buffer[];
      dumped = (await dump(source, keys)).flatMap((each) => each ?? []);
    }, LONG);
    afterAll(() => source?.stop());

    for (const target of SOURCES[name] ?? []) {
      const skipped = lacks(target);
      test.skipIf(skipped !== '')(
        `is on ${target} what it can hold of it${skipped}`,
        async () => {
          const now = BigInt(Date.now());
          const values = rewritten(dumped, target, now);
          await withServer(target, {}, async (server) => {
            const sent = values.flatMap(({ key, result }) => (result.expired ? [] : [restoreOf(key, result)]));
            await pipelined(server.client, sent);
            const held = await dump(
              server,
              values.map(({ key }) => key),
            );
            for (const [i, each] of values.entries()) {
              const there = held[i];
              const label = `${text(each.key)}, ${each.type.name} as ${there?.type.name}`;
              const model = modelOf(each, target, now);
              if (each.result.expired) expect([there, plain(model)], label).toEqual([undefined, []]);
              else expect(plain(heldOf(there as Dumped, now)), label).toEqual(plain(model));
            }
          });
          for (const kind of ['hash', 'stream'] as const) {
            const expected = kind === 'hash' || SUPPORT[target].rdb < 11;
            expect(
              values.some(({ type }) => type.kind === kind),
              kind,
            ).toBe(expected);
          }
        },
        LONG,
      );
    }

    test.skipIf(lacks('redis-6.0') !== '')(
      `has on redis-6.0 the same digests, where nothing is lost${lacks('redis-6.0')}`,
      async () => {
        const values = rewritten(dumped, 'redis-6.0', BigInt(Date.now()));
        const whole = values.flatMap(({ key, type, result }) => {
          // The source still counts fields whose time has passed.
          if (result.expired || result.losses.length > 0 || text(key).startsWith('expired:')) return [];
          // Of a sorted set the digest has the scores as text, which newer servers write shorter.
          return type.kind === 'zset' ? [] : [{ key, result }];
        });
        // That a key has an expiry is part of its digest.
        await pipelined(
          source.client,
          whole.map(({ key }) => ['PERSIST', key] as const),
        );
        await withServer('redis-6.0', {}, async (server) => {
          await pipelined(
            server.client,
            whole.map(({ key, result }) => restoreOf(key, result)),
          );
          const digests = (each: Server) =>
            pipelined(
              each.client,
              whole.map(({ key }) => ['DEBUG', 'DIGEST-VALUE', key] as const),
            );
          const label = (digest: unknown, i: number) => `${text(whole[i]?.key as Buffer)} ${digest}`;
          expect((await digests(server)).map(label)).toEqual((await digests(source)).map(label));
        });
        expect(whole.length).toBeGreaterThan(10);
      },
      LONG,
    );
  });
});

describe.skipIf(lacks('redis-8.0') !== '')(`streams on redis-8.0${lacks('redis-8.0')}`, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer('redis-8.0');
  });
  afterAll(() => server?.stop());

  /** Writes a stream's DUMP in an older encoding, RESTOREs that, and gives what the server makes of it. */
  async function roundTrip(each: Dumped, rdb: number): Promise<{ losses: readonly string[]; back: Stream }> {
    const result = reencode(each.type, each.value, { family: 'redis', rdb }, { now: 0n });
    if (result === undefined || result.expired) throw new Error(`${text(each.key)} can't be written`);
    const key = Buffer.from('back');
    await pipelined(server.client, [restoreOf(key, result)]);
    const [there] = await dump(server, [key]);
    await server.call('DEL', key);
    return { losses: result.losses, back: decodeValue((there as Dumped).type, (there as Dumped).value) as Stream };
  }

  test('lose in an older encoding exactly what is said: the rest the server works out again', async () => {
    await fill(server, { seed: SEED, scale: 0 });
    const keys = (await server.callBuffer('KEYS', 'stream:*')) as Buffer[];
    // A group that reads on and a consumer that waits in vain, so that nothing or only its times are lost.
    await pipelined(server.client, [
      ...['1-1', '2-1', '3-1'].map((id) => ['XADD', 'stream:read', id, 'f', 'v'] as const),
      ['XGROUP', 'CREATE', 'stream:read', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'stream:read', '>'],
      ['XGROUP', 'CREATE', 'stream:read', 'first', '1-1', 'ENTRIESREAD', 1],
      ['XGROUP', 'CREATE', 'stream:read', 'before', '0', 'ENTRIESREAD', 0],
    ]);
    const seen = new Set<string>();
    for (const each of await dump(server, [...keys, Buffer.from('stream:read')])) {
      const before = decodeValue((each as Dumped).type, (each as Dumped).value) as Stream;
      for (const rdb of [9, 10]) {
        const { losses, back } = await roundTrip(each as Dumped, rdb);
        const label = `${text((each as Dumped).key)} as of RDB ${rdb}`;
        const lost = (loss: string, same: boolean): void => {
          seen.add(`${loss} ${losses.includes(loss)}`);
          expect(`${loss} ${losses.includes(loss)}`, label).toBe(`${loss} ${!same}`);
        };
        lost('stream-entries-added', back.entriesAdded === before.entriesAdded);
        lost('stream-max-deleted-id', sameId(back.maxDeletedId, before.maxDeletedId));
        lost(
          'stream-entries-read',
          // A count that was not known can't be lost.
          before.groups.every(
            (group, i) => group.entriesRead === -1n || group.entriesRead === back.groups[i]?.entriesRead,
          ),
        );
        const times = ({ groups }: Stream) =>
          groups.flatMap(({ consumers }) => consumers.map(({ activeAt }) => activeAt));
        lost(
          'stream-active-time',
          times(back).every((at, i) => at === times(before)[i]),
        );
      }
    }
    for (const loss of ['entries-added', 'max-deleted-id', 'entries-read', 'active-time']) {
      expect([...seen]).toEqual(expect.arrayContaining([`stream-${loss} true`, `stream-${loss} false`]));
    }
  });

  test('have entries that were given back to nobody (XNACK) where XAUTOCLAIM finds them at once', async () => {
    const group = { ...sampleStream.groups[0], name: 'g', lastId: { ms: 3, seq: 0 }, entriesRead: 2n };
    const [first, second] = sampleStream.groups[0]?.pel ?? [];
    if (first === undefined || second === undefined) throw new Error('the sample has two pending entries');
    const consumers = [{ name: 'app', seenAt: 50n, activeAt: 49n, pel: [second.id] }];
    const groups = [{ ...group, pel: [first, second], consumers, nacked: [first.id] }];
    const { type, value } = streamValue(5, { ...sampleStream, groups });
    const result = reencode(type, value, SUPPORT['redis-8.0'], { now: 0n });
    if (result === undefined || result.expired) throw new Error('the stream was not written');
    expect(result.losses).toContain('stream-nacked');
    await pipelined(server.client, [restoreOf(Buffer.from('nacked'), result)]);
    const owners = (await server.call('XPENDING', 'nacked', 'g', '-', '+', 10)) as unknown[][];
    expect(owners.map(([id, owner, , count]) => [id, owner, count])).toEqual([
      ['1-1', 'keyferry-nacked', 1],
      ['3-0', 'app', 300],
    ]);
    const claimed = await server.call('XAUTOCLAIM', 'nacked', 'g', 'app', 1000, '0', 'COUNT', 1, 'JUSTID');
    expect((claimed as unknown[])[1]).toEqual(['1-1']);
  });
});

test.skipIf(lacks('redis-8.0', 'valkey-9.1') !== '')(
  `an expiry of Valkey beyond what Redis holds is capped so that Redis takes it${lacks('redis-8.0', 'valkey-9.1')}`,
  async () => {
    await using valkey = await startServer('valkey-9.1');
    await using redis = await startServer('redis-8.0');
    const key = Buffer.from('hash');
    await valkey.call('HSET', key, 'late', 'v', 'never', 'v');
    await valkey.call('HPEXPIREAT', key, String(2n ** 62n), 'FIELDS', 1, 'late');
    const [hash] = (await dump(valkey, [key])) as [Dumped];
    const result = reencode(hash.type, hash.value, SUPPORT['redis-8.0'], { now: 0n });
    if (result === undefined || result.expired) throw new Error('the hash was not written');
    expect(result.losses).toEqual(['field-ttl-capped']);
    await pipelined(redis.client, [restoreOf(key, result)]);
    expect(await redis.call('HPEXPIRETIME', key, 'FIELDS', 2, 'late', 'never')).toEqual([2 ** 48 - 1, -1]);
  },
);

function sameId(a: Stream['maxDeletedId'], b: Stream['maxDeletedId']): boolean {
  return a?.ms === b?.ms && a?.seq === b?.seq;
}
