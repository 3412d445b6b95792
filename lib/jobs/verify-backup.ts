// Proves that a backup is what its manifest says: all of its files there, their bytes, what they hold, and that a server loads it.
import type { S3Client } from '@aws-sdk/client-s3';
import { InputError, type KeyferryError } from '../errors.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import { Fingerprints } from '../targets/rdb/fingerprints.ts';
import { Progress } from '../telemetry/progress.ts';
import type { BackupManifest, BackupShard } from './dump/manifest.ts';
import { type BackupFiles, openBackup } from './verify/backup-files.ts';
import { checkBytes, checkEnds } from './verify/check-bytes.ts';
import { checkContent } from './verify/check-content.ts';
import { checkRestore } from './verify/check-restore.ts';
import { VERIFY_LEVELS, type VerifyLevel } from './verify/levels.ts';

export { VERIFY_LEVELS, type VerifyLevel } from './verify/levels.ts';

export interface VerifyOptions {
  /** The manifest, or the folder or the file that it stands in or beside; or the same in S3: `s3://BUCKET/…`. */
  readonly path: string;
  /**
   * `quick`: the manifest is as it was written, the files are there, of their size, and end as they should. `checksum`:
   * every byte, by SHA-256. `full`: what the RDBs hold, key by key. `restore`: a server of this machine loads them.
   * Default `full`.
   */
  readonly level?: VerifyLevel | undefined;
  /** For files that live as long as this: unpacked copies, names of very many keys. Default: the system's folder. */
  readonly workDir?: string | undefined;
  /** For `s3://`: brings region and credentials. */
  readonly s3?: S3Client | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one file. */
export interface VerifiedFile {
  readonly file: string;
  /** What it was found to be. */
  readonly passed: readonly string[];
  /** What is wrong with it: nothing was looked at behind that. */
  readonly error: KeyferryError | undefined;
}

export interface VerifyReport {
  readonly manifest: BackupManifest;
  readonly manifestPath: string;
  readonly level: VerifyLevel;
  /** In the order of the manifest. */
  readonly files: readonly VerifiedFile[];
  /** Every file has passed. */
  readonly good: boolean;
}

/**
 * Reads the backup. What is wrong with its files is in the report.
 *
 * @throws {InputError} `BACKUP_MISSING`, `BACKUP_MANIFEST`, `BACKUP_MANIFEST_EDITED`: of such a manifest nothing is
 * believed; {LocalError}; the signal's reason
 */
export async function verifyBackup(options: VerifyOptions): Promise<VerifyReport> {
  const { level = 'full', progress = new Progress(), signal, workDir } = options;
  const backup = await openBackup(options.path, options.s3);
  const { manifest, manifestPath } = backup;
  const files: VerifiedFile[] = [];
  // Over all files: a key of a cluster is in one of them.
  const seen = new Fingerprints({ folder: workDir });
  progress.begin('reading', { bytes: VERIFY_LEVELS.indexOf(level) > 0 ? manifest.bytes : undefined });
  try {
    for (const shard of manifest.shards) {
      signal?.throwIfAborted();
      files.push(await verifyFile(backup, shard, { level, progress, seen, signal, workDir }));
    }
  } finally {
    await seen.close();
  }
  progress.begin('done');
  return { manifest, manifestPath, level, files, good: files.every(({ error }) => error === undefined) };
}

/** What the checks of one file have in common. */
export interface VerifyTask {
  readonly level: VerifyLevel;
  readonly progress: Progress;
  readonly seen: Fingerprints;
  readonly workDir: string | undefined;
  readonly signal: AbortSignal | undefined;
}

async function verifyFile(backup: BackupFiles, shard: BackupShard, task: VerifyTask): Promise<VerifiedFile> {
  const passed: string[] = [];
  const wanted = VERIFY_LEVELS.indexOf(task.level);
  let source: ByteSource | undefined;
  try {
    source = await backup.open(shard.file);
    await checkEnds(source, shard);
    passed.push('size');
    if (wanted === 1) {
      await checkBytes(source, shard, task);
      passed.push('SHA-256');
    } else if (wanted > 1) {
      passed.push(...(await checkContent(source, shard, task)));
    }
    if (wanted > 2) passed.push(await checkRestore(source, shard, task));
    return { file: shard.file, passed, error: undefined };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { file: shard.file, passed, error };
  } finally {
    await source?.close();
  }
}
