// The backups in a folder: which there are, and which of them are to be kept.
import type { S3Client } from '@aws-sdk/client-s3';
import { KeyferryError } from '../errors.ts';
import { openFolder } from './backup-folder.ts';
import { type BackupManifest, MANIFEST_FILE, MANIFEST_SUFFIX } from './dump/manifest.ts';
import { folderOf } from './dump/place.ts';
import { openBackup } from './verify/backup-files.ts';
import { checkEnds } from './verify/check-bytes.ts';

/** A backup, or what is left of one. */
export interface Backup {
  /** The name in the folder: of the set's folder, or of the file. */
  readonly name: string;
  readonly manifestPath: string;
  /** The folder that is the backup's own; `undefined` for one file beside its manifest. */
  readonly folder: string | undefined;
  readonly manifest: BackupManifest | undefined;
  /** Why it can't be restored; `undefined` for one whose files are there, as far as a quick look tells. */
  readonly problem: KeyferryError | undefined;
}

/** How many backups of each source stay; the newest of each day, and of each week from Monday on, in UTC. */
export interface KeepRules {
  readonly last: number;
  readonly daily: number;
  readonly weekly: number;
}

/**
 * All backups in a folder, the newest first; those that are none for want of a manifest come last.
 *
 * @param path of the folder, or its URL: `s3://BUCKET/FOLDER`
 * @param s3 for the latter
 * @throws {InputError} `INPUT_NOT_FOUND` where there is no such folder
 */
export async function listBackups(path: string, s3?: S3Client): Promise<Backup[]> {
  const folder = await openFolder(path, s3);
  const found: Backup[] = [];
  for (const { name, holds } of await folder.entries()) {
    if (holds !== undefined) {
      if (!holds.some((file) => file === MANIFEST_FILE || RDB_FILE.test(file))) continue;
      const backup = await look(name, folder.pathOf(name, MANIFEST_FILE), folder.pathOf(name), s3);
      // Other folders, whatever manifests they have, are none of ours.
      if (backup.manifest !== undefined || holds.some((file) => RDB_FILE.test(file))) found.push(backup);
    } else if (name.endsWith(MANIFEST_SUFFIX)) {
      found.push(await look(name.slice(0, -MANIFEST_SUFFIX.length), folder.pathOf(name), undefined, s3));
    }
  }
  const time = ({ manifest }: Backup) => manifest?.startedAt ?? '';
  return found.sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : a.name < b.name ? 1 : -1));
}

/**
 * Which of them no rule keeps. Only good ones count; the last good one of each source stays whatever the rules say, and so
 * does what can't be read: somebody should look at it.
 */
export function choosePrunable(backups: readonly Backup[], keep: KeepRules): Backup[] {
  const kept = new Set<Backup>();
  const sources = Map.groupBy(backups.filter(isGood), ({ manifest }) => manifest.source);
  for (const own of sources.values()) {
    for (const each of own.slice(0, Math.max(1, keep.last))) kept.add(each);
    for (const each of newestOfEach(own, dayOf).slice(0, keep.daily)) kept.add(each);
    for (const each of newestOfEach(own, weekOf).slice(0, keep.weekly)) kept.add(each);
  }
  return backups.filter((each) => isGood(each) && !kept.has(each));
}

/**
 * Removes a backup: its manifest first, so that what is left for a moment looks like none.
 *
 * @param s3 for one in a bucket
 * @throws {OutputError} where an object can't be removed
 */
export async function removeBackup({ manifestPath, folder, manifest }: Backup, s3?: S3Client): Promise<void> {
  const place = await openFolder(folderOf(manifestPath), s3);
  await place.removeFile(manifestPath);
  if (folder !== undefined) return place.removeFolder(folder);
  for (const { file } of manifest?.shards ?? []) await place.removeFile(place.pathOf(file));
}

type GoodBackup = Backup & { readonly manifest: BackupManifest };

const isGood = (backup: Backup): backup is GoodBackup => backup.manifest !== undefined && backup.problem === undefined;

const DAY_MS = 86_400_000;
const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);
/** The first of January 1970 was a Thursday. */
const weekOf = (ms: number): number => Math.floor((dayOf(ms) + 3) / 7);

function newestOfEach(backups: readonly GoodBackup[], period: (ms: number) => number): GoodBackup[] {
  const seen = new Set<number>();
  return backups.filter(({ manifest }) => {
    const which = period(Date.parse(manifest.startedAt));
    return !seen.has(which) && seen.add(which);
  });
}

async function look(
  name: string,
  manifestPath: string,
  folder: string | undefined,
  s3: S3Client | undefined,
): Promise<Backup> {
  let manifest: BackupManifest | undefined;
  try {
    const files = await openBackup(manifestPath, s3);
    manifest = files.manifest;
    for (const shard of manifest.shards) {
      const source = await files.open(shard.file);
      await checkEnds(source, shard).finally(() => source.close());
    }
    return { name, manifestPath, folder, manifest, problem: undefined };
  } catch (error) {
    if (!(error instanceof KeyferryError)) throw error;
    return { name, manifestPath, folder, manifest, problem: error };
  }
}

const RDB_FILE = /\.rdb(?:\.gz|\.zst)?(?:\.partial)?$/;
