// The URL of a target, as far as a configuration must know it; lib/redis/endpoint.ts reads it when the job runs.
import { isIPv6 } from 'node:net';
import { text } from './fields.ts';

/** What a URL says, without connecting. */
export interface EndpointParts {
  readonly tls: boolean;
  readonly sentinel: boolean;
  /** Percent-encoded, as it stands there. */
  readonly user: string | undefined;
  /** The server, or the sentinels; IPv6 without brackets. */
  readonly hosts: readonly string[];
  readonly db: number | undefined;
}

const USER = "(?:(?:[\\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+@)?";
const HOST = '(?:[\\w.-]+|\\[[0-9A-Fa-f:.]+\\])(?::\\d{1,5})?';
const DB = '\\d{1,9}';
const SERVER = `(?:redis|valkey)s?://${USER}${HOST}(?:/(?:${DB})?)?`;
const SENTINEL = `rediss?-sentinel://${USER}${HOST}(?:,${HOST})*/[^/?#@:\\s]+(?:/(?:${DB})?)?`;
const FORM = new RegExp(`^(?:${SERVER}|${SENTINEL})$`);

const ERROR =
  'this is no URL of a server that functions can reach over the network. Write redis://HOST:PORT, rediss://HOST:PORT (TLS), either with a user, USER@HOST, and a database, /DB; or redis-sentinel://HOST:PORT,HOST:PORT/MASTER';

/** Never with a password: not even the form has a place for one. */
export const endpointUrl = text(FORM, ERROR).refine(isReadable, { error: ERROR, abort: true });

/** The parts of a URL of that form. */
export function endpointParts(url: string): EndpointParts {
  const [, scheme = '', user, place = '', path = ''] = /^([a-z-]+):\/\/(?:(.*)@)?([^/]*)(.*)$/.exec(url) ?? [];
  const sentinel = scheme.endsWith('-sentinel');
  const db = path.split('/')[sentinel ? 2 : 1] ?? '';
  return {
    tls: /^(?:rediss|valkeys)/.test(scheme),
    sentinel,
    user,
    hosts: place.split(',').map((host) => host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')),
    db: db === '' ? undefined : Number(db),
  };
}

/** What the form alone can't say: ports up to 65535, addresses and percent signs that can be read. */
function isReadable(url: string): boolean {
  const ports = [...url.matchAll(/(?<=\w|\]):(\d+)(?=[,/]|$)/g)].map(([, port]) => Number(port));
  return (
    ports.every((port) => port <= 65_535) &&
    endpointParts(url).hosts.every((host) => !host.includes(':') || isIPv6(host)) &&
    decodes(url)
  );
}

function decodes(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
