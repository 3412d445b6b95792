// A value larger than memory may be is measured in little: from the heads of its elements.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { writeHugeHash } from '../support/huge-hash.ts';
import { runs } from '../support/random.ts';

const FIELDS = runs(3000, 30_000);
const VALUE_BYTES = 100_000;
const MOST_RSS = 200 * 2 ** 20;

test('a hash of hundreds of MB takes no more than 200 MB', { timeout: 300_000 }, () => {
  const path = join(temporaryFolder(), 'huge.rdb');
  writeHugeHash(path, { fields: FIELDS, valueBytes: VALUE_BYTES, seed: 3 });
  const script = `
    import { inspect } from ${JSON.stringify(join(import.meta.dirname, '../../lib/jobs/inspect.ts'))};
    const { report, error } = await inspect({ files: [${JSON.stringify(path)}] });
    const { elements, memory } = report.totals;
    console.log(JSON.stringify({ elements, memory, error, rss: process.resourceUsage().maxRSS * 1024 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const found = JSON.parse(stdout || `{"error":${JSON.stringify(stderr)}}`) as Record<string, number>;
  expect(found).toMatchObject({ elements: FIELDS });
  expect(found.error).toBeUndefined();
  expect(found.rss).toBeLessThan(MOST_RSS);
  // jemalloc's class of 100,006 bytes is 114,688.
  expect(found.memory).toBeGreaterThan(FIELDS * 114_688);
  expect(found.memory).toBeLessThan(FIELDS * 114_800 + 10_000_000);
});
