import { describe, expect, test } from 'vitest';
import {
  parseCount,
  parseDbMap,
  parseDbs,
  parseDuration,
  parseKinds,
  parsePolicy,
  parseRate,
  parseSize,
  parseSizeWithin,
  parseWait,
} from '../../cli/parse.ts';
import { UsageError } from '../../lib/errors.ts';

/** The error as the user reads it. */
function told(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof UsageError) return error.describe();
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('sizes', () => {
  test.each([
    ['4096', 4096],
    ['0', 0],
    ['8MiB', 8 * 1024 * 1024],
    ['8m', 8 * 1024 * 1024],
    ['64kB', 64_000],
    ['64 KB', 64_000],
    ['64K', 65_536],
    ['1.5GB', 1_500_000_000],
    ['2GiB', 2 ** 31],
    ['1t', 2 ** 40],
    ['512b', 512],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text, '--chunk-bytes')).toBe(bytes);
  });

  test.each(['', 'MB', '8 apples', '-1', '1e3', '8MiB8', '0x10', '99999999999999999999', '1..5MB'])(
    '%j is refused',
    (text) => {
      expect(told(() => parseSize(text, '--chunk-bytes'))).toContain(
        `OPTION_INVALID at --chunk-bytes: ${JSON.stringify(text)}`,
      );
    },
  );

  test('a size out of range names the range', () => {
    expect(told(() => parseSizeWithin('10', '--chunk-bytes', 1024, 2048))).toContain(
      '1,024 to 2,048 bytes are possible',
    );
    expect(parseSizeWithin('1K', '--chunk-bytes', 1024, 2048)).toBe(1024);
  });
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['+7d', 604_800_000],
    ['-1h', -3_600_000],
    ['-1.5h', -5_400_000],
    ['2D', 172_800_000],
    ['1m', 60_000],
    ['1ms', 1],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text, '--ttl-shift')).toBe(ms);
  });

  test('minus nothing is nothing, and no negative zero', () => {
    expect(Object.is(parseDuration('-0s', '--ttl-shift'), 0)).toBe(true);
  });

  test('a number without a unit is refused rather than guessed at', () => {
    expect(told(() => parseDuration('3600', '--ttl-shift'))).toBe(
      'OPTION_INVALID at --ttl-shift: "3600" has no unit.\n' +
        'Write a number and a unit, ms, s, m, h or d: 500ms, 90s, 1h30m, 7d',
    );
  });

  test.each(['', 'h', '1w', '1h30', '--1h', '1.h', '1h-30m'])('%j is refused', (text) => {
    expect(told(() => parseDuration(text, '--ttl-shift'))).toContain('is not a duration');
  });

  test('a wait can neither be negative nor longer than a timer holds', () => {
    expect(parseWait('0', '--retry-for', 0)).toBe(0);
    expect(told(() => parseWait('-1s', '--retry-for', 0))).toContain('is negative');
    expect(told(() => parseWait('0s', '--reply-timeout', 1))).toContain('is too short');
    expect(told(() => parseWait('25d', '--retry-for', 0))).toContain('24d is the most');
  });
});

describe('rates', () => {
  test.each([
    ['50MB/s', { bytesPerSecond: 50e6 }],
    ['1MiB/s', { bytesPerSecond: 2 ** 20 }],
    ['20000keys/s', { keysPerSecond: 20_000 }],
    ['20000 keys / s', { keysPerSecond: 20_000 }],
    ['1key/s', { keysPerSecond: 1 }],
    ['50MB/s,20000keys/s', { bytesPerSecond: 50e6, keysPerSecond: 20_000 }],
    ['20000keys/s, 50MB/s', { bytesPerSecond: 50e6, keysPerSecond: 20_000 }],
  ])('%s', (text, rate) => {
    expect(parseRate(text, '--rate')).toEqual(rate);
  });

  test.each([...['50MB', '20000/s', '50MB/s,60MB/s', '1keys/s,2keys/s', '0keys/s', '0MB/s', 'fast/s', '50MB/s,']])(
    '%s is refused',
    (text) => {
      expect(told(() => parseRate(text, '--rate'))).toContain('is not a rate above zero');
    },
  );
});

describe('numbers and lists', () => {
  test('counts', () => {
    expect(parseCount('4', '--concurrency', 1, 256)).toBe(4);
    for (const text of ['0', '257', '-1', '1.5', 'many', '']) {
      expect(told(() => parseCount(text, '--concurrency', 1, 256))).toContain('is not a number from 1 to 256');
    }
  });

  test('databases, also when the option is repeated', () => {
    expect(parseDbs('0, 1', '--only-db')).toEqual([0, 1]);
    expect(parseDbs('1,5', '--only-db', [0, 1])).toEqual([0, 1, 5]);
    for (const text of ['', '0,', 'all', '-1']) {
      expect(told(() => parseDbs(text, '--only-db'))).toContain('is not a list of databases');
    }
  });

  test('a map of databases', () => {
    expect([...parseDbMap('1:0,9:2', '--db-map')]).toEqual([
      [1, 0],
      [9, 2],
    ]);
    expect([...parseDbMap('3:4', '--db-map', new Map([[1, 0]]))]).toEqual([
      [1, 0],
      [3, 4],
    ]);
    expect(told(() => parseDbMap('1:0,1:2', '--db-map'))).toContain('sends database 1 to two places');
    for (const text of ['1', '1:', ':0', '1:0;2:0', 'a:b']) {
      expect(told(() => parseDbMap(text, '--db-map'))).toContain('which database goes where');
    }
  });

  test('kinds of values', () => {
    expect(parseKinds('string,Hash', '--type')).toEqual(['string', 'hash']);
    expect(parseKinds('zset,hash', '--type', ['hash'])).toEqual(['hash', 'zset']);
    expect(told(() => parseKinds('strings', '--type'))).toContain(
      'The types are string, list, set, zset, hash, stream, module, array.',
    );
  });

  test("policies, and RedisShake's words for them", () => {
    expect(['panic', 'rewrite', 'skip', 'ignore', 'none'].map((text) => parsePolicy(text, '--on-conflict'))).toEqual([
      'panic',
      'rewrite',
      'skip',
      'skip',
      'panic',
    ]);
    expect(told(() => parsePolicy('overwrite', '--on-conflict'))).toContain('panic (stop at the first)');
    expect(told(() => parsePolicy('constructor', '--on-conflict'))).toContain('OPTION_INVALID');
  });
});
