// The servers whose memory is modelled, and which of them wrote a file.
import type { DialectName } from '../../rdb/dialect.ts';

export const MODELLED_SERVERS = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-8.1', 'valkey-9.1'] as const;
export type ModelledServer = (typeof MODELLED_SERVERS)[number];

export interface Writer {
  readonly dialect: DialectName;
  /** The RDB version. */
  readonly version: number;
  readonly redisVersion: string | undefined;
  readonly valkeyVersion: string | undefined;
}

/** The modelled server that is nearest to the one that wrote a file. */
export function serverOf({ dialect, version, redisVersion, valkeyVersion }: Writer): ModelledServer {
  if (valkeyVersion !== undefined) {
    const release = numberOf(valkeyVersion);
    // Valkey had Redis's dictionaries up to 8.0.
    return release >= 9 ? 'valkey-9.1' : release >= 8.01 ? 'valkey-8.1' : 'redis-8.0';
  }
  if (dialect === 'valkey') return 'valkey-9.1';
  if (dialect === 'redis' && redisVersion !== undefined) {
    const release = numberOf(redisVersion);
    return release >= 7.02 ? 'redis-8.0' : release >= 7 ? 'redis-7.0' : 'redis-6.0';
  }
  return version > 10 ? 'redis-8.0' : version === 10 ? 'redis-7.0' : 'redis-6.0';
}

/** `7.2.4` as 7.02. */
function numberOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return major + minor / 100;
}
