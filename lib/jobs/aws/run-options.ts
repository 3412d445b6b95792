// What a single run into a target was told beside its target's settings, and what both make of a restore.
import * as z from 'zod';
import { camelKeys } from '../../config/fields.ts';
import type { TargetSettings } from '../../config/resolve.ts';
import { RESTORE_OPTIONS } from '../../config/restore-options.ts';
import { UsageError } from '../../errors.ts';
import { parseRedisUrl, type TlsSettings } from '../../redis/endpoint.ts';
import type { RestoreTerms } from '../restore-session.ts';

/** In the words of keyferry.toml; anything else is a mistake. */
const runOptions = z.strictObject(RESTORE_OPTIONS).partial().transform(camelKeys);

export type RunOptions = z.output<typeof runOptions>;

/**
 * Checks options as a person wrote them.
 *
 * @param where what people call the place where they stand
 * @throws {UsageError} `RUN_OPTIONS` naming every mistake
 */
export function parseRunOptions(raw: unknown, where: string): RunOptions {
  const parsed = runOptions.safeParse(raw);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the options'}: ${message}`);
  throw new UsageError('RUN_OPTIONS', `these options cannot be carried out: ${mistakes.join('; ')}.`, {
    where,
    remedy: 'They are those of a target in docs/configuration.md, as JSON: {"on-conflict": "skip"}',
  });
}

/** How to log in, as the secrets have it. */
export interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly tls?: TlsSettings | undefined;
}

/** @param workers how many calls share the target's rate */
export function restoreTerms(
  target: Omit<TargetSettings, 'network'>,
  options: RunOptions,
  login: Login,
  { chunkBytes, workers, patienceMs }: { chunkBytes: number; workers: number; patienceMs: number },
): RestoreTerms {
  const settings = { ...target, ...options };
  const url = parseRedisUrl(target.endpoint, login);
  const { bytesPerSecond, keysPerSecond } = settings.rate ?? {};
  const share = (rate: number | undefined) => (rate === undefined ? undefined : rate / workers);
  return {
    target: { ...url, username: url.username ?? login.username },
    mode: settings.mode,
    onConflict: settings.onConflict,
    expiry: { shiftMs: settings.ttlShift ?? 0, drop: settings.noExpire ?? false },
    filter: { dbs: settings.onlyDb },
    dbMap: settings.dbMap && new Map(Object.entries(settings.dbMap).map(([from, to]) => [Number(from), to])),
    mergeDbs: settings.mergeDbs,
    rate: { bytesPerSecond: share(bytesPerSecond), keysPerSecond: share(keysPerSecond) },
    strict: settings.strict,
    bigKeyBytes: settings.bigKeyBytes,
    chunkBytes,
    patienceMs,
  };
}
