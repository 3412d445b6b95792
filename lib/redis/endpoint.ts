// Where a server is, how it is reached and how to log in to it: parsed from a URL, shown without its secrets.
import { isIPv6 } from 'node:net';
import { UsageError } from '../errors.ts';

/** TLS beyond the default, which trusts the public CAs that Node knows. Contents in PEM, not names of files. */
export interface TlsSettings {
  /** The CAs to trust instead; for a self-signed certificate the server's own. */
  readonly ca?: Buffer | string | undefined;
  /** The client's certificate, where the server asks for one, and its key. */
  readonly cert?: Buffer | string | undefined;
  readonly key?: Buffer | string | undefined;
  /** The name that the server's certificate must have, where it is not the host of the URL. */
  readonly serverName?: string | undefined;
}

/** A function is asked anew for each login, where a password is good for minutes only. */
export type Password = string | (() => Promise<string>);

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** A unix socket; host and port then say nothing. */
  readonly path?: string | undefined;
  /** A proxy listens there, which takes nothing but commands on keys: no PING, no SELECT. */
  readonly proxy?: boolean | undefined;
  /** Present for TLS. */
  readonly tls?: TlsSettings | undefined;
  readonly username: string | undefined;
  readonly password: Password | undefined;
}

/** Who knows where a master is that can change. */
export interface SentinelSettings {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The master's name, as the sentinels know it. */
  readonly master: string;
  /** How to log in to the sentinels; user and password of the URL are the master's. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface RedisUrl extends Endpoint {
  /** The database in the URL, where there is one. */
  readonly db: number | undefined;
  /** Host and port then say nothing: the sentinels are asked (resolveMaster). */
  readonly sentinel?: SentinelSettings | undefined;
}

/** What stands beside a URL, so that it need not stand in a command line. */
export interface BesideUrl {
  /** Used where the URL has none. */
  readonly password?: Password | undefined;
  /** @throws {UsageError} `URL_SCHEME` where the URL is not one of TLS */
  readonly tls?: TlsSettings | undefined;
  /** @throws {UsageError} `URL_SCHEME` where the URL names no sentinels */
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/** What a scheme says. */
interface Form {
  readonly kind: 'server' | 'unix' | 'sentinel';
  readonly tls: boolean;
}

const FORMS: ReadonlyMap<string, Form> = new Map([
  ['redis', { kind: 'server', tls: false }],
  ['rediss', { kind: 'server', tls: true }],
  ['valkey', { kind: 'server', tls: false }],
  ['valkeys', { kind: 'server', tls: true }],
  ['unix', { kind: 'unix', tls: false }],
  ['redis+unix', { kind: 'unix', tls: false }],
  ['redis-sentinel', { kind: 'sentinel', tls: false }],
  ['rediss-sentinel', { kind: 'sentinel', tls: true }],
]);

/** By the kind of URL. */
const RIGHT_FORM: Readonly<Record<Form['kind'], string>> = {
  server:
    'Write redis://HOST:PORT or redis://HOST:PORT/DB, with a user where needed: redis://USER@HOST:PORT. A password with ?, # or / in it is percent-encoded.',
  unix: 'Write unix:///PATH/TO/SOCKET or unix:///PATH/TO/SOCKET?db=1',
  sentinel: 'Write redis-sentinel://HOST:PORT,HOST:PORT/MASTER or redis-sentinel://HOST:PORT,HOST:PORT/MASTER/DB',
};

/** A URL in pieces, still encoded. */
interface Pieces {
  /** The whole, for errors. */
  readonly text: string;
  readonly kind: Form['kind'];
  readonly user: string;
  readonly hosts: string;
  /** With the slash before it. */
  readonly path: string;
  readonly query: string;
}

/**
 * Parses the URL of a server, TLS where the scheme has a second `s`; user, password and names are percent-decoded:
 *
 *     redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]      rediss://  valkey://  valkeys://
 *     unix://[USER[:PASSWORD]@]/PATH[?db=DB]          redis+unix://
 *     redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DB]      rediss-sentinel://
 *
 * @param beside the password where the URL has none, or all that can stand beside a URL
 * @throws {UsageError} `URL_INVALID` or `URL_SCHEME`; the text never holds a password
 */
export function parseRedisUrl(text: string, beside?: string | BesideUrl | undefined): RedisUrl {
  const given = typeof beside === 'object' ? beside : { password: beside };
  const form = formOf(text, given);
  const pieces = split(text, form.kind);
  const colon = pieces.user.indexOf(':');
  const login = {
    tls: form.tls ? tlsSettings(given.tls ?? {}) : undefined,
    username: decode(colon < 0 ? pieces.user : pieces.user.slice(0, colon), text),
    password: (colon < 0 ? undefined : decode(pieces.user.slice(colon + 1), text)) ?? given.password,
  };
  if (form.kind === 'server') {
    return { ...address(pieces.hosts, DEFAULT_PORT, pieces), ...login, db: database(pieces.path.slice(1), pieces) };
  }
  const place = form.kind === 'unix' ? unixPlace(pieces) : sentinelPlace(pieces, given);
  return { host: '', port: 0, ...login, ...place };
}

/** What the scheme says; refuses what stands beside the URL and would be ignored by it. */
function formOf(text: string, { tls, sentinelUsername }: BesideUrl): Form {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw invalid('this is not a URL.', text, RIGHT_FORM.server);
  const form = FORMS.get(scheme);
  if (form === undefined) {
    throw new UsageError('URL_SCHEME', `servers are named by redis:// or rediss:// URLs, not ${scheme}://.`, {
      where: hidePassword(text),
      remedy: 'Write redis://HOST:PORT, with TLS rediss://HOST:PORT; unix:// and redis-sentinel:// are known too.',
    });
  }
  const refused = (message: string, meant: string) =>
    new UsageError('URL_SCHEME', message, {
      where: hidePassword(text),
      remedy: `Did you mean ${meant}://?`,
    });
  if (tls !== undefined && !form.tls) {
    throw refused(
      `settings of TLS are given, but ${scheme}:// is without TLS.`,
      form.kind === 'sentinel' ? 'rediss-sentinel' : 'rediss',
    );
  }
  if (sentinelUsername !== undefined && form.kind !== 'sentinel') {
    throw refused(`a user of the sentinels is given, but ${scheme}:// names none.`, 'redis-sentinel');
  }
  return form;
}

/** By hand, because a `URL` takes neither several hosts nor a user without a host. */
function split(text: string, kind: Form['kind']): Pieces {
  const shape = /^[^:]+:\/\/(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s;
  const [, user = '', hosts = '', path = '', query = '', fragment = ''] = shape.exec(text) ?? [];
  if (fragment !== '' || (query !== '' && kind !== 'unix')) {
    throw invalid('a URL of a server has a host, a port, a database, and nothing else.', text, RIGHT_FORM[kind]);
  }
  return { text, kind, user, hosts, path, query };
}

function unixPlace(pieces: Pieces): Pick<RedisUrl, 'path' | 'db'> {
  const { text, hosts, path, query } = pieces;
  const db = /^(?:db=(.*))?$/.exec(query);
  if (hosts !== '' || path.length < 2 || db === null) {
    throw invalid('a URL of a unix socket has a path from the root on, and a database.', text, RIGHT_FORM.unix);
  }
  return { path: decode(path, text), db: database(db[1] ?? '', pieces) };
}

function sentinelPlace(
  pieces: Pieces,
  { sentinelUsername: username, sentinelPassword: password }: BesideUrl,
): Pick<RedisUrl, 'sentinel' | 'db'> {
  const [, name = '', db = '', ...more] = pieces.path.split('/');
  const master = decode(name, pieces.text);
  if (master === undefined || more.length > 0) {
    throw invalid("behind the sentinels stands the master's name.", pieces.text, RIGHT_FORM.sentinel);
  }
  const nodes = pieces.hosts.split(',').map((host) => address(host, DEFAULT_SENTINEL_PORT, pieces));
  return { sentinel: { nodes, master, username, password }, db: database(db, pieces) };
}

/** A host with or without a port, IPv6 in brackets. */
function address(host: string, defaultPort: number, { text, kind }: Pieces): { host: string; port: number } {
  const parsed = URL.parse(`redis://${host}`);
  if (parsed === null || parsed.hostname === '' || host.includes(',')) {
    throw invalid('there is no host, or its port is not a number up to 65535.', text, RIGHT_FORM[kind]);
  }
  const { hostname, port } = parsed;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) };
}

/** `undefined` for none. */
function database(digits: string, { text, kind }: Pieces): number | undefined {
  if (digits === '') return undefined;
  if (!/^\d{1,9}$/.test(digits)) throw invalid('the database is a number.', text, RIGHT_FORM[kind]);
  return Number(digits);
}

/** `undefined` for nothing. */
function decode(part: string, text: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part);
  } catch {
    throw invalid('a part of it is not properly percent-encoded.', text);
  }
}

function invalid(message: string, text: string, remedy?: string): UsageError {
  return new UsageError('URL_INVALID', message, { where: hidePassword(text), remedy });
}

/** The settings with a key that neither JSON nor an inspection shows. */
function tlsSettings({ key, ...rest }: TlsSettings): TlsSettings {
  return key === undefined ? rest : Object.defineProperty({ ...rest }, 'key', { value: key, enumerable: false });
}

/** The endpoint as people may see it: no password, no key. A URL that can be given back, but for these. */
export function showEndpoint({
  host,
  port,
  path,
  tls,
  username,
  sentinel,
}: Endpoint & Pick<RedisUrl, 'sentinel'>): string {
  const user = username === undefined ? '' : `${encodeURIComponent(username)}@`;
  if (path !== undefined) return `unix://${user}${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`;
  const scheme = tls === undefined ? 'redis' : 'rediss';
  if (sentinel === undefined) return `${scheme}://${user}${showAddress({ host, port })}`;
  const nodes = sentinel.nodes.map(showAddress).join(',');
  return `${scheme}-sentinel://${user}${nodes}/${encodeURIComponent(sentinel.master)}`;
}

/** `host:port`, IPv6 in brackets. */
function showAddress({ host, port }: { host: string; port: number }): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** A URL, valid or not, without its password. */
export function hidePassword(text: string): string {
  // Other tools take a password here.
  const shown = text.replace(/([?&]password=)[^&#]*/gi, '$1***');
  const at = shown.lastIndexOf('@');
  if (at < 0) return shown;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(shown)?.[0] ?? '';
  const user = shown.slice(scheme.length, at).split(':')[0] ?? '';
  return `${scheme}${user === '' ? '' : `${user}:`}***@${shown.slice(at + 1)}`;
}
