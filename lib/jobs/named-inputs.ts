// The files of a restore as they are named: the manifest of a backup stands for all that it speaks of.
import { STDIN } from '../sources/rdb/input.ts';

export interface NamedInput {
  readonly name: string;
  /** Of its RDB, where a manifest says it. */
  readonly sha256: string | undefined;
}

/**
 * @throws {InputError} `BACKUP_MANIFEST`, `BACKUP_MANIFEST_EDITED`, `BACKUP_FILE_MISSING`, `BACKUP_FILE_SIZE`,
 * `BACKUP_FILE_CHANGED`
 */
export async function namedInputs(files: readonly string[]): Promise<NamedInput[]> {
  const inputs: NamedInput[] = [];
  for (const name of files) {
    if (name === STDIN || !name.toLowerCase().endsWith('.json')) inputs.push({ name, sha256: undefined });
    else inputs.push(...(await filesOf(name)));
  }
  return inputs;
}

async function filesOf(manifest: string): Promise<NamedInput[]> {
  // They bring a checker of JSON that other inputs do without.
  const { openBackup } = await import('./verify/backup-files.ts');
  const { checkEnds } = await import('./verify/check-bytes.ts');
  const backup = await openBackup(manifest);
  const inputs: NamedInput[] = [];
  for (const shard of backup.manifest.shards) {
    const file = await backup.open(shard.file);
    try {
      await checkEnds(file, shard);
    } finally {
      await file.close();
    }
    inputs.push({ name: file.name, sha256: shard.rdb.sha256 });
  }
  return inputs;
}
