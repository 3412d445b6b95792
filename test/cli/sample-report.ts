// A report of a restore, for tests of what is made of it.
import type { RestoreReport } from '../../lib/jobs/report.ts';
import type { FailedKey } from '../../lib/targets/redis/tally.ts';

export const failedKey: FailedKey = {
  db: 0,
  key: Buffer.from('user:1'),
  type: 'STRING',
  reason: 'ERR Bad data format',
};

/** Complete: 2,500,000 keys, all written. */
export const report: RestoreReport = {
  outcome: 'complete',
  error: undefined,
  files: [{ name: 'dump.rdb', bytes: 175_237_560, keys: 2_500_000, rdb: 'redis 10', reusedPlan: false }],
  target: 'redis://127.0.0.1:6379',
  server: 'Redis 7.0.15',
  policy: 'panic',
  dryRun: false,
  resumed: false,
  keys: { written: 2_500_000, already: 0, skipped: 0, expired: 0, filtered: 0, losses: {}, failed: [] },
  functions: { written: 0, already: 0, skipped: 0, failed: [] },
  tails: [],
  warnings: [],
  seconds: 5.4,
};
