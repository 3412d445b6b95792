// The huge hashes of the memory tests are what a server takes for one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { hugeHashFields, writeHugeHash } from './huge-hash.ts';
import { lacks, startServer } from './servers.ts';

const SEED = 11;
const EXPIRY = Date.UTC(2099, 0, 1);

test.skipIf(lacks('redis-7.0') !== '').each([
  { fields: 20_000, valueBytes: 1000 },
  { fields: 7, valueBytes: 5_000_000 },
])(
  `$fields fields of $valueBytes bytes load as they were made, and do not compress${lacks('redis-7.0')}`,
  async (size) => {
    const hash = { ...size, seed: SEED, expireAt: EXPIRY };
    const rdb = join(temporaryFolder(), 'huge.rdb');
    const bytes = writeHugeHash(rdb, hash);
    await using server = await startServer('redis-7.0', { rdb });
    expect(await server.call('HLEN', 'huge')).toBe(size.fields);
    expect(await server.call('PEXPIRETIME', 'huge')).toBe(EXPIRY);
    let index = 0;
    for (const [field, value] of hugeHashFields(hash)) {
      // the first, the last, and some between
      if (index++ % 997 !== 0 && index !== size.fields) continue;
      expect(value.equals((await server.callBuffer('HGET', 'huge', field)) as Buffer)).toBe(true);
    }
    await server.call('SAVE');
    // AUX fields are what the server's own file has more
    expect(readFileSync(join(server.dir, 'dump.rdb')).length - bytes).toBeLessThan(200);
  },
);
