import { expect, test } from 'vitest';
import { restoreOptions } from '../../cli/restore-options.ts';
import { UsageError } from '../../lib/errors.ts';
import { fakeIo } from './fake-io.ts';

const io = fakeIo([]);
const to = 'redis://10.0.0.7';

function told(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof UsageError) return error.describe();
  }
  throw new Error('no UsageError was thrown');
}

test('a command line of nothing special leaves all defaults to the job', () => {
  const { stdin: _, target, expiry, ...rest } = restoreOptions(['dump.rdb'], { to }, io);
  expect(target).toEqual({ host: '10.0.0.7', port: 6379, username: undefined, password: undefined, db: undefined });
  expect(expiry).toEqual({ shiftMs: 0, drop: false });
  const { files, ...others } = rest;
  expect(files).toEqual(['dump.rdb']);
  expect(Object.values(others).filter((value) => value !== undefined)).toEqual([]);
});

test('every option reaches the job', () => {
  const rate = { keysPerSecond: 5 };
  const dbMap = new Map([[1, 0]]);
  const options = restoreOptions(
    ['a.rdb', 'b.rdb'],
    {
      to: `${to}:7000/3`,
      onConflict: 'skip',
      ttlShift: -5,
      dbMap,
      onlyDb: [1],
      match: ['a*'],
      type: ['hash'],
      rate,
      concurrency: 2,
      connections: 3,
      dryRun: true,
      fresh: true,
      ignoreTail: true,
      force: true,
      workDir: '/w',
      chunkBytes: 4096,
      retryFor: 6,
      replyTimeout: 7,
    },
    io,
  );
  expect(options).toEqual({
    files: ['a.rdb', 'b.rdb'],
    target: { host: '10.0.0.7', port: 7000, username: undefined, password: undefined, db: 3 },
    onConflict: 'skip',
    expiry: { shiftMs: -5, drop: false },
    filter: { dbs: [1], kinds: ['hash'], match: ['a*'] },
    dbMap,
    concurrency: 2,
    connections: 3,
    rate,
    dryRun: true,
    fresh: true,
    ignoreTail: true,
    force: true,
    workDir: '/w',
    chunkBytes: 4096,
    patienceMs: 6,
    replyTimeoutMs: 7,
    stdin: io.stdin,
  });
  expect(restoreOptions(['a.rdb'], { to, expire: false }, io).expiry).toEqual({ shiftMs: 0, drop: true });
});

test('the password comes from the environment where the URL has none', () => {
  const password = (url: string, value: string) =>
    restoreOptions(['a.rdb'], { to: url }, fakeIo([], { env: { KEYFERRY_PASSWORD: value } })).target.password;
  expect(password('redis://ferry@h', 'secret')).toBe('secret');
  expect(password('redis://ferry:other@h', 'secret')).toBe('other');
  expect(password('redis://ferry@h', '')).toBeUndefined();
});

test('what is missing is named, with an example', () => {
  expect(told(() => restoreOptions([], { to }, io))).toContain('FILES_MISSING');
  expect(told(() => restoreOptions(['my.rdb'], {}, io))).toBe(
    'TO_MISSING: where should the keys go? --to URL names the target.\n' +
      'For example: keyferry restore my.rdb --to redis://127.0.0.1:6379',
  );
});

test('what contradicts itself is refused', () => {
  expect(told(() => restoreOptions(['a.rdb'], { to, expire: false, ttlShift: 1 }, io))).toContain('OPTIONS_CONFLICT');
  expect(told(() => restoreOptions(['-'], { to }, fakeIo([], { tty: true })))).toContain('STDIN_TERMINAL');
});

test('a URL in the place of a file is told, and its password is not', () => {
  const text = told(() => restoreOptions(['redis://:secret@h', 'a.rdb'], {}, io));
  expect(text).toContain('The target is named by --to URL.');
  expect(text).not.toContain('secret');
  expect(told(() => restoreOptions(['s3://b/dump.rdb'], { to }, io))).toContain(
    'aws s3 cp s3://BUCKET/KEY - | keyferry restore -',
  );
});
