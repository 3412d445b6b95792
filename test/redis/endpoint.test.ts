// URLs of servers are understood, or refused without showing their password.
import { inspect } from 'node:util';
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

  const tls = {};
  const unix = { ...none, host: '', port: 0 };
  const sentinel = (nodes: [host: string, port: number][], master: string) => ({
    sentinel: { nodes: nodes.map(([host, port]) => ({ host, port })), master },
    ...unix,
  });
  test.each([
    ['rediss://ann:secret@host', { ...none, host: 'host', port: 6379, tls, username: 'ann', password: 'secret' }],
    ['rediss://[::1]:1/2', { ...none, host: '::1', port: 1, tls, db: 2 }],
    ['valkey://host:1', { ...none, host: 'host', port: 1 }],
    ['valkeys://host:1', { ...none, host: 'host', port: 1, tls }],
    ['unix:///run/redis.sock', { ...unix, path: '/run/redis.sock' }],
    ['redis+unix:///a%20b/c%23?db=3', { ...unix, path: '/a b/c#', db: 3 }],
    [
      'unix://ann:s%2F@/run/redis.sock?db=0',
      { ...unix, path: '/run/redis.sock', username: 'ann', password: 's/', db: 0 },
    ],
    ['redis-sentinel://h1/main', sentinel([['h1', 26379]], 'main')],
    [
      'redis-sentinel://h1:1,[::1],10.0.0.1:2/my%2Fmaster/4',
      {
        ...sentinel(
          [
            ['h1', 1],
            ['::1', 26379],
            ['10.0.0.1', 2],
          ],
          'my/master',
        ),
        db: 4,
      },
    ],
    ['rediss-sentinel://ann:s@h/m', { ...sentinel([['h', 26379]], 'm'), tls, username: 'ann', password: 's' }],
  ])('%s is understood', (text, expected) => {
    expect(parseRedisUrl(text)).toEqual(expected);
  });

  test('takes from beside it what it can use', () => {
    const given = {
      password: 'pw',
      tls: { ca: 'CA', serverName: 'name' },
      sentinelUsername: 'scout',
      sentinelPassword: 'spw',
    };
    expect(parseRedisUrl('rediss-sentinel://ann@h/m', given)).toMatchObject({
      username: 'ann',
      password: 'pw',
      tls: { ca: 'CA', serverName: 'name' },
      sentinel: { master: 'm', username: 'scout', password: 'spw' },
    });
    // It may come from the environment, whatever the URL is.
    expect(parseRedisUrl('redis://h', { sentinelPassword: 'spw' }).sentinel).toBeUndefined();
  });

  test('settings of TLS are never ignored', () => {
    for (const [scheme, rest, meant] of [
      ['redis', 'h', 'rediss'],
      ['valkey', 'h', 'rediss'],
      ['unix', '/s', 'rediss'],
      ['redis-sentinel', 'h/m', 'rediss-sentinel'],
    ]) {
      const action = () => parseRedisUrl(`${scheme}://${rest}`, { tls: { ca: 'CA' } });
      expect(action).toThrowError(expect.objectContaining({ code: 'URL_SCHEME', remedy: `Did you mean ${meant}://?` }));
    }
    expect(() => parseRedisUrl('redis://h', { sentinelUsername: 'scout' })).toThrowError(/user of the sentinels/);
  });

  test('a private key is used, and not shown', () => {
    const url = parseRedisUrl('rediss://h', { tls: { ca: 'CA', cert: 'CERT', key: 'PRIVATE' } });
    expect(url.tls?.key).toBe('PRIVATE');
    expect(JSON.stringify(url) + inspect(url, { depth: 9 }) + showEndpoint(url)).not.toContain('PRIVATE');
    expect(inspect({ ...url }, { depth: 9 })).not.toContain('PRIVATE');
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
    ['redis+cluster://user:secret@host', 'URL_SCHEME'],
    ['redis:user:secret@host', 'URL_INVALID'],
    ['rediss://user:secret@host?ssl_cert_reqs=none', 'URL_INVALID'],
    ['redis://user:secret@host,host', 'URL_INVALID'],
    ['unix://', 'URL_INVALID'],
    ['unix://run/redis.sock', 'URL_INVALID'],
    ['unix://user:secret@/', 'URL_INVALID'],
    ['unix:///run/redis.sock?db=x', 'URL_INVALID'],
    ['unix:///run/redis.sock?password=secret', 'URL_INVALID'],
    ['unix:///run/redis.sock?db=1&password=secret', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host,/main', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host:port/main', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host/main/zero', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host/main/0/1', 'URL_INVALID'],
    ['redis-sentinel://user:secret@host/0#main', 'URL_INVALID'],
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
    for (const text of [
      'redis://[::1]:6380',
      'redis://a%40b@host:1',
      'redis://host:6379',
      'rediss://a%40b@host:1',
      'unix:///run/a%20b%23c%3F.sock',
      'unix://ann@/run/redis.sock',
      'redis-sentinel://ann@h1:1,[::1]:2/my%2Fmaster',
      'rediss-sentinel://h1:26379/main',
    ]) {
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
    ['rediss-sentinel://user:secret@h1,h2/main', 'rediss-sentinel://user:***@h1,h2/main'],
    ['unix://:secret@/run/redis.sock', 'unix://***@/run/redis.sock'],
    ['unix:///run/redis.sock?Password=secret&db=1', 'unix:///run/redis.sock?Password=***&db=1'],
  ])('%s becomes %s', (text, shown) => {
    expect(hidePassword(text)).toBe(shown);
  });
});
