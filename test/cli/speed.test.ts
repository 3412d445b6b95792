import { expect, test } from 'vitest';
import { Speed } from '../../cli/speed.ts';
import { WatchedProgress } from '../../cli/watched-progress.ts';

test('a rate is that of the last five seconds', () => {
  const speed = new Speed();
  for (let s = 0; s <= 10; s++) speed.sample(s * 1000, s * 1e6, s * 10);
  // Then it slows down to a tenth.
  for (let s = 1; s <= 5; s++) speed.sample(10_000 + s * 1000, 10e6 + s * 1e5, 100 + s);
  expect(speed.rates).toEqual({ bytesPerSecond: 1e5, keysPerSecond: 1 });
});

test('nothing is told of the first moment', () => {
  const speed = new Speed();
  expect(speed.rates).toBeUndefined();
  speed.sample(0, 0, 0);
  speed.sample(100, 8e6, 1);
  expect(speed.rates).toBeUndefined();
  speed.sample(1000, 8e6, 1);
  expect(speed.rates).toEqual({ bytesPerSecond: 8e6, keysPerSecond: 1 });
  speed.reset();
  expect(speed.rates).toBeUndefined();
});

test('memory stays small however often it is asked', () => {
  const speed = new Speed();
  for (let i = 0; i < 100_000; i++) speed.sample(i, i, i);
  expect(speed.rates).toEqual({ bytesPerSecond: 1000, keysPerSecond: 1000 });
});

test('progress tells what a phase came to when the next begins', () => {
  let now = 0;
  const progress = new WatchedProgress(() => now);
  const ended: unknown[] = [];
  progress.onPhase = (phase) => ended.push(phase);
  progress.begin('planning', { file: 'dump.rdb', bytes: 100 });
  now = 2000;
  progress.bytes = 100;
  progress.keys = 7;
  progress.begin('writing', { bytes: 90, keys: 7 });
  expect(ended.at(-1)).toEqual({ phase: 'planning', file: 'dump.rdb', bytes: 100, keys: 7, seconds: 2 });
  expect([progress.bytes, progress.keys, progress.bytesTotal, progress.writes]).toEqual([0, 0, 90, 1]);
});
