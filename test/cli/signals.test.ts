import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { stopOnSignals } from '../../cli/signals.ts';

function pressed() {
  const source = new EventEmitter();
  const happened: string[] = [];
  const clock = { ms: 1000 };
  const stop = stopOnSignals({
    process: source,
    onFirst: () => happened.push('first'),
    onSecond: () => happened.push('second'),
    exit: (code) => happened.push(`exit ${code}`),
    now: () => clock.ms,
  });
  return { source, happened, stop, clock };
}

test('the first signal asks the job to stop, the second ends the process', () => {
  const { source, happened, stop, clock } = pressed();
  expect(stop.signal.aborted).toBe(false);
  source.emit('SIGINT');
  expect(stop.signal.aborted).toBe(true);
  expect(happened).toEqual(['first']);
  clock.ms += 300;
  source.emit('SIGTERM');
  expect(happened).toEqual(['first', 'second', 'exit 130']);
});

test('released signals have their usual effect again, and SIGHUP is never taken, for nohup', () => {
  const { source, stop } = pressed();
  expect(source.eventNames()).toEqual(['SIGINT', 'SIGTERM']);
  stop.release();
  expect(source.eventNames()).toEqual([]);
});

test('one Ctrl-C that npx passes on once more is still the first', () => {
  const { source, happened, clock } = pressed();
  source.emit('SIGINT');
  clock.ms += 20;
  source.emit('SIGINT');
  expect(happened).toEqual(['first']);
});
