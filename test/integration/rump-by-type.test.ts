// Values that are read by the commands of their type, because DUMP is refused or they are too large for it.
import { expect, test } from 'vitest';
import { rump } from '../../lib/jobs/rump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { configFor, fill } from '../support/dataset.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { lacks, SERVER_NAMES, startServer } from '../support/servers.ts';

const SEED = 20_261_123;

for (const name of SERVER_NAMES) {
  test.skipIf(lacks(name) !== '')(`${name}: every value read by its type is the value${lacks(name)}`, async () => {
    using work = new WorkFolder();
    await using from = await startServer(name, { config: configFor(name, {}) });
    await using to = await startServer(name, { config: configFor(name, {}) });
    await fill(from, { seed: SEED, scale: 0.3 });
    await from.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    const report = await rump({
      source: parseRedisUrl(from.url),
      target: parseRedisUrl(to.url),
      workDir: work.path,
      dumpBytes: 1,
    });
    expect(report.error?.describe()).toBeUndefined();
    // Of what a module holds there is nothing but DUMP.
    const modules = report.keys.failed.filter(({ reason }) => /no command reads/.test(reason));
    expect(report.keys.failed.filter((each) => !modules.includes(each))).toEqual([]);
    expect(modules.length > 0).toBe(from.features.vectors);
    for (const { db, key } of modules) {
      const client = from.connect({ db });
      await client.del(key);
      client.disconnect();
    }
    const [theirs, ours] = await Promise.all([snapshot(from), snapshot(to)]);
    const options = { ignoreAccess: true, ignoreRadix: true, limit: 1000 };
    const found = compare(theirs, { ...ours, exactExpiry: from.features.seven }, options);
    expect(
      found.filter((difference) => !isBenign(difference)),
      `seed ${SEED}`,
    ).toEqual([]);
  });
}

/** What the commands of a type do not tell: how a value came to be as it is packed, and deliveries' times to the ms. */
function isBenign(difference: string): boolean {
  if (/: encoding (raw|listpackex|hashtable) ≠ (embstr|listpack)$/.test(difference)) return true;
  const [, one, other] = /pending\[\d+\]\[2\]: (\d+) ≠ (\d+)$/.exec(difference) ?? [];
  return one !== undefined && Math.abs(Number(one) - Number(other)) < 1000;
}
