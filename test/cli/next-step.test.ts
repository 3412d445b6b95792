import { expect, test } from 'vitest';
import { nextStep } from '../../cli/next-step.ts';
import { InputError, InterruptedError, LocalError, TargetError, UsageError } from '../../lib/errors.ts';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { failedKey, report } from './sample-report.ts';

const argv = ['node', '/bin/keyferry', 'restore', 'dump.rdb', '--to', 'redis://u:pw@h', '--fresh'];

const next = (changes: Partial<RestoreReport>, { begun = true, defect = false, args = argv } = {}) =>
  nextStep({ report: { ...report, ...changes }, begun, defect, argv: args, env: {} })?.text;

test('an interrupted job is gone on with, also one that had only planned', () => {
  const error = new InterruptedError('INTERRUPTED', 'stopped.', {
    remedy: 'The same command again goes on from here.',
  });
  const text =
    '  keyferry restore dump.rdb --to redis://u@h\n' +
    '(The password is left out: set KEYFERRY_PASSWORD, or write it back into the URL.)\n';
  expect(next({ outcome: 'interrupted', error })).toBe(text);
  expect(next({ outcome: 'interrupted', error }, { begun: false })).toBe(text);
});

test('a job that the target or this machine stopped is gone on with when it had begun', () => {
  const full = new TargetError('TARGET_FULL', 'full.', { remedy: 'Make room.' });
  expect(next({ outcome: 'stopped', error: full })).toMatch(/^To go on from here:\n {2}keyferry restore dump\.rdb /);
  expect(next({ outcome: 'stopped', error: new LocalError('LOCAL_DISK_FULL', 'full.') })).toContain('keyferry restore');
  expect(next({ outcome: 'stopped', error: full }, { begun: false })).toBeUndefined();
});

test('what a re-run cannot mend is not run again', () => {
  expect(next({ outcome: 'stopped', error: new InputError('INPUT_CHANGED', 'changed.') })).toBeUndefined();
  expect(next({ outcome: 'stopped', error: new UsageError('DB_NOT_IN_FILE', 'no.') })).toBeUndefined();
  expect(next({ outcome: 'complete' })).toBeUndefined();
  expect(
    next({ outcome: 'partial', tails: [{ file: 'a.aof', bytes: 1, kind: 'aof', ignored: false }] }),
  ).toBeUndefined();
});

test('refused keys can be tried again', () => {
  const keys = { ...report.keys, failed: [failedKey] };
  expect(next({ outcome: 'partial', keys })).toMatch(/^When the reasons are gone/);
});

test('a dry run that went well leads to the run itself', () => {
  const args = ['node', '/bin/keyferry', 'restore', '--dry-run', 'dump.rdb', '--to', 'redis://h', '--fresh'];
  expect(next({ dryRun: true }, { args })).toBe('To do it:\n  keyferry restore dump.rdb --to redis://h --fresh\n');
  expect(next({ dryRun: true, outcome: 'interrupted' }, { args })).toBeUndefined();
});

test('what was piped in has to be piped again', () => {
  const args = ['node', '/bin/keyferry', 'restore', '-', '--to', 'redis://h'];
  expect(next({ outcome: 'interrupted' }, { args })).toContain('(Pipe the same input into it again.)');
});
