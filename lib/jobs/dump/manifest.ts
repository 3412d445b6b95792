// The manifest of a backup: what it is a copy of, as of when, and what each of its files holds. It is written last: a
// backup without it is none.
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { InputError } from '../../errors.ts';
import { VALUE_KINDS } from '../../rdb/types.ts';

export const MANIFEST_FILE = 'manifest.json';
/** Behind the name of a backup that is one file. */
export const MANIFEST_SUFFIX = '.manifest.json';

const FORMAT = 'keyferry-backup';
const VERSION = 1;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const crc64 = z.string().regex(/^[0-9a-f]{16}$/);
const time = z.iso.datetime();
/** Digits: offsets go beyond 2^53. */
const offset = z.string().regex(/^\d{1,20}$/);
/** A name in the manifest's own folder. */
const fileName = z
  .string()
  .regex(/^[^/\\]+$/)
  .refine((name) => name !== '.' && name !== '..');

const database = z.strictObject({
  db: count,
  keys: count,
  expires: count,
  types: z.partialRecord(z.enum(VALUE_KINDS), count),
});

const shard = z.strictObject({
  file: fileName,
  /** Of the file as it is stored. */
  bytes: count,
  sha256,
  packing: z.enum(['none', 'gzip', 'zstd']),
  /** Of the RDB, which is the file itself where nothing is packed. */
  rdb: z.strictObject({
    version: z.string(),
    bytes: count,
    sha256,
    crc64,
    checksum: z.enum(['ok', 'absent', 'disabled']),
  }),
  /** The server that was read, without secrets, and what it said that it is. */
  node: z.string(),
  role: z.enum(['master', 'replica']),
  engine: z.enum(['redis', 'valkey']).nullable(),
  serverVersion: z.string().nullable(),
  /** Of a cluster: the slots that it served. */
  slots: z.array(z.tuple([count, count])).nullable(),
  /** Where the stream goes on behind this RDB; null where the source has not said so. */
  replication: z.strictObject({ replid: z.string(), offset, streamDb: count.nullable() }).nullable(),
  /** All of the file is as it was at one moment, between these two. */
  pointInTime: z.boolean(),
  startedAt: time,
  endedAt: time,
  keys: count,
  expires: count,
  functions: count,
  databases: z.array(database),
});

const schema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  keyferry: z.string(),
  /** The source's URL without secrets. */
  source: z.string(),
  /** Where the files lie, `s3://BUCKET/FOLDER/`: a copy of the manifest elsewhere still finds them. */
  location: z
    .string()
    .regex(/^s3:\/\/[^/]+\/(?:.*\/)?$/)
    .optional(),
  kind: z.enum(['standalone', 'sentinel', 'cluster', 'proxy']),
  via: z.enum(['psync', 'sync', 'scan']),
  /** `all` of it is of one moment, `shards`: each is of its own, or `none`. */
  pointInTime: z.enum(['all', 'shards', 'none']),
  startedAt: time,
  endedAt: time,
  bytes: count,
  keys: count,
  expires: count,
  shards: z.array(shard).min(1),
  warnings: z.array(z.string()),
  /** Of everything above: {@link manifestDigest}. */
  sha256,
});

export type BackupManifest = z.infer<typeof schema>;
export type BackupShard = z.infer<typeof shard>;

/** What {@link sealManifest} adds. */
export type ManifestFacts = Omit<BackupManifest, 'format' | 'version' | 'sha256'>;

export function sealManifest(facts: ManifestFacts): BackupManifest {
  const unsealed = { format: FORMAT, version: VERSION, ...facts } as const;
  return { ...unsealed, sha256: manifestDigest(unsealed) };
}

export function manifestText(manifest: BackupManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Reads a manifest, and believes it only where nothing in it has changed since it was written.
 *
 * @throws {InputError} `BACKUP_MANIFEST` for what is none, `BACKUP_MANIFEST_EDITED` where its SHA-256 is that of another text
 */
export function parseBackupManifest(text: string, where: string): BackupManifest {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new InputError('BACKUP_MANIFEST', 'this is no manifest of a backup: it is not JSON.', { where, cause });
  }
  const named = raw as { format?: unknown; version?: unknown; sha256?: unknown } | null;
  if (named?.format !== FORMAT) {
    throw new InputError('BACKUP_MANIFEST', 'this is no manifest of a backup.', {
      where,
      remedy: `keyferry dump writes one: ${MANIFEST_FILE} in a backup's folder, or FILE${MANIFEST_SUFFIX}`,
    });
  }
  if (named.version !== VERSION) {
    throw new InputError('BACKUP_MANIFEST', `version ${String(named.version)} of the manifest is not known here.`, {
      where,
      remedy: 'A newer release of keyferry may know it.',
    });
  }
  const { sha256: said, ...rest } = named;
  if (said !== manifestDigest(rest)) {
    throw new InputError('BACKUP_MANIFEST_EDITED', 'the manifest has been changed since it was written.', {
      where,
      remedy: 'Fetch it again from where the backup was made; what it says of the files is not to be trusted.',
    });
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InputError(
    'BACKUP_MANIFEST',
    `this is no manifest of a backup: ${issue?.path.join('.')}: ${issue?.message}`,
    {
      where,
    },
  );
}

/** SHA-256 of the manifest without its own: as JSON without spaces, each object's names in the order of their characters. */
export function manifestDigest(unsealed: object): string {
  return createHash('sha256').update(canonical(unsealed)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
