import { describe, expect, test } from 'vitest';
import { EXIT, EXIT_MEANINGS, exitCodeOfError, exitCodeOfReport } from '../../cli/exit-codes.ts';
import {
  ConnectionError,
  InputError,
  InterruptedError,
  KeyferryError,
  LocalError,
  RdbError,
  TargetError,
  UsageError,
} from '../../lib/errors.ts';

describe('errors', () => {
  test.each([
    [new UsageError('X', 'x'), 1],
    [new LocalError('X', 'x'), 1],
    [new KeyferryError('X', 'x'), 1],
    [new InputError('X', 'x'), 2],
    [new RdbError('X', 'x', { offset: 0 }), 2],
    [new TargetError('X', 'x'), 3],
    [new ConnectionError('X', 'x'), 3],
    [new InterruptedError('X', 'x'), 130],
    [new TypeError('x is not a function'), 70],
    ['thrown text', 70],
  ])('%s ends with %d', (error, code) => {
    expect(exitCodeOfError(error)).toBe(code);
  });
});

test('outcomes', () => {
  expect(exitCodeOfReport({ outcome: 'complete', error: undefined })).toBe(0);
  expect(exitCodeOfReport({ outcome: 'partial', error: undefined })).toBe(4);
  expect(exitCodeOfReport({ outcome: 'stopped', error: new TargetError('X', 'x') })).toBe(3);
  expect(exitCodeOfReport({ outcome: 'stopped', error: new LocalError('X', 'x') })).toBe(1);
  expect(exitCodeOfReport({ outcome: 'interrupted', error: new InterruptedError('X', 'x') })).toBe(130);
});

test('every code is documented once', () => {
  expect(EXIT_MEANINGS.map(([code]) => code)).toEqual(Object.values(EXIT));
});
