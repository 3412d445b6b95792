// Sources of backups: what a schedule is, how far apart its times are, and what is said of one that cannot be.
import { expect, test } from 'vitest';
import { longestGap } from '../../lib/config/index.ts';
import { accepted, mistakes, SECRET, warnings } from './support.ts';

const HOUR = 3_600_000;
const source = (lines: string): string => `[sources.cache]\nendpoint = "rediss://cache.example.com"\n${lines}`;

test.each([
  ['rate(1 minute)', HOUR / 60],
  ['rate(12 hours)', 12 * HOUR],
  ['cron(30 3 * * ? *)', 24 * HOUR],
  ['cron(0 0/6 * * ? *)', 6 * HOUR],
  ['cron(0,30 8-10 * * ? *)', 21.5 * HOUR],
  ['cron(0 3 ? * MON-FRI *)', 3 * 24 * HOUR],
  ['cron(0 3 1 * ? *)', 31 * 24 * HOUR],
  ['cron(0 3 L * ? *)', 31 * 24 * HOUR],
  ['cron(0 3 ? * 6#1 *)', 35 * 24 * HOUR],
  ['cron(0 3 ? * 6L *)', 35 * 24 * HOUR],
])('%s: the longest time between two', (schedule, gap) => {
  expect(longestGap(schedule)).toBe(gap);
});

test.each([
  ...['daily', 'rate(0 hours)', 'rate(1 week)', 'cron(30 3 * * *)', 'cron(30 3 * * * *)', 'cron(30 3 ? * ? *)'],
  ...['cron(60 3 * * ? *)', 'cron(0 24 * * ? *)', 'cron(0 3 * FOO ? *)', 'cron(0 3 1 1 ? 2026)', 'cron(0 3 30 2 ? *)'],
])('%s is refused', (schedule) => {
  expect(mistakes(source(`schedule = "${schedule}"`))[0]).toMatch(
    /^3:12: sources\.cache\.schedule: this is no schedule\. Write rate\(12 hours\), or cron\(/,
  );
});

test('a source has what it needs, with its defaults', () => {
  const { sources } = accepted(source('schedule = "rate(1 day)"\nflexible-window = "15m"\nkeep-daily = 7'));
  expect(sources.cache).toMatchObject({
    ...{ schedule: 'rate(1 day)', timeZone: 'UTC', flexibleWindow: 900_000, via: 'auto', prefer: 'master' },
    ...{ pack: 'none', keepDaily: 7, sizeChange: 50 },
  });
});

test.each([
  [
    'time-zone = "Europe/Bonn"',
    '3:13: sources.cache.time-zone: there is no such time zone. For example: Europe/Berlin, UTC',
  ],
  [
    'flexible-window = "15m"',
    '3:19: sources.cache.flexible-window: there is no schedule that it could be of. Add one, or remove it',
  ],
  ['via = "rdb"', '3:7: sources.cache.via: one of "auto", "psync", "sync", "scan" belongs here'],
  [
    'psync-name = "10.0.0.7@xpsync"',
    '3:14: sources.cache.psync-name: this is not the name of a renamed PSYNC. Write HOST:PORT@NAME, with commas for several nodes, or one NAME for all',
  ],
  ['keep-daily = -1', '3:14: sources.cache.keep-daily: a whole number from 0 to 10000 belongs here'],
  ['keep-dayly = 1', '3:1: sources.cache.keep-dayly: there is no such key. Did you mean keep-daily?'],
])('%s', (line, said) => {
  expect(mistakes(source(line))).toEqual([said]);
});

test('what a target is told of its server, a source is told too', () => {
  const iam = `secret = "${SECRET}"\n[sources.cache.iam]\nuser = "keyferry"\ncache = "orders"`;
  expect(mistakes(source(iam))).toEqual([
    '3:10: sources.cache.secret: iam logs in without a password. Remove secret, or iam',
  ]);
  expect(warnings('[sources.cache]\nendpoint = "redis://10.0.0.7/3"').join('\n')).toMatch(
    /reached from inside its VPC only[\s\S]*a backup holds all databases/,
  );
});
