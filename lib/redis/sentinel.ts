// Asks sentinels who the master is, and believes them only when the server that they name says so too.
import { ConnectionError, KeyferryError, TargetError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { type AddressMap, nodeEndpoint } from './cluster-slots.ts';
import { Control, type ControlReply } from './control.ts';
import { type Endpoint, type RedisUrl, type SentinelSettings, showEndpoint } from './endpoint.ts';
import { parseInfo } from './server-info.ts';

export interface SentinelOptions {
  /** With the sentinels, and the login and TLS settings of the master. */
  readonly target: RedisUrl & { readonly sentinel: SentinelSettings };
  /** Where a master is for this client that the sentinels know at another address. */
  readonly addressMap?: AddressMap | undefined;
  readonly clock: Clock;
  /** How long a fail-over may take, in ms. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface FoundMaster {
  readonly endpoint: Endpoint;
  /** Replicas that follow it; 0 where it does not tell. */
  readonly replicas: number;
}

/** What came of asking one sentinel, where it was not the master. */
interface Miss {
  readonly sentinel: string;
  /** `unknown`: it does not know the name. `named`: it named a server that is no master, or not to be reached. */
  readonly kind: 'unknown' | 'named' | 'silent';
  readonly what: string;
  readonly remedy?: string | undefined;
}

/** How long one server may take to connect, and to answer; the next sentinel may be faster. ms. */
const ASK_MS = 2000;

/**
 * Finds the master. Waits out a fail-over, as long as some sentinel names a master; sentinels that name none are told of
 * without delay.
 *
 * @throws {ConnectionError} `SENTINEL_UNREACHABLE`, `SENTINEL_NO_MASTER`; {TargetError} `SENTINEL_MASTER_UNKNOWN`, and
 * what the master refuses for good: a login, TLS
 */
export async function resolveMaster(options: SentinelOptions): Promise<FoundMaster> {
  const { clock, patienceMs, signal } = options;
  const backoff = new Backoff(clock, patienceMs);
  for (;;) {
    const found = await askAll(options);
    if (!Array.isArray(found)) return found;
    const wait = found.some(({ kind }) => kind === 'named') ? backoff.fail() : undefined;
    if (wait === undefined) throw notFound(found, options.target);
    await clock.sleep(wait, signal);
  }
}

/**
 * Asks each sentinel once, in turn, until one names a server that is the master.
 *
 * @returns what came of each where none did
 */
export async function askAll(options: SentinelOptions): Promise<FoundMaster | Miss[]> {
  const misses: Miss[] = [];
  for (const node of options.target.sentinel.nodes) {
    options.signal?.throwIfAborted();
    const found = await askOne(node, options);
    if ('endpoint' in found) return found;
    misses.push(found);
  }
  return misses;
}

async function askOne(node: { host: string; port: number }, options: SentinelOptions): Promise<FoundMaster | Miss> {
  const { tls, username, password, sentinel } = options.target;
  const asked: Endpoint = { ...node, tls, username: sentinel.username, password: sentinel.password };
  const name = showEndpoint(asked);
  const reply = await ask(asked, options, 'SENTINEL', 'get-master-addr-by-name', sentinel.master);
  if (reply === null) return { sentinel: name, kind: 'unknown', what: 'does not know the name' };
  if (reply instanceof KeyferryError) {
    const login = reply.code === 'TARGET_AUTH' ? LOGIN : undefined;
    return { sentinel: name, kind: 'silent', what: reply.message, remedy: login ?? reply.remedy };
  }
  if (reply instanceof ErrorReply) {
    const stranger = /unknown command/i.test(reply.text) ? 'is no sentinel' : `said: ${reply.text}`;
    return { sentinel: name, kind: 'silent', what: stranger, remedy: reply.code === 'NOPERM' ? LOGIN : undefined };
  }
  const [host, port] = Array.isArray(reply) ? reply : [];
  const seed: Endpoint = { host: '', port: 0, tls, username, password };
  const master = nodeEndpoint(String(host), Number(port), { seed, map: options.addressMap }, asked);
  const told = await roleOf(master, options);
  if (typeof told === 'number') return { endpoint: master, replicas: told };
  return { sentinel: name, kind: 'named', what: `names ${showEndpoint(master)}, and ${told}` };
}

const LOGIN =
  'Sentinels have passwords and users of their own: KEYFERRY_SENTINEL_PASSWORD, and --sentinel-user NAME where there are users.';

/**
 * What a server is that was named as the master.
 *
 * @returns its number of replicas when it is one, also when it may not be asked; else what it is, in words
 * @throws {TargetError} when it refuses the login, or TLS fails for good
 */
async function roleOf(endpoint: Endpoint, options: SentinelOptions): Promise<number | string> {
  const reply = await ask(endpoint, options, 'INFO', 'replication');
  if (reply instanceof KeyferryError) {
    if (reply.code !== 'TARGET_UNREACHABLE') throw reply;
    return reply.message;
  }
  if (!(reply instanceof ErrorReply)) {
    const { role, replicas } = parseInfo(String(reply));
    return role === 'master' ? replicas : 'that is a replica';
  }
  if (reply.code !== 'NOPERM') return `that says: ${reply.text}`;
  const role = await ask(endpoint, options, 'ROLE');
  return Array.isArray(role) && String(role[0]) !== 'master' ? 'that is a replica' : 0;
}

/** One question over a connection of its own, without patience. */
async function ask(
  endpoint: Endpoint,
  { clock, signal }: SentinelOptions,
  name: string,
  ...args: string[]
): Promise<ControlReply | ErrorReply | KeyferryError> {
  const control = new Control({ endpoint, clock, signal, patienceMs: 0, replyTimeoutMs: ASK_MS });
  try {
    return await control.answer(0, name, ...args);
  } catch (error) {
    if (error instanceof KeyferryError) return error;
    throw error;
  } finally {
    control.end();
  }
}

function notFound(misses: readonly Miss[], target: SentinelOptions['target']): KeyferryError {
  const where = showEndpoint(target);
  const tries = misses.map(({ sentinel, what }) => `${sentinel} ${what.replace(/\.$/, '')}`).join('; ');
  const remedy = misses.find((miss) => miss.remedy !== undefined)?.remedy;
  if (misses.some(({ kind }) => kind === 'named')) {
    return new ConnectionError('SENTINEL_NO_MASTER', `the server that is named as the master is none: ${tries}.`, {
      where,
      remedy:
        'Look at the fail-over (SENTINEL MASTERS), and whether that address can be reached from here. The same command again goes on from here.',
    });
  }
  if (misses.some(({ kind }) => kind === 'unknown')) {
    return new TargetError('SENTINEL_MASTER_UNKNOWN', `no sentinel knows a master of that name: ${tries}.`, {
      where,
      remedy: 'SENTINEL MASTERS lists the names that they know.',
    });
  }
  return new ConnectionError('SENTINEL_UNREACHABLE', `no sentinel tells where the master is: ${tries}.`, {
    where,
    remedy: remedy ?? 'Check addresses and ports: sentinels listen at 26379, not where the servers do.',
  });
}
