// DUMP payloads: byte for byte, with the oldest version that a server takes.
import { describe, expect, test } from 'vitest';
import { parseDumpPayload } from '../../lib/rdb/parse-payload.ts';
import { dumpPayload, footerVersion } from '../../lib/rdb/payload.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../lib/rdb/types.ts';
import { length, moduleItem, values } from '../support/rdb-builders.ts';
import { crc64 } from '../support/rdb-file-builder.ts';
import { redisValues, sharedValues, valkeyValues } from '../support/samples.ts';
import { lacks } from '../support/server-binaries.ts';
import { withServer } from '../support/servers.ts';

const meta = Buffer.concat([Buffer.of(0xf3), length(1), Buffer.from('abcd'), moduleItem.string('m'), length(0)]);

describe('a payload', () => {
  test.each([...sharedValues, ...redisValues, ...valkeyValues])(
    'of %s is type, value, version and CRC64',
    (_, built) => {
      const payload = dumpPayload(built.type, built.value);
      const footer = payload.length - 10;
      expect(payload[0]).toBe(built.type.code);
      expect(payload.subarray(1, footer).equals(built.value)).toBe(true);
      expect(payload.readUInt16LE(footer)).toBe(built.type.since);
      expect(payload.readBigUInt64LE(footer + 2)).toBe(crc64(payload.subarray(0, footer + 2)));
    },
  );

  test('begins with the key’s metadata where it has such, and is then of a version that knows it', () => {
    const built = values.STRING('v');
    const payload = dumpPayload(built.type, built.value, meta);
    const footer = payload.length - 10;
    expect(payload.subarray(0, footer)).toEqual(Buffer.concat([meta, Buffer.of(0), built.value]));
    expect(payload.readUInt16LE(footer)).toBe(13);
    expect(payload.readBigUInt64LE(footer + 2)).toBe(crc64(payload.subarray(0, footer + 2)));
    expect(parseDumpPayload(payload, redisTypes)).toEqual({ ...built, version: 13, meta });
  });

  test('of a value of no bytes and of one of 300 KB', () => {
    for (const size of [0, 300_000]) {
      const value = Buffer.alloc(size, 7);
      const payload = dumpPayload(redisTypes[0] as ValueType, value);
      expect(payload.length).toBe(size + 11);
      expect(payload.readBigUInt64LE(size + 3)).toBe(crc64(payload.subarray(0, size + 3)));
    }
  });
});

describe('the version in the footer is the oldest that knows the type', () => {
  /** By rdb-format.md 1.1 and 1.10: payloads have a footer since Redis 2.6, whose RDB version is 6. */
  const redis: Record<number, readonly number[]> = {
    6: [0, 1, 2, 3, 4, 9, 10, 11, 12, 13],
    7: [14],
    8: [5, 7],
    9: [15],
    10: [16, 17, 18, 19],
    11: [20, 21],
    12: [22, 23, 24, 25],
    13: [26],
    14: [27, 28],
    15: [29, 30, 31, 32],
  };
  const valkey: Record<number, readonly number[]> = { 80: [22], 81: [23] };

  test('in Redis', () => {
    for (const type of redisTypes) if (type !== undefined) expect(redis[type.since], type.name).toContain(type.code);
    expect(redisTypes.filter((type) => type !== undefined).length).toBe(Object.values(redis).flat().length);
  });

  test('in Valkey', () => {
    for (const type of valkeyTypes) {
      if (type === undefined || redisTypes[type.code] === type) continue;
      expect(valkey[type.since], type.name).toContain(type.code);
    }
  });

  test('metadata raises it, and never lowers it', () => {
    for (const type of redisTypes) {
      if (type !== undefined) expect(footerVersion(type, true)).toBe(Math.max(13, type.since));
    }
  });

  const loadable = sharedValues.filter(
    ([name, { type }]) =>
      // Servers keep no empty containers, no NaN as a score, and no module's value without the module.
      type.since <= 10 && !/empty|module/.test(name) && name !== 'zset:text',
  );
  test.skipIf(lacks('redis-7.0') !== '')(
    `a server of Redis 7.0 takes each type that it knows${lacks('redis-7.0')}`,
    async () => {
      await withServer('redis-7.0', {}, async (redis) => {
        for (const [name, { type, value }] of loadable) {
          const reply = await redis.call('RESTORE', name, 0, dumpPayload(type, value)).catch((error) => error);
          expect(reply, name).toBe('OK');
        }
        expect(await redis.call('DBSIZE')).toBe(loadable.length);
        const later = values.SET_LISTPACK(['a']);
        const refused = redis.call('RESTORE', 'later', 0, dumpPayload(later.type, later.value));
        await expect(refused).rejects.toThrow('version or checksum');
      });
    },
  );
});
