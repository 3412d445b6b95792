// What real servers hold, encoded here: the bytes that they write themselves, and values that they take for their own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { encodeValue } from '../../../lib/rdb/encode.ts';
import { parseDumpPayload } from '../../../lib/rdb/parse-payload.ts';
import { dumpPayload } from '../../../lib/rdb/payload.ts';
import { type TypedValue, type TypeSupport, takes } from '../../../lib/rdb/reencode.ts';
import { redisTypes, valkeyTypes } from '../../../lib/rdb/types.ts';
import { type Command, pipelined } from '../../support/commands.ts';
import { text } from '../../support/decoded.ts';
import { compare, snapshot } from '../../support/oracle.ts';
import { Random, seedOr } from '../../support/random.ts';
import { lacks, SERVER_NAMES, type Server, type ServerName, startServer, withServer } from '../../support/servers.ts';

const SEED = seedOr(20261125);
const LONG = 60_000;

const SUPPORT: Readonly<Record<ServerName, TypeSupport>> = {
  'redis-6.0': { family: 'redis', rdb: 9 },
  'redis-7.0': { family: 'redis', rdb: 10 },
  'redis-8.0': { family: 'redis', rdb: 12 },
  'valkey-8.1': { family: 'valkey', rdb: 11 },
  'valkey-9.1': { family: 'valkey', rdb: 80 },
};

async function dumpAll(server: Server): Promise<(TypedValue & { readonly key: Buffer })[]> {
  const types = SUPPORT[server.name].family === 'valkey' ? valkeyTypes : redisTypes;
  const keys = (await server.callBuffer('KEYS', '*')) as Buffer[];
  const payloads = await pipelined(
    server.client,
    keys.map((key) => ['DUMP', key] as const),
  );
  return keys.flatMap((key, i) => {
    const payload = payloads[i] as Buffer | null;
    const parsed = payload === null ? undefined : parseDumpPayload(payload, types);
    return parsed === undefined ? [] : { key, type: parsed.type, value: parsed.value };
  });
}

describe.each(SERVER_NAMES)('%s', (name) => {
  const support = SUPPORT[name];
  let server: Server;

  beforeAll(async () => {
    if (lacks(name) !== '') return;
    server = await startServer(name, { config: { rdbcompression: 'no' } });
    await pipelined(server.client, commands(new Random(SEED), server));
  }, LONG);
  afterAll(() => server?.stop());

  test.skipIf(lacks(name) !== '')(
    `writes the same bytes itself${lacks(name)}`,
    async () => {
      const compared = new Set<string>();
      for (const { key, type, value } of await dumpAll(server)) {
        const encoded = encodeValue(decodeValue(type, value), { support });
        const label = `seed ${SEED}, ${text(key)}, ${type.name} against ${encoded.type.name}`;
        // A server's own small values that no newer one writes so: ziplists, and listpacks with expiries.
        if (/ZIPLIST|QUICKLIST$|_EX$/.test(type.name)) continue;
        // A stream without consumers has the same bytes in a newer type.
        if (type.kind !== 'stream') expect(encoded.type.name, label).toBe(type.name);
        expect(encoded.value.equals(value), label).toBe(true);
        compared.add(type.name);
      }
      const packed = ['LIST_QUICKLIST_2', 'HASH_LISTPACK', 'ZSET_LISTPACK', 'SET_LISTPACK'];
      const expected = packed.filter((each) => {
        const type = redisTypes.find((one) => one?.name === each);
        return type !== undefined && takes(type, support);
      });
      expect([...compared]).toEqual(
        expect.arrayContaining(['STRING', 'SET_INTSET', 'SET', 'HASH', 'ZSET_2', ...expected]),
      );
      expect([...compared].some((each) => each.startsWith('STREAM'))).toBe(true);
    },
    LONG,
  );

  test.skipIf(lacks(name) !== '')(
    `takes them for its own, in the encodings that it chose itself${lacks(name)}`,
    async () => {
      const dumped = await dumpAll(server);
      const written = await snapshot(server);
      await withServer(name, {}, async (other) => {
        for (const target of [support, undefined]) {
          const restores = dumped.map(({ key, type, value }): Command => {
            const fieldsMayExpire = type.name === 'HASH_LISTPACK_EX';
            const encoded = encodeValue(decodeValue(type, value), { support: target, fieldsMayExpire });
            // Without a target, hashes with expiries are written for Redis.
            const taken = takes(encoded.type, support) ? encoded : { type, value };
            return ['RESTORE', key, 0, dumpPayload(taken.type, taken.value), 'REPLACE'];
          });
          await pipelined(other.client, restores);
          const found = compare(written, await snapshot(other), { ignoreAccess: true });
          expect(found, `seed ${SEED}, for ${JSON.stringify(target)}`).toEqual([]);
        }
      });
    },
    LONG,
  );
});

/** Values as people write them, in forms that depend on nothing but their content. */
function* commands(random: Random, { name, features }: Server): Generator<Command> {
  const numbers = [
    0, 1, 127, 128, -1, 4095, 4096, -4096, -4097, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648,
  ];
  const odd = ['', '-0', '007', '-2147483649', '9223372036854775807', '-9223372036854775808', '9223372036854775808'];
  const texts = [63, 64, 200, 4095, 4096, 5000].map((size) => random.text(size));
  const mixed = [...numbers, ...odd, ...texts];
  for (const [i, each] of mixed.entries()) yield ['SET', `string:${i}`, each];
  yield ['RPUSH', 'list:small', ...mixed.slice(0, 24)];
  for (let i = 0; i < 300; i++) yield ['RPUSH', 'list:long', random.pick([`${i}`, random.text(random.int(0, 200))])];
  yield ['SADD', 'set:int16', ...numbers.slice(0, 10)];
  yield ['SADD', 'set:int32', ...numbers.slice(0, 14)];
  yield ['SADD', 'set:int64', ...numbers, '-9223372036854775808'];
  yield ['SADD', 'set:small', ...odd];
  yield ['SADD', 'set:large', ...texts];
  const scores = [1.5, -1.5, 0, 5, -70_000, 2 ** 40, 'inf', '-inf', 0.25];
  yield [
    'ZADD',
    'zset:small',
    ...scores.flatMap((score, i) => [score, `member ${i % 4}${i}`]),
    5,
    'a',
    5,
    '12',
    5,
    '7',
  ];
  yield ['ZADD', 'zset:large', ...texts.flatMap((each, i) => [i + 0.1, each])];
  yield [
    'HSET',
    'hash:small',
    ...mixed.filter((each) => String(each).length < 64).flatMap((each) => [each, `v${each}`]),
  ];
  yield ['HSET', 'hash:large', ...texts.flatMap((each, i) => [i, each])];
  for (let i = 0; i < 250; i++) {
    const fields = random.pick([
      ['a', i, 'b', random.text(random.int(0, 120))],
      ['c', 'x', '12', i],
    ]);
    // Redis 6.0 ends a node only behind the entry that goes beyond its limit.
    yield ['XADD', 'stream', `${1000 + 3 * i}-${i % 5}`, ...(features.seven ? fields : ['a', i])];
  }
  // Nodes that the last entry or item just fits in, or just does not.
  for (let size = 4040; features.seven && size < 4096; size++) {
    for (const value of [random.text(size), ''])
      yield ['XADD', `stream:${size}`, value === '' ? '2-0' : '1-0', 'a', value];
  }
  for (let size = 8165; size < 8195; size++) {
    for (const fill of [8000, 8000, size]) yield ['RPUSH', `list:${size}`, random.text(fill)];
    yield ['RPUSH', `list:${size}`, 'x', 'y'];
  }
  yield ['XGROUP', 'CREATE', 'stream', '12', '1009-3'];
  yield ['XREADGROUP', 'GROUP', '12', 'me', 'COUNT', 3, 'STREAMS', 'stream', '>'];
  yield ['XREADGROUP', 'GROUP', '12', 'you', 'COUNT', 2, 'STREAMS', 'stream', '>'];
  yield ['XACK', 'stream', '12', '1012-4'];
  if (!features.fieldExpiry) return;
  yield ['HSET', 'hash:expiring', ...texts.flatMap((each, i) => [`f${i}`, each])];
  yield ['HPEXPIREAT', 'hash:expiring', 4_070_908_800_000, 'FIELDS', 2, 'f1', 'f3'];
  if (name !== 'redis-8.0') return;
  yield ['HSET', 'hash:expired no more', 'f', 'v'];
  yield ['HPEXPIREAT', 'hash:expired no more', 4_070_908_800_000, 'FIELDS', 1, 'f'];
  yield ['HPERSIST', 'hash:expired no more', 'FIELDS', 1, 'f'];
}
