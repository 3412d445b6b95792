// A folder that backups lie in, on this machine or in S3: what is there, and how it is removed.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { InputError, UsageError } from '../errors.ts';
import { isObjectUrl } from './dump/place.ts';

/** What lies in a folder. */
export interface FolderEntry {
  readonly name: string;
  /** Names in it, where it is a folder itself. */
  readonly holds: readonly string[] | undefined;
}

export interface BackupFolder {
  /** @throws {InputError} `INPUT_NOT_FOUND` where there is no such folder, and those of reading it */
  entries(): Promise<FolderEntry[]>;
  /** The path, or the URL, of what has this name in it. */
  pathOf(...names: readonly string[]): string;
  /** Removes a file of that path; one that is not there is no mistake. */
  removeFile(path: string): Promise<void>;
  /** Removes a folder of that path with all that is in it. */
  removeFolder(path: string): Promise<void>;
}

/**
 * @param folder a path, or `s3://BUCKET/FOLDER`
 * @param s3 for the latter
 * @throws {UsageError} `DUMP_S3`, `BACKUPS_BUCKET`
 */
export async function openFolder(folder: string, s3: S3Client | undefined): Promise<BackupFolder> {
  if (!isObjectUrl(folder)) return new LocalFolder(folder);
  if (s3 === undefined) throw new UsageError('DUMP_S3', 'no client of S3 was given for this place.', { where: folder });
  const { ObjectFolder } = await import('./object-folder.ts');
  return new ObjectFolder(s3, folder);
}

class LocalFolder implements BackupFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async entries(): Promise<FolderEntry[]> {
    if (!(await stat(this.#folder).catch(() => undefined))?.isDirectory()) {
      throw new InputError('INPUT_NOT_FOUND', 'there is no such folder.', { where: this.#folder });
    }
    const entries: FolderEntry[] = [];
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      const { name } = entry;
      if (entry.isFile()) entries.push({ name, holds: undefined });
      else if (entry.isDirectory()) entries.push({ name, holds: await readdir(this.pathOf(name)).catch(() => []) });
    }
    return entries;
  }

  pathOf(...names: readonly string[]): string {
    return join(this.#folder, ...names);
  }

  async removeFile(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async removeFolder(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }
}
