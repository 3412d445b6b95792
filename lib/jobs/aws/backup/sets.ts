// The backups of a source in the bucket: which there are, which are whole, and which no rule keeps.
import { InputError, KeyferryError } from '../../../errors.ts';
import { listObjects } from '../../../storage/s3/folder.ts';
import { type Backup, choosePrunable, type KeepRules, removeBackup } from '../../backups.ts';
import { type BackupManifest, MANIFEST_FILE } from '../../dump/manifest.ts';
import { folderOf } from '../../dump/place.ts';
import { openBackup } from '../../verify/backup-files.ts';
import type { Cloud } from '../job.ts';
import { type NamedSource, sourceFolder } from './run.ts';

/** A set that has a manifest, and all its files of the size that this says. */
export type WholeSet = Backup & { readonly manifest: BackupManifest; readonly folder: string };

/** Sets with a manifest, the newest first; `open` reads one, and says what is wrong with it. */
export async function listSets(cloud: Cloud, source: string): Promise<{ folder: string; open(): Promise<Backup> }[]> {
  const folder = sourceFolder(source);
  const sizes = new Map<string, number>();
  for await (const { key, bytes } of listObjects(cloud.s3, { bucket: cloud.bucket, key: folder }))
    sizes.set(key, bytes);
  const folders = [...sizes.keys()]
    .filter((key) => key.endsWith(`/${MANIFEST_FILE}`))
    .map((key) => key.slice(0, -MANIFEST_FILE.length));
  return folders
    .sort()
    .reverse()
    .map((set) => ({ folder: set, open: () => look(cloud, set, sizes) }));
}

async function look({ s3, bucket }: Cloud, folder: string, sizes: ReadonlyMap<string, number>): Promise<Backup> {
  const manifestPath = `s3://${bucket}/${folder}${MANIFEST_FILE}`;
  const found = { name: folder.split('/').at(-2) ?? folder, manifestPath, folder, manifest: undefined };
  try {
    const { manifest } = await openBackup(manifestPath, s3);
    const short = manifest.shards.find(({ file, bytes }) => sizes.get(`${folder}${file}`) !== bytes);
    const problem =
      short && new InputError('BACKUP_FILE_MISSING', 'a file is not there, or of another size.', { where: short.file });
    return { ...found, manifest, problem };
  } catch (error) {
    if (!(error instanceof KeyferryError)) throw error;
    return { ...found, problem: error };
  }
}

export const isWhole = (set: Backup): set is WholeSet => set.manifest !== undefined && set.problem === undefined;

/** The newest that is whole; `undefined` where there is none. */
export async function newestWhole(cloud: Cloud, source: string): Promise<WholeSet | undefined> {
  for (const { open } of await listSets(cloud, source)) {
    const set = await open();
    if (isWhole(set)) return set;
  }
  return undefined;
}

/**
 * Removes the sets that no rule keeps; without rules none.
 *
 * @returns their folders
 */
export async function pruneSets(cloud: Cloud, source: NamedSource): Promise<string[]> {
  const { keepLast, keepDaily, keepWeekly } = source;
  if (keepLast === undefined && keepDaily === undefined && keepWeekly === undefined) return [];
  const keep: KeepRules = { last: keepLast ?? 0, daily: keepDaily ?? 0, weekly: keepWeekly ?? 0 };
  const sets: Backup[] = [];
  for (const { open } of await listSets(cloud, source.name)) sets.push(await open());
  const removed: string[] = [];
  for (const set of choosePrunable(sets, keep)) {
    await removeBackup({ ...set, folder: folderOf(set.manifestPath) }, cloud.s3);
    removed.push(set.folder as string);
  }
  return removed;
}
