// What real servers DUMP, decoded and held against what the same servers' own commands say.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { hasFieldExpiries, mapFieldExpiries } from '../../lib/rdb/hash-fields.ts';
import { dumpPayload } from '../../lib/rdb/payload.ts';
import { parseDumpPayload, sameValue } from '../../lib/rdb/same-value.ts';
import { redisTypes, type TypeTable, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { pipelined } from '../support/commands.ts';
import { fill } from '../support/dataset.ts';
import { plain, text } from '../support/decoded.ts';
import {
  availableServers,
  loadersOf,
  SERVER_NAMES,
  type Server,
  type ServerName,
  startServer,
} from '../support/servers.ts';

const LONG = 180_000;
const SEED = 7;

interface Dumped {
  key: Buffer;
  type: ValueType;
  value: Buffer;
  payload: Buffer;
}

function typesOf(name: ServerName): TypeTable {
  return name.startsWith('valkey') ? valkeyTypes : redisTypes;
}

async function dumpAll(server: Server): Promise<Dumped[]> {
  const keys = (await server.callBuffer('KEYS', '*')) as Buffer[];
  const payloads = await pipelined(
    server.client,
    keys.map((key) => ['DUMP', key] as const),
  );
  return keys.flatMap((key, i) => {
    const payload = payloads[i] as Buffer | null;
    if (payload === null) return []; // it has expired
    const parsed = parseDumpPayload(payload, typesOf(server.name));
    if (parsed === undefined) throw new Error(`${text(key)} has the unknown type ${payload[0]}`);
    return [{ key, payload, type: parsed.type, value: parsed.value }];
  });
}

/** What the server's own commands say of a key, in the form of `plain`. */
async function asked(server: Server, { key, type }: Dumped): Promise<unknown> {
  const call = async (name: string, ...args: (string | number | Buffer)[]) =>
    (await server.callBuffer(name, key, ...args)) as Buffer[];
  switch (type.kind) {
    case 'string':
      return text((await call('GET')) as unknown as Buffer);
    case 'list':
      return (await call('LRANGE', 0, -1)).map(text);
    case 'set':
      return (await call('SMEMBERS')).map(text).sort();
    case 'zset': {
      const flat = (await call('ZRANGE', 0, -1, 'WITHSCORES')).map(text);
      return pairsOf(flat)
        .map(([member, score]) => [member, Number(score.replace('inf', 'Infinity'))])
        .sort();
    }
    case 'hash': {
      const fields = pairsOf(await call('HGETALL')).sort(([a], [b]) => (text(a) < text(b) ? -1 : 1));
      const timed = server.features.fieldExpiry ? fields.filter((_, i) => isTimed(i)) : [];
      const names = timed.map(([field]) => field);
      const times = names.length === 0 ? [] : await call('HPEXPIRETIME', 'FIELDS', names.length, ...names);
      return fields.map(([field, value], i) => {
        const at = isTimed(i) ? Number(times[timed.indexOf(fields[i] as [Buffer, Buffer])] ?? -1) : -1;
        return [text(field), text(value), at < 0 ? undefined : BigInt(at)];
      });
    }
    case 'stream':
      return streamAsked(server, key);
    default:
      return type.kind;
  }
}

function pairsOf<T>(flat: readonly T[]): [T, T][] {
  return flat.flatMap((each, i) => (i % 2 === 0 ? [[each, flat[i + 1] as T] as [T, T]] : []));
}

type Reply = Buffer | number | null | Reply[];

async function streamAsked(server: Server, key: Buffer): Promise<unknown> {
  const entries = (await server.callBuffer('XRANGE', key, '-', '+')) as [Buffer, Buffer[]][];
  const info = mapOf((await server.callBuffer('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)) as Reply[]);
  const said = (name: string, map = info) => (map.has(name) ? String(map.get(name)) : undefined);
  const number = (value: Reply | undefined) =>
    value === undefined ? undefined : BigInt(value === null ? -1 : Number(value));
  return {
    entries: entries.map(([id, fields]) => [text(id), ...fields.map(text)]),
    length: BigInt(Number(info.get('length'))),
    lastId: said('last-generated-id'),
    firstId: said('recorded-first-entry-id'),
    maxDeletedId: said('max-deleted-entry-id'),
    entriesAdded: number(info.get('entries-added')),
    groups: (info.get('groups') as Reply[]).map((each) => {
      const group = mapOf(each as Reply[]);
      return {
        name: text(group.get('name') as Buffer),
        lastId: said('last-delivered-id', group),
        entriesRead: group.has('entries-read') ? number(group.get('entries-read')) : undefined,
        pel: (group.get('pending') as Reply[][]).map(([id, , at, count]) => [
          text(id as Buffer),
          number(at),
          number(count),
        ]),
        consumers: (group.get('consumers') as Reply[]).map((one) => {
          const consumer = mapOf(one as Reply[]);
          const pending = (consumer.get('pending') ?? consumer.get('pel')) as Reply[][];
          return [
            text(consumer.get('name') as Buffer),
            number(consumer.get('seen-time')),
            number(consumer.get('active-time')),
            pending.map(([id]) => text(id as Buffer)),
          ];
        }),
        nacked: [],
      };
    }),
    idempotence: undefined,
  };
}

function mapOf(flat: readonly Reply[]): Map<string, Reply> {
  return new Map(pairsOf(flat).map(([name, value]) => [text(name as Buffer), value]));
}

/** A server looks through a whole listpack for each field's time, so of many fields only some are asked for. */
function isTimed(i: number): boolean {
  return i < 500 || i % 101 === 0;
}

/** What was decoded, without the hash fields that the server no longer shows. */
function shown(decoded: unknown, type: ValueType): unknown {
  if (type.kind !== 'hash') return decoded;
  const now = BigInt(Date.now());
  const fields = (decoded as [string, string, bigint | undefined][]).filter(([, , at]) => at === undefined || at > now);
  return fields.map(([field, value, at], i) => [field, value, isTimed(i) ? at : undefined]);
}

/** True for a hash whose every field has expired: servers drop it sooner or later. */
function isGone({ type, value }: Dumped): boolean {
  return type.kind === 'hash' && (shown(plain(decodeValue(type, value)), type) as unknown[]).length === 0;
}

describe.each(availableServers())('%s', (name) => {
  for (const limits of ['default', 'raised'] as const) {
    describe(`with ${limits} limits`, () => {
      let server: Server;
      let dumped: Dumped[];
      beforeAll(async () => {
        server = await startServer(name);
        await fill(server, { seed: SEED, limits, scale: 0.25 });
        dumped = await dumpAll(server);
      }, LONG);
      afterAll(() => server?.stop());

      test(
        'every value is what the server’s own commands say that it is',
        async () => {
          for (const each of dumped) {
            const decoded = decodeValue(each.type, each.value);
            const expected = await asked(server, each);
            if (decoded.kind === 'module') continue;
            expect(shown(plain(decoded), each.type), `${text(each.key)}, a ${each.type.name}`).toEqual(expected);
          }
          const seen = new Set(dumped.map(({ type }) => type.kind));
          for (const kind of ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const)
            expect([...seen]).toContain(kind);
        },
        LONG,
      );

      test(
        'every value is the same when it comes back from a server that took it',
        async () => {
          for (const other of loadersOf(name).filter((each) => availableServers().includes(each))) {
            const target = await startServer(other);
            try {
              const restores = dumped.map(({ key, payload }) => ['RESTORE', key, 0, payload, 'REPLACE'] as const);
              await pipelined(target.client, restores);
              const now = BigInt(Date.now());
              const held = new Map((await dumpAll(target)).map((each) => [text(each.key), each]));
              for (const each of dumped) {
                const back = held.get(text(each.key));
                if (back === undefined && isGone(each)) continue;
                if (back === undefined) throw new Error(`${text(each.key)} is not on ${other}`);
                const label = `${text(each.key)}, ${each.type.name} to ${back.type.name} of ${other}`;
                expect(sameValue(each, back, { now }), label).toBe(true);
              }
            } finally {
              await target.stop();
            }
          }
        },
        LONG,
      );

      test(
        'hashes whose field expiries were moved are taken, and the server sees them moved',
        async () => {
          const expiring = dumped.filter(({ type }) => hasFieldExpiries(type));
          expect(expiring.length > 0).toBe(server.features.fieldExpiry);
          const dialect = name.startsWith('valkey') ? 'valkey' : 'redis';
          for (const each of expiring) {
            for (const map of [(at: bigint) => at + 3_600_000n, () => undefined]) {
              const moved = mapFieldExpiries(each.type, each.value, map, dialect);
              await server.call('RESTORE', 'moved', 0, dumpPayload(moved.type, moved.value), 'REPLACE');
              const payload = (await server.callBuffer('DUMP', 'moved')) as Buffer | null;
              const back = payload === null ? undefined : parseDumpPayload(payload, typesOf(name));
              expect(back !== undefined && sameValue(moved, back), text(each.key)).toBe(true);
            }
          }
          await server.call('DEL', 'moved');
        },
        LONG,
      );
    });
  }
});

test('no server is left out without a word', () => {
  const missing = SERVER_NAMES.filter((name) => !availableServers().includes(name));
  if (missing.length > 0) console.log(`not on this machine: ${missing.join(', ')}`);
});
