// Where a backup's files are read: beside their manifest, on this machine or in S3.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { InputError, UsageError } from '../../errors.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { openFile } from '../../storage/file-source.ts';
import { parseObjectUrl } from '../../storage/s3/location.ts';
import { type BackupManifest, MANIFEST_FILE, MANIFEST_SUFFIX, parseBackupManifest } from '../dump/manifest.ts';
import { folderOf, isObjectUrl, namesFile } from '../dump/place.ts';

/** A backup as it lies there. */
export interface BackupFiles {
  readonly manifestPath: string;
  readonly manifest: BackupManifest;
  /** @throws {InputError} `BACKUP_FILE_MISSING`, and those of opening */
  open(file: string): Promise<ByteSource>;
}

/** No manifest of a cluster is larger; bytes. */
const MOST_MANIFEST_BYTES = 16 * 1024 * 1024;

/**
 * Finds the manifest of a backup and reads it.
 *
 * @param path the manifest, or the folder or the file that it stands in or beside; or the same in S3
 * @throws {InputError} `BACKUP_MISSING`, `BACKUP_MANIFEST`, `BACKUP_MANIFEST_EDITED`; {UsageError} `DUMP_S3`
 */
export async function openBackup(path: string, s3?: S3Client | undefined): Promise<BackupFiles> {
  const manifestPath = await manifestOf(path);
  const folder = folderOf(manifestPath);
  const open = isObjectUrl(path) ? await objects(path, s3) : openFile;
  const text = await manifestText(manifestPath, open).catch((cause: unknown) => {
    if (!isMissing(cause)) throw cause;
    throw new InputError('BACKUP_MISSING', 'there is no manifest here: without one there is no backup.', {
      where: manifestPath,
      remedy: 'A dump that was cut short has none. Name the manifest, or the folder that holds it.',
      cause,
    });
  });
  return {
    manifestPath,
    manifest: parseBackupManifest(text, manifestPath),
    open: async (file) => {
      const name = isObjectUrl(path) ? `${folder}/${file}` : join(folder, file);
      try {
        return await open(name);
      } catch (cause) {
        if (!isMissing(cause)) throw cause;
        throw new InputError('BACKUP_FILE_MISSING', 'a file of the backup is not there.', {
          where: name,
          remedy: 'Fetch it from where the backup is kept: all files of a set stand beside their manifest.',
          cause,
        });
      }
    },
  };
}

async function manifestOf(path: string): Promise<string> {
  if (namesFile(path)) return `${path}${MANIFEST_SUFFIX}`;
  if (path.endsWith('.json')) return path;
  if (isObjectUrl(path)) return `${path.replace(/\/+$/, '')}/${MANIFEST_FILE}`;
  return (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, MANIFEST_FILE) : path;
}

async function manifestText(path: string, open: (path: string) => Promise<ByteSource>): Promise<string> {
  if (open === openFile) return readFile(path, 'utf8');
  const source = await open(path);
  try {
    return (await source.read(0, Math.min(source.size, MOST_MANIFEST_BYTES))).toString('utf8');
  } finally {
    await source.close();
  }
}

async function objects(path: string, s3: S3Client | undefined): Promise<(url: string) => Promise<ByteSource>> {
  if (s3 === undefined) throw new UsageError('DUMP_S3', 'no client of S3 was given for this place.', { where: path });
  const { openObject } = await import('../../storage/s3/s3-source.ts');
  return (url) => openObject(s3, parseObjectUrl(url) ?? { bucket: '', key: '' });
}

const isMissing = (error: unknown): boolean =>
  (error instanceof InputError && error.code === 'INPUT_NOT_FOUND') ||
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
