// What a server says of itself: engine, version, role, memory.
import type { TypeSupport } from '../rdb/reencode.ts';

export interface ServerInfo {
  readonly engine: 'redis' | 'valkey';
  /** The engine's own version, as numbers: 8.1.2 is `[8, 1, 2]`. */
  readonly version: readonly [major: number, minor: number, patch: number];
  /** Changes whenever the server's process does. Empty where it is not told. */
  readonly runId: string;
  readonly role: 'master' | 'replica';
  /** Where a replica's master is. */
  readonly master: string | undefined;
  readonly cluster: boolean;
  /** Replicas that follow it. */
  readonly replicas: number;
  readonly loading: boolean;
  readonly usedMemory: number;
  /** Bytes; 0 for no limit. */
  readonly maxMemory: number;
  readonly evictionPolicy: string;
  /** Keys in all databases. */
  readonly keys: number;
}

/** Reads the reply of INFO. Fields that a service hides are taken as their harmless value. */
export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const number = (name: string) => Number(fields.get(name) ?? 0);
  // Valkey says redis_version 7.2.4 for the sake of old clients: its own version comes first.
  const valkey =
    fields.get('valkey_version') ?? (fields.get('server_name') === 'valkey' ? fields.get('redis_version') : undefined);
  const [major = 0, minor = 0, patch = 0] = (valkey ?? fields.get('redis_version') ?? '0')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
  let keys = 0;
  for (const [name, value] of fields) {
    if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return {
    engine: valkey === undefined ? 'redis' : 'valkey',
    version: [major, minor, patch],
    runId: fields.get('run_id') ?? '',
    role: fields.get('role') === 'slave' ? 'replica' : 'master',
    master: fields.has('master_host') ? `${fields.get('master_host')}:${fields.get('master_port')}` : undefined,
    replicas: number('connected_slaves'),
    cluster: fields.get('cluster_enabled') === '1',
    loading: fields.get('loading') === '1',
    usedMemory: number('used_memory'),
    maxMemory: number('maxmemory'),
    evictionPolicy: fields.get('maxmemory_policy') ?? '',
    keys,
  };
}

/** True when the server's version is at least this one of its own engine. */
export function atLeast(info: ServerInfo, major: number, minor = 0): boolean {
  const [haveMajor, haveMinor] = info.version;
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}

/** The version in words: `Valkey 8.1.2`. */
export function showVersion({ engine, version }: ServerInfo): string {
  return `${engine === 'valkey' ? 'Valkey' : 'Redis'} ${version.join('.')}`;
}

/**
 * The newest RDB version whose DUMP payloads the server takes (rdb-format.md 1.1).
 *
 * @see rdb.h of both engines: RDB_VERSION
 */
export function rdbVersionOf(info: ServerInfo): number {
  const [major, minor] = info.version;
  const version = major * 100 + minor;
  const table = info.engine === 'valkey' ? VALKEY_RDB : REDIS_RDB;
  return table.find(([since]) => version >= since)?.[1] ?? 6;
}

/** What the server knows of value types; `undefined` where it hides its version. */
export function typeSupport(info: ServerInfo): TypeSupport | undefined {
  return info.version[0] === 0 ? undefined : { family: info.engine, rdb: rdbVersionOf(info) };
}

/** Newest first: server version as major × 100 + minor, RDB version. */
const REDIS_RDB: readonly [number, number][] = [
  [810, 15],
  [808, 14],
  [806, 13],
  [704, 12],
  [702, 11],
  [700, 10],
  [500, 9],
  [400, 8],
  [302, 7],
];
const VALKEY_RDB: readonly [number, number][] = [
  [902, 81],
  [900, 80],
  [702, 11],
];
