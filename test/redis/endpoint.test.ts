// redis:// URLs are understood, or refused without showing their password.
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../lib/errors.ts';
import { hidePassword, parseRedisUrl, showEndpoint } from '../../lib/redis/endpoint.ts';

const none = { username: undefined, password: undefined, db: undefined };

describe('a redis:// URL', () => {
  test.each([
    ['redis://localhost', { ...none, host: 'localhost', port: 6379 }],
    ['redis://localhost/', { ...none, host: 'localhost', port: 6379 }],
    ['redis://10.0.0.1:7000', { ...none, host: '10.0.0.1', port: 7000 }],
    ['redis://localhost:6379/15', { ...none, host: 'localhost', port: 6379, db: 15 }],
    ['redis://localhost/0', { ...none, host: 'localhost', port: 6379, db: 0 }],
    ['redis://[::1]:6380', { ...none, host: '::1', port: 6380 }],
    ['redis://ann:secret@host:1', { ...none, host: 'host', port: 1, username: 'ann', password: 'secret' }],
    ['redis://:secret@host', { ...none, host: 'host', port: 6379, password: 'secret' }],
    ['redis://ann@host', { ...none, host: 'host', port: 6379, username: 'ann' }],
    ['redis://a%40b:p%3A%2F%3F%23%25@host', { ...none, host: 'host', port: 6379, username: 'a@b', password: 'p:/?#%' }],
    ['redis://:p%C3%A4ss@host', { ...none, host: 'host', port: 6379, password: 'päss' }],
    ['REDIS://host', { ...none, host: 'host', port: 6379 }],
  ])('%s is understood', (text, expected) => {
    expect(parseRedisUrl(text)).toEqual(expected);
  });

  test('takes the password from beside it only where it has none', () => {
    expect(parseRedisUrl('redis://host', 'other').password).toBe('other');
    expect(parseRedisUrl('redis://ann@host', 'other')).toMatchObject({ username: 'ann', password: 'other' });
    expect(parseRedisUrl('redis://:own@host', 'other').password).toBe('own');
  });

  test.each([
    ['localhost:6379', 'URL_SCHEME'],
    ['localhost', 'URL_INVALID'],
    ['', 'URL_INVALID'],
    ['http://user:secret@host', 'URL_SCHEME'],
    ['rediss://user:secret@host', 'URL_SCHEME'],
    ['valkey://user:secret@host', 'URL_SCHEME'],
    ['redis://', 'URL_INVALID'],
    ['redis:///0', 'URL_INVALID'],
    ['redis://user:secret@host:99999', 'URL_INVALID'],
    ['redis://user:secret@host/db', 'URL_INVALID'],
    ['redis://user:secret@host/1/2', 'URL_INVALID'],
    ['redis://user:secret@host/-1', 'URL_INVALID'],
    ['redis://user:secret@host/12345678901', 'URL_INVALID'],
    ['redis://user:secret@host?db=1', 'URL_INVALID'],
    ['redis://user:secret@host#1', 'URL_INVALID'],
    ['redis://user:sec#ret@host', 'URL_INVALID'],
    ['redis://user:sec?ret@host', 'URL_INVALID'],
    ['redis://user:secret%zz@host', 'URL_INVALID'],
  ])('%j is refused, and its password is not shown', (text, code) => {
    let error: unknown;
    try {
      parseRedisUrl(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code });
    expect((error as UsageError).describe()).not.toMatch(/sec.?ret/);
  });
});

describe('what people see of an endpoint', () => {
  test('has no password', () => {
    const endpoint = { host: 'host', port: 1, username: 'a@b', password: 'secret' };
    expect(showEndpoint(endpoint)).toBe('redis://a%40b@host:1');
    expect(showEndpoint({ ...endpoint, username: undefined })).toBe('redis://host:1');
    expect(showEndpoint({ ...endpoint, username: undefined, host: '::1' })).toBe('redis://[::1]:1');
  });

  test('can be given back, but for the password', () => {
    for (const text of ['redis://[::1]:6380', 'redis://a%40b@host:1', 'redis://host:6379']) {
      expect(showEndpoint(parseRedisUrl(text))).toBe(text);
    }
  });

  test.each([
    ['redis://user:secret@host:1/2', 'redis://user:***@host:1/2'],
    ['redis://:secret@host', 'redis://***@host'],
    ['redis://user:sec@ret@host', 'redis://user:***@host'],
    ['redis://user@host', 'redis://user:***@host'],
    ['redis://host', 'redis://host'],
    ['user:secret@host', 'user:***@host'],
    ['nonsense', 'nonsense'],
  ])('%s becomes %s', (text, shown) => {
    expect(hidePassword(text)).toBe(shown);
  });
});
