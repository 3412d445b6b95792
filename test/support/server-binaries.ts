// Which servers this machine has: unpacked ones by name, the system's own by the version that it states.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The releases that keyferry is tested on: each has another RDB version or engine. */
export const SERVER_NAMES = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** What a release can hold and do, as far as test data and comparison depend on it. */
export interface Features {
  /** XGROUP CREATECONSUMER. */
  readonly createConsumer: boolean;
  /** Redis 7.0's: functions, PEXPIRETIME, streams with entries-read and a maximal deleted id, DEBUG to be allowed first. */
  readonly seven: boolean;
  /** Small sets as listpacks, small lists as one listpack, plain quicklist nodes by size alone, CLIENT NO-TOUCH. */
  readonly sevenTwo: boolean;
  /** A TTL on a hash field. */
  readonly fieldExpiry: boolean;
  /** Vector sets. */
  readonly vectors: boolean;
}

const seven = { createConsumer: true, seven: true, sevenTwo: false, fieldExpiry: false, vectors: false };
const FEATURES: Record<ServerName, Features> = {
  'redis-6.0': { ...seven, createConsumer: false, seven: false },
  'redis-7.0': seven,
  'redis-8.0': { ...seven, sevenTwo: true, fieldExpiry: true, vectors: true },
  'valkey-8.1': { ...seven, sevenTwo: true },
  'valkey-9.1': { ...seven, sevenTwo: true, fieldExpiry: true },
};

export function featuresOf(name: ServerName): Features {
  return FEATURES[name];
}

/** Which servers load a file natively that another has saved, oldest first (rdb-format.md 7). */
const LOADERS: Record<ServerName, readonly ServerName[]> = {
  'redis-6.0': SERVER_NAMES,
  'redis-7.0': ['redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'],
  'redis-8.0': ['redis-8.0'],
  'valkey-8.1': ['redis-8.0', 'valkey-8.1', 'valkey-9.1'],
  'valkey-9.1': ['valkey-9.1'],
};

export function loadersOf(source: ServerName): readonly ServerName[] {
  return LOADERS[source];
}

/** The servers of this machine, in the order of `SERVER_NAMES`. */
export function availableServers(): ServerName[] {
  return SERVER_NAMES.filter((name) => binaryOf(name) !== undefined);
}

/** Any server of this machine, the system's first: for tests to which the version is all one. */
export function anyServer(): ServerName {
  const available = availableServers();
  const name = available.includes('redis-7.0') ? 'redis-7.0' : available[0];
  if (name === undefined) throw new Error(`no Redis or Valkey server found; ${REMEDY}`);
  return name;
}

const REMEDY = 'scripts/get-servers fetches them (or apt-get install redis-server)';

/**
 * A note to append to the title of a test that is skipped, empty when this machine has all that it needs:
 * `test.skipIf(lacks('redis-8.0') !== '')(`restores vectors${lacks('redis-8.0')}`, …)`.
 */
export function lacks(...needed: ServerName[]): string {
  const missing = [...new Set(needed)].filter((name) => binaryOf(name) === undefined);
  return missing.length === 0 ? '' : ` [skipped: this machine lacks ${missing.join(', ')}; ${REMEDY}]`;
}

/** The path of a server's program: in $KEYFERRY_SERVERS/bin, else in .servers/bin of the checkout, else on PATH. */
export function binaryOf(name: ServerName): string | undefined {
  const folder = process.env.KEYFERRY_SERVERS || fileURLToPath(new URL('../../.servers', import.meta.url));
  const unpacked = join(folder, 'bin', `${name}-server`);
  return existsSync(unpacked) ? unpacked : systemServers().get(name);
}

let onPath: Map<ServerName, string> | undefined;

function systemServers(): Map<ServerName, string> {
  if (onPath !== undefined) return onPath;
  onPath = new Map();
  for (const engine of ['redis', 'valkey']) {
    const program = `${engine}-server`;
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    const version = /\bv=(\d+\.\d+)\./.exec(stdout ?? '')?.[1];
    const name = SERVER_NAMES.find((each) => each === `${engine}-${version}`);
    if (name !== undefined) onPath.set(name, program);
  }
  return onPath;
}
