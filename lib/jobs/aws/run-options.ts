// What a single run into a target was told beside its target's settings, and what both make of a restore.
import * as z from 'zod';
import { camelKeys } from '../../config/fields.ts';
import type { TargetSettings } from '../../config/resolve.ts';
import { RESTORE_OPTIONS } from '../../config/restore-options.ts';
import { UsageError } from '../../errors.ts';
import { type Password, parseRedisUrl, type RedisUrl, type TlsSettings } from '../../redis/endpoint.ts';
import { LINE_SHAPES } from '../../sources/json/json-records.ts';
import type { RestoreTerms } from '../restore-session.ts';
import { type DecodeOptions, decodeOptions } from './decode-options.ts';
import type { AwsMode } from './job.ts';

/** What only lines have. */
const LOAD_OPTIONS = {
  shape: z.enum(LINE_SHAPES).describe('What the lines are. By default the first one tells, or the manifest.'),
  'allow-incomplete': z.boolean().describe('Loads the whole parts of a decode that did not get to its end.'),
} as const;

/** In the words of keyferry.toml; anything else is a mistake. */
const OPTIONS_OF = {
  restore: z.strictObject(RESTORE_OPTIONS).partial().transform(camelKeys),
  load: z
    .strictObject({ ...RESTORE_OPTIONS, ...LOAD_OPTIONS })
    .partial()
    .transform(camelKeys),
  decode: decodeOptions,
} as const satisfies Record<AwsMode, z.ZodType>;

const REMEDIES: Readonly<Record<AwsMode, string>> = {
  restore: 'They are those of a target in docs/configuration.md, as JSON: {"on-conflict": "skip"}',
  load: 'They are those of a target in docs/configuration.md, as JSON: {"on-conflict": "skip"}',
  decode: 'docs/analysis.md names those of a decode, as JSON: {"match": ["user:*"], "salvage": true}',
};

/** Those of any mode that writes to a target; a mode has only its own. */
export type RunOptions = z.output<typeof OPTIONS_OF.load>;

/**
 * Checks options as a person wrote them.
 *
 * @param where what people call the place where they stand
 * @throws {UsageError} `RUN_OPTIONS` naming every mistake
 */
export function parseRunOptions(mode: AwsMode, raw: unknown, where: string): RunOptions | DecodeOptions {
  const parsed = OPTIONS_OF[mode].safeParse(raw);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the options'}: ${message}`);
  throw new UsageError('RUN_OPTIONS', `these options cannot be carried out: ${mistakes.join('; ')}.`, {
    where,
    remedy: REMEDIES[mode],
  });
}

/** How to log in, as the secrets have it. */
export interface Login {
  readonly username?: string | undefined;
  readonly password?: Password | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly tls?: TlsSettings | undefined;
}

/** Where the target is, and how to log in to it. */
export function targetUrl({ endpoint }: Pick<TargetSettings, 'endpoint'>, login: Login): RedisUrl {
  const url = parseRedisUrl(endpoint, login);
  return { ...url, username: url.username ?? login.username };
}

/** @param workers how many calls share the target's rate */
export function restoreTerms(
  target: Omit<TargetSettings, 'network'>,
  options: RunOptions,
  login: Login,
  { chunkBytes, workers, patienceMs }: { chunkBytes: number; workers: number; patienceMs: number },
): RestoreTerms {
  const settings = { ...target, ...options };
  const { bytesPerSecond, keysPerSecond } = settings.rate ?? {};
  const share = (rate: number | undefined) => (rate === undefined ? undefined : rate / workers);
  return {
    target: targetUrl(target, login),
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
