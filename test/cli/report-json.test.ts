import { describe, expect, test } from 'vitest';
import { jsonLine, keyJson } from '../../cli/key-json.ts';
import { reportJson } from '../../cli/report-json.ts';
import { RdbError, TargetError } from '../../lib/errors.ts';
import { failedKey, report } from './sample-report.ts';

const extras = { version: '1.2.3', exitCode: 0, error: undefined, rates: undefined, resume: undefined } as const;

describe('keys', () => {
  test.each(['user:1', 'käse 漢字 🦊', '', 'a\0b\n"\\', '\ufeffbom'])('text stays text: %j', (text) => {
    expect(keyJson(Buffer.from(text))).toEqual({ key: text });
  });

  test.each([['ff'], ['c328'], ['eda080'], ['6162fe'], ['f0288cbc']])('bytes %s come as base64, and whole', (hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(keyJson(bytes)).toEqual({ key: null, keyBase64: bytes.toString('base64') });
  });

  test('a key that is part of a larger buffer is that part only', () => {
    const whole = Buffer.from('xx\xffyy', 'latin1');
    expect(keyJson(whole.subarray(2, 3))).toEqual({ key: null, keyBase64: '/w==' });
  });
});

test('one line, whatever is in it, with nothing that steers a terminal', () => {
  const line = jsonLine({ key: 'a\n\x1b[2J\u009b\u2028\x7f' });
  expect(line).toBe('{"key":"a\\n\\u001b[2J\\u009b\\u2028\\u007f"}\n');
  expect(JSON.parse(line)).toEqual({ key: 'a\n\x1b[2J\u009b\u2028\x7f' });
});

test('a complete report', () => {
  expect(reportJson(report, { ...extras, rates: { bytesPerSecond: 1.6, keysPerSecond: 2.4 } })).toEqual({
    keyferry: '1.2.3',
    outcome: 'complete',
    exitCode: 0,
    error: null,
    target: 'redis://127.0.0.1:6379',
    server: 'Redis 7.0.15',
    policy: 'panic',
    dryRun: false,
    resumed: false,
    files: report.files,
    keys: { written: 2_500_000, already: 0, skipped: 0, expired: 0, filtered: 0, losses: {}, failed: [] },
    functions: report.functions,
    tails: [],
    warnings: [],
    seconds: 5.4,
    keysPerSecond: 2,
    bytesPerSecond: 2,
    resume: null,
  });
});

test('every failed key is in it, also those that are no text', () => {
  const failed = Array.from({ length: 1000 }, (_, i) => ({ ...failedKey, key: Buffer.from([0xff, i >> 8, i & 0xff]) }));
  const json = reportJson({ ...report, outcome: 'partial', keys: { ...report.keys, failed } }, extras);
  const { keys } = JSON.parse(jsonLine(json)) as { keys: { failed: { keyBase64: string; reason: string }[] } };
  expect(keys.failed.map(({ keyBase64 }) => Buffer.from(keyBase64, 'base64'))).toEqual(failed.map(({ key }) => key));
  expect(keys.failed[0]).toEqual({
    db: 0,
    key: null,
    keyBase64: '/wAA',
    type: 'STRING',
    reason: 'ERR Bad data format',
  });
});

test('errors keep their code, place and remedy; defects are told apart', () => {
  const shown = (error: unknown) => (reportJson(report, { ...extras, error }) as { error: unknown }).error;
  expect(shown(new TargetError('TARGET_FULL', 'full.', { where: 'redis://h', remedy: 'Make room.' }))).toEqual({
    code: 'TARGET_FULL',
    message: 'full.',
    where: 'redis://h',
    remedy: 'Make room.',
  });
  expect(
    shown(new RdbError('RDB_TRUNCATED', 'cut.', { offset: 7, db: 1, key: Buffer.of(0xff), size: 9 })),
  ).toMatchObject({
    code: 'RDB_TRUNCATED',
    offset: 7,
    db: 1,
    key: null,
    keyBase64: '/w==',
    remedy: null,
  });
  expect(shown(new TypeError('x is undefined'))).toMatchObject({ code: 'DEFECT', message: 'x is undefined' });
});
