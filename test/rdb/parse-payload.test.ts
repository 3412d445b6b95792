import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { parseDumpPayload } from '../../lib/rdb/parse-payload.ts';
import { dumpPayload } from '../../lib/rdb/payload.ts';
import { redisTypes, valkeyTypes } from '../../lib/rdb/types.ts';
import { length, moduleItem, values } from '../support/rdb-builders.ts';

describe('a DUMP payload', () => {
  test('is taken apart into what it was made of', () => {
    const { type, value } = values.HASH_LISTPACK([['f', 'v']]);
    const parsed = parseDumpPayload(dumpPayload(type, value), redisTypes);
    expect(parsed).toEqual({ type, value, version: 10, meta: undefined });
  });

  test('may open with the metadata of its key', () => {
    const { type, value } = values.STRING('x');
    const item = Buffer.concat([moduleItem.string('meta'), length(0)]);
    const meta = Buffer.concat([Buffer.of(0xf3), length(2), Buffer.from('cls1'), item, Buffer.from('cls2'), length(0)]);
    expect(parseDumpPayload(dumpPayload(type, value, meta), redisTypes)).toEqual({ type, value, version: 13, meta });
    for (let end = 0; end < meta.length; end++) {
      const cut = Buffer.concat([meta.subarray(0, end), Buffer.alloc(10)]);
      expect(() => parseDumpPayload(cut, redisTypes), `cut at ${end}`).toThrow(RdbError);
    }
  });

  test('has types that mean what its server means', () => {
    const { type, value } = values.HASH_2([['f', 'v', 5n]]);
    expect(parseDumpPayload(dumpPayload(type, value), valkeyTypes)?.type.name).toBe('HASH_2');
    expect(parseDumpPayload(dumpPayload(type, value), redisTypes)?.type.name).toBe('HASH_METADATA_PRE_GA');
  });

  test('of a type that is not known is not guessed at', () => {
    expect(parseDumpPayload(Buffer.alloc(20, 200), redisTypes)).toBeUndefined();
  });

  test('is refused when it is too short for its footer', () => {
    for (const bytes of [0, 1, 10, 11]) {
      expect(() => parseDumpPayload(Buffer.alloc(bytes), redisTypes)).toThrow(
        expect.objectContaining({ code: 'RDB_PAYLOAD' }),
      );
    }
  });
});
