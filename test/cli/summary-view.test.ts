import { expect, test } from 'vitest';
import { plainStyle } from '../../cli/style.ts';
import { renderSummary, type SummaryOptions } from '../../cli/summary-view.ts';
import { TargetError } from '../../lib/errors.ts';
import { failedKey, report } from './sample-report.ts';

const options: SummaryOptions = {
  style: plainStyle,
  rates: undefined,
  warned: true,
  reportPath: undefined,
  planPaths: ['dump.rdb.plan.json'],
};

test('a complete restore', () => {
  expect(renderSummary(report, { ...options, rates: { bytesPerSecond: 32.4e6, keysPerSecond: 462_963 } })).toBe(
    `Restored dump.rdb into redis://127.0.0.1:6379 (Redis 7.0.15) in 5.4 s.

  written  2,500,000  keys
  speed               463k keys/s, 32.4 MB/s

The plan stays for another restore of the file: dump.rdb.plan.json
`,
  );
});

test('a restore in part: what was not written is named, with its reason', () => {
  const failed = Array.from({ length: 12 }, (_, i) => ({ ...failedKey, key: Buffer.from(`user:${i}`) }));
  failed[1] = { db: 15, key: Buffer.from('\x1b[2J'), type: 'HASH_LISTPACK', reason: 'ERR \x1b[31mno' };
  const text = renderSummary(
    {
      ...report,
      outcome: 'partial',
      files: [...report.files, { name: '-', bytes: 94, keys: 100, rdb: 'valkey 80', reusedPlan: false }],
      keys: { written: 2_488_976, already: 1000, skipped: 12, expired: 100, filtered: 10_000, losses: {}, failed },
      functions: {
        written: 1,
        already: 2,
        skipped: 0,
        failed: [{ library: 'mylib', reason: 'ERR Function already exists' }],
      },
      tails: [{ file: 'dump.aof', bytes: 12_300_000, kind: 'aof', ignored: false }],
      warnings: ['Memory is close.'],
    },
    options,
  );
  expect(text).toBe(
    `Restored in part: 2 files into redis://127.0.0.1:6379 (Redis 7.0.15) in 5.4 s.

  written        2,488,976  keys
  already there      1,000  an earlier run of this job had written them
  skipped               12  existed on the target, were left as they are
  expired              100  their time had passed
  filtered          10,000  left out by --only-db, --match or --type
  refused               12  by the target: named below
  functions                 1 library written, 2 already there, 1 refused
  warnings               1  shown above

Refused keys (the first 10; all of them with --report FILE):
  db 0   "user:0"   STRING         ERR Bad data format
  db 15  "\\x1b[2J"  HASH_LISTPACK  ERR \\x1b[31mno
${[2, 3, 4, 5, 6, 7, 8, 9].map((i) => `  db 0   "user:${i}"   STRING         ERR Bad data format\n`).join('')}Refused library mylib: ERR Function already exists

dump.aof: 12.3 MB of append-only commands follow the RDB and were not applied.
For a whole RDB, load the file into a redis-server of its own and SAVE there; --ignore-tail accepts it as it is.
`,
  );
});

test('with a report, the screen says where the other refused keys are', () => {
  const failed = Array.from({ length: 11 }, () => failedKey);
  const text = renderSummary(
    { ...report, outcome: 'partial', keys: { ...report.keys, failed } },
    { ...options, reportPath: 'report.json' },
  );
  expect(text).toContain('Refused keys (the first 10; all of them in report.json):');
});

test('a job that stopped says what is missing, and nothing of a plan', () => {
  const stopped = {
    ...report,
    outcome: 'stopped',
    error: new TargetError('TARGET_FULL', 'full.'),
    keys: { ...report.keys, written: 1_000_000 },
  } as const;
  const text = `Stopped after 5.4 s: dump.rdb into redis://127.0.0.1:6379 (Redis 7.0.15).

  written   1,000,000  keys
  not done  1,500,000  or not confirmed when it stopped
`;
  expect(renderSummary(stopped, options)).toBe(text);
  expect(renderSummary({ ...stopped, outcome: 'interrupted' }, options)).toBe(text.replace('Stopped', 'Interrupted'));
});

test('a dry run never claims to have written', () => {
  const keys = { ...report.keys, written: 0 };
  expect(renderSummary({ ...report, dryRun: true, keys }, options)).toBe(
    `Dry run: dump.rdb could go into redis://127.0.0.1:6379 (Redis 7.0.15). Nothing was written.

  in the file  2,500,000  keys, 175 MB
`,
  );
});

test('warnings that nobody has seen yet are listed', () => {
  const text = renderSummary({ ...report, warnings: ['Memory is close.'] }, { ...options, warned: false });
  expect(text).toContain('\nwarning: Memory is close.\n');
  expect(text).not.toContain('shown above');
});
