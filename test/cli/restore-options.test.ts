import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { restoreOptions } from '../../cli/restore-options.ts';
import { UsageError } from '../../lib/errors.ts';
import { temporaryFolder } from '../support/folder.ts';
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

test('what TLS needs is read from files, and each wrong file is named', () => {
  const folder = temporaryFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
  const ca = file('ca.pem', certificate);
  const key = file('c.key', '-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----\n');
  const tls = { tlsCa: ca, tlsCert: ca, tlsKey: key, tlsServerName: 'name' };
  const given = (flags: object, url = 'rediss://h') => restoreOptions(['a.rdb'], { to: url, ...flags }, io);
  const { target } = given(tls);
  expect(target.tls).toMatchObject({
    ca: Buffer.from(certificate),
    cert: Buffer.from(certificate),
    serverName: 'name',
  });
  expect(String(target.tls?.key)).toContain('SECRET');
  expect(given({}).target.tls).toEqual({});

  expect(told(() => given(tls, 'redis://h'))).toMatch(/^URL_SCHEME .*Did you mean rediss:/s);
  expect(told(() => given({ tlsServerName: 'name' }, 'redis://h'))).toMatch(/^URL_SCHEME /);
  expect(told(() => given({ tlsCert: ca }))).toMatch(/^OPTIONS_CONFLICT: --tls-cert and --tls-key/);
  expect(told(() => given({ tlsKey: key }))).toMatch(/^OPTIONS_CONFLICT: --tls-cert and --tls-key/);
  expect(told(() => given({ tlsCa: join(folder, 'none') }))).toMatch(/^TLS_FILE at --tls-ca .*none: .*ENOENT/);
  expect(told(() => given({ tlsCa: folder }))).toMatch(/^TLS_FILE at --tls-ca .*EISDIR/);
  expect(told(() => given({ ...tls, tlsKey: ca }))).toMatch(/^TLS_FILE at --tls-key .*no private key in PEM/);
  const swapped = told(() => given({ ...tls, tlsCert: key }));
  expect(swapped).toMatch(/^TLS_FILE at --tls-cert .*no certificate in PEM/);
  expect(swapped).not.toContain('SECRET');
});

test('sentinels have a user and a password of their own', () => {
  const env = { KEYFERRY_PASSWORD: 'pw', KEYFERRY_SENTINEL_PASSWORD: 'spw' };
  const given = (url: string, flags = {}) =>
    restoreOptions(['a.rdb'], { to: url, ...flags }, fakeIo([], { env })).target;
  const { password, sentinel } = given('redis-sentinel://h/m', { sentinelUser: 'scout' });
  expect([password, sentinel?.username, sentinel?.password]).toEqual(['pw', 'scout', 'spw']);
  expect(given('redis://h').password).toBe('pw');
  expect(told(() => given('redis://h', { sentinelUser: 'scout' }))).toMatch(
    /^URL_SCHEME .*Did you mean redis-sentinel:/s,
  );
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
