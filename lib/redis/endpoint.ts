// Where a server is and how to log in to it: parsed from a URL, shown without its password.
import { isIPv6 } from 'node:net';
import { UsageError } from '../errors.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface RedisUrl extends Endpoint {
  /** The database in the path, where there is one. */
  readonly db: number | undefined;
}

const DEFAULT_PORT = 6379;

/**
 * Parses `redis://[user[:password]@]host[:port][/db]`. User and password are percent-decoded.
 *
 * @param password used where the URL has none, so that it need not stand in a command line
 * @throws {UsageError} `URL_INVALID` or `URL_SCHEME`; the text never holds the password
 */
export function parseRedisUrl(text: string, password?: string | undefined): RedisUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError('URL_INVALID', 'this is not a URL.', {
      where: hidePassword(text),
      remedy: 'Write redis://HOST:PORT, with a user where needed: redis://USER@HOST:PORT',
    });
  }
  if (url.protocol !== 'redis:') {
    throw new UsageError('URL_SCHEME', `servers are named by redis:// URLs, not ${url.protocol}//.`, {
      where: hidePassword(text),
      remedy: 'Write redis://HOST:PORT',
    });
  }
  if (url.hostname === '' || url.search !== '' || url.hash !== '') {
    throw new UsageError('URL_INVALID', 'a redis:// URL has a host, a port, a database, and nothing else.', {
      where: hidePassword(text),
      remedy: 'Write redis://HOST:PORT or redis://HOST:PORT/DB; a password with ?, # or / in it is percent-encoded.',
    });
  }
  const path = url.pathname.replace(/^\//, '');
  if (path !== '' && !/^\d{1,9}$/.test(path)) {
    throw new UsageError('URL_INVALID', 'what follows the port is the number of a database.', {
      where: hidePassword(text),
    });
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    username: url.username === '' ? undefined : decode(url.username, text),
    password: url.password === '' ? password : decode(url.password, text),
    db: path === '' ? undefined : Number(path),
  };
}

/** The endpoint as people may see it: no password. */
export function showEndpoint({ host, port, username }: Endpoint): string {
  const user = username === undefined ? '' : `${encodeURIComponent(username)}@`;
  return `redis://${user}${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** A URL, valid or not, without its password. */
export function hidePassword(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  const user = text.slice(scheme.length, at).split(':')[0] ?? '';
  return `${scheme}${user === '' ? '' : `${user}:`}***@${text.slice(at + 1)}`;
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UsageError('URL_INVALID', 'user or password is not properly percent-encoded.', {
      where: hidePassword(text),
    });
  }
}
