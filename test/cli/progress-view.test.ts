import { describe, expect, test } from 'vitest';
import { columnsOf } from '../../cli/format.ts';
import { endedLine, liveLine, logLine, type ProgressView, progressJson } from '../../cli/progress-view.ts';
import { colourStyle, plainStyle } from '../../cli/style.ts';

const writing: ProgressView = {
  phase: 'writing',
  file: '',
  bytes: 110_400_000,
  bytesTotal: 175_237_560,
  keys: 1_575_000,
  keysTotal: 2_500_000,
  failed: 0,
  rates: { bytesPerSecond: 32_400_000, keysPerSecond: 462_345 },
  stopping: false,
};
const unicode = { style: plainStyle, unicode: true };
const ascii = { style: plainStyle, unicode: false };

describe('the live line', () => {
  test('fills a wide terminal', () => {
    expect(liveLine(writing, 130, unicode)).toBe(
      'writing  ━━━━━━━━━━━━━━━━━━────────────   63%  110 of 175 MB  1,575,000 of 2,500,000 keys   462k keys/s  32.4 MB/s  0:03 left',
    );
  });

  test('gives way field by field on a narrower one', () => {
    expect(liveLine(writing, 80, unicode)).toBe(
      'writing  ━━━━━━─────   63%  110 of 175 MB   462k keys/s  32.4 MB/s  0:03 left',
    );
    expect(liveLine(writing, 46, unicode)).toBe('writing   63%  110 of 175 MB  0:03 left');
    expect(liveLine(writing, 30, unicode)).toBe('writing   63%  0:03 left');
    expect(liveLine(writing, 16, unicode)).toBe('writing   63%');
    expect(liveLine(writing, 8, unicode)).toBe('wr…ng');
  });

  test('never comes so near the edge that a ^C echoed behind it wraps', () => {
    const views: ProgressView[] = [
      writing,
      { ...writing, failed: 12_345 },
      { ...writing, stopping: true },
      { ...writing, rates: undefined },
      { ...writing, phase: 'planning', file: '漢字-a-very-long-name-of-a-file.rdb', keysTotal: undefined },
      { ...writing, phase: 'unpacking', file: 'dump.rdb.gz', bytesTotal: undefined },
      { ...writing, phase: 'checking' },
    ];
    for (const view of views) {
      for (let columns = 4; columns < 200; columns++) {
        const line = liveLine(view, columns, unicode);
        expect(columnsOf(line), `${columns}: ${line}`).toBeLessThanOrEqual(columns - 3);
      }
    }
  });

  test('keeps its width while numbers grow, so that nothing jumps', () => {
    const early = { ...writing, bytes: 1_200_000, keys: 900, rates: { bytesPerSecond: 9_000_000, keysPerSecond: 950 } };
    const late = {
      ...early,
      bytes: 170_000_000,
      keys: 2_400_000,
      rates: { bytesPerSecond: 99e6, keysPerSecond: 999_000 },
    };
    expect(columnsOf(liveLine(early, 100, unicode))).toBe(columnsOf(liveLine(late, 100, unicode)));
  });

  test('names refused keys before it names rates', () => {
    expect(liveLine({ ...writing, failed: 3 }, 46, unicode)).toBe('writing   63%  3 refused  0:03 left');
  });

  test('keeps to ASCII where the locale does', () => {
    const line = liveLine(writing, 80, ascii);
    expect(line).toBe('writing  [#####....]   63%  110 of 175 MB   462k keys/s  32.4 MB/s  0:03 left');
    // A full bar stays within its brackets.
    expect(liveLine({ ...writing, bytes: 175_237_560 }, 80, ascii)).toContain('[#########]');
  });

  test('shows what is known while there are no totals and no rates yet', () => {
    const unpacking: ProgressView = {
      ...writing,
      phase: 'unpacking',
      file: 'dump.rdb.gz',
      bytesTotal: undefined,
      keysTotal: undefined,
    };
    expect(liveLine({ ...unpacking, rates: undefined }, 80, unicode)).toBe('unpacking  110 MB  dump.rdb.gz');
    expect(liveLine(unpacking, 80, unicode)).toBe('unpacking  110 MB  32.4 MB/s  dump.rdb.gz');
    expect(liveLine({ ...writing, phase: 'checking' }, 80, unicode)).toBe('checking the target');
  });

  test('promises no time while nothing moves', () => {
    const still = { ...writing, rates: { bytesPerSecond: 0, keysPerSecond: 0 } };
    expect(liveLine(still, 100, unicode)).not.toContain('left');
  });

  test('says that it is stopping', () => {
    expect(liveLine({ ...writing, stopping: true }, 30, unicode)).toMatch(/^stopping/);
  });

  test('a file name cannot steer the terminal', () => {
    const line = liveLine({ ...writing, phase: 'planning', file: 'a\x1b[2Jb' }, 120, unicode);
    expect(line).not.toContain('\x1b');
  });

  test('colour adds no width', () => {
    const plain = liveLine({ ...writing, failed: 3 }, 120, unicode);
    const coloured = liveLine({ ...writing, failed: 3 }, 120, { style: colourStyle, unicode: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is taken out
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(plain);
    expect(coloured).not.toBe(plain);
  });
});

describe('the line for a log', () => {
  test('has everything', () => {
    expect(logLine({ ...writing, failed: 3 })).toBe(
      'writing: 63%, 110 MB of 175 MB, 1,575,000 of 2,500,000 keys, 462k keys/s, 32.4 MB/s, 2.0 s left, 3 refused',
    );
    expect(logLine({ ...writing, phase: 'planning', file: 'dump.rdb', keysTotal: undefined })).toBe(
      'planning dump.rdb: 63%, 110 MB of 175 MB, 1,575,000 keys, 462k keys/s, 32.4 MB/s, 2.0 s left',
    );
  });

  test('begins a phase with what lies ahead', () => {
    const fresh = { ...writing, bytes: 0, keys: 0, rates: undefined };
    expect(logLine(fresh)).toBe('writing: 175 MB');
    expect(logLine({ ...fresh, phase: 'unpacking', file: 'x.gz', bytesTotal: undefined })).toBe('unpacking x.gz');
    expect(logLine({ ...fresh, phase: 'checking' })).toBe('checking the target');
  });
});

test('what stays of a phase that has ended', () => {
  const planned = { phase: 'planning', file: 'dump.rdb', bytes: 175_237_560, keys: 2_500_000, seconds: 0.8 } as const;
  expect(endedLine(planned)).toBe('planned dump.rdb: 2,500,000 keys, 175 MB in 0.8 s (219 MB/s)');
  expect(endedLine({ ...planned, bytes: 94, keys: 1, seconds: 0.001 })).toBe('planned dump.rdb: 1 key, 94 B in 0.0 s');
  expect(endedLine({ ...planned, phase: 'unpacking' })).toBe('unpacked dump.rdb: 175 MB in 0.8 s (219 MB/s)');
  expect(endedLine({ ...planned, phase: 'checking' })).toBeUndefined();
});

test('progress for machines has the same fields in every phase', () => {
  const full = progressJson(writing);
  const empty = progressJson({
    ...writing,
    phase: 'starting',
    bytesTotal: undefined,
    keysTotal: undefined,
    rates: undefined,
  });
  expect(Object.keys(empty)).toEqual(Object.keys(full));
  expect(full).toEqual({
    type: 'progress',
    phase: 'writing',
    file: null,
    bytes: 110_400_000,
    bytesTotal: 175_237_560,
    keys: 1_575_000,
    keysTotal: 2_500_000,
    failed: 0,
    bytesPerSecond: 32_400_000,
    keysPerSecond: 462_345,
    secondsLeft: 2,
    stopping: false,
  });
});
