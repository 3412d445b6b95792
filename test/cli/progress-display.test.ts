import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DisplayMode, ProgressDisplay } from '../../cli/progress-display.ts';
import { plainStyle } from '../../cli/style.ts';
import { WatchedProgress } from '../../cli/watched-progress.ts';
import { FakeOutput } from './fake-io.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function display(mode: DisplayMode) {
  const stream = new FakeOutput({ isTTY: mode === 'live', columns: 60 });
  const progress = new WatchedProgress();
  const warnings: string[] = [];
  const shown = new ProgressDisplay({
    progress,
    stream,
    mode,
    look: { style: plainStyle, unicode: false },
    warnings: () => warnings,
  });
  shown.start();
  return { stream, progress, warnings, shown };
}

const ERASE = '\x1b[K';

/** What a terminal shows in the end: its lines after carriage returns and erasures. */
function screen(text: string): string[] {
  return text.split('\n').map((line) => {
    let row = '';
    for (const part of line.split('\r').filter((each) => each !== '')) {
      const drawn = part.replaceAll(ERASE, '');
      row = part.endsWith(ERASE) ? drawn : drawn + row.slice(drawn.length);
    }
    return row;
  });
}

/** Writes 1 MB and 1,000 keys a second. */
function write(progress: WatchedProgress, seconds: number): void {
  for (let tenth = 0; tenth < seconds * 10; tenth++) {
    progress.bytes += 100_000;
    progress.keys += 100;
    vi.advanceTimersByTime(100);
  }
}

test('live: one line, drawn over itself, and gone in the end', () => {
  const { stream, progress, warnings, shown } = display('live');
  progress.begin('planning', { file: 'dump.rdb', bytes: 10_000_000 });
  write(progress, 1);
  expect(screen(stream.text)).toEqual([expect.stringMatching(/^planning {3}10% {3}1\.0 of 10\.0 MB .* left$/)]);
  warnings.push('Memory is close.');
  progress.begin('writing', { bytes: 10_000_000, keys: 10_000 });
  write(progress, 5);
  expect(screen(stream.text)).toEqual([
    'planned dump.rdb: 1,000 keys, 1.00 MB in 1.0 s (1.00 MB/s)',
    'warning: Memory is close.',
    expect.stringMatching(/^writing {3}50% {3}5\.0 of 10\.0 MB {2}1\.00k keys\/s {2}0:0[56] left$/),
  ]);
  shown.stopping('Stopping.');
  shown.stop();
  expect(screen(stream.text).slice(2)).toEqual(['Stopping.', '']);
});

test('live: nothing is written while nothing changes', () => {
  const { stream, progress, shown } = display('live');
  progress.begin('checking');
  vi.advanceTimersByTime(1000);
  const before = stream.text.length;
  vi.advanceTimersByTime(10_000);
  expect(stream.text.length).toBe(before);
  shown.stop();
});

test('a log gets a line as a phase begins and every five seconds', () => {
  const { stream, progress, warnings, shown } = display('lines');
  progress.begin('writing', { bytes: 100_000_000, keys: 100_000 });
  write(progress, 11);
  warnings.push('The target was restarted.');
  write(progress, 1);
  shown.stop();
  expect(stream.text).toBe(
    'writing: 100 MB\n' +
      'writing: 5%, 5.00 MB of 100 MB, 5,000 of 100,000 keys, 1.00k keys/s, 1.00 MB/s, 1 min 35 s left\n' +
      'writing: 10%, 10.0 MB of 100 MB, 10,000 of 100,000 keys, 1.00k keys/s, 1.00 MB/s, 1 min 30 s left\n' +
      'warning: The target was restarted.\n',
  );
});

test('machines get nothing but JSON', () => {
  const { stream, progress, warnings, shown } = display('json');
  progress.begin('planning', { file: 'dump.rdb', bytes: 10 });
  warnings.push('Memory is close.');
  progress.begin('writing', { bytes: 100_000_000, keys: 100_000 });
  write(progress, 6);
  shown.stopping('Stopping.');
  write(progress, 6);
  shown.stop();
  const lines = stream.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ type, phase, keys, stopping }) => [type, phase, keys, stopping])).toEqual([
    ['progress', 'planning', 0, false],
    ['warning', undefined, undefined, undefined],
    ['progress', 'writing', 0, false],
    ['progress', 'writing', 5000, false],
    ['progress', 'writing', 10_000, true],
  ]);
});

test('quiet is quiet', () => {
  const { stream, progress, warnings, shown } = display('none');
  warnings.push('Memory is close.');
  progress.begin('writing', { bytes: 100 });
  write(progress, 10);
  shown.stopping('Stopping.');
  shown.stop();
  expect(stream.text).toBe('');
});

test('a warning of the last moment is still shown', () => {
  const { stream, warnings, shown } = display('lines');
  warnings.push('One \x1b[2J more.');
  shown.stop();
  expect(stream.text).toBe('warning: One \\x1b[2J more.\n');
});
