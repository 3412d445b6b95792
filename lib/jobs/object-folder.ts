// A folder of a bucket that backups lie in.
import type { S3Client } from '@aws-sdk/client-s3';
import { InputError, UsageError } from '../errors.ts';
import { listObjects, removeObjects } from '../storage/s3/folder.ts';
import { objectUrl, parseObjectUrl } from '../storage/s3/location.ts';
import type { BackupFolder, FolderEntry } from './backup-folder.ts';

export class ObjectFolder implements BackupFolder {
  readonly #s3: S3Client;
  readonly #bucket: string;
  /** With a slash at its end, where it is not the bucket itself. */
  readonly #prefix: string;

  /** @throws {UsageError} `BACKUPS_BUCKET` where the URL names no bucket */
  constructor(s3: S3Client, url: string) {
    const location = parseObjectUrl(`${url}/`);
    if (location === undefined) {
      const remedy = 'Write s3://BUCKET/FOLDER.';
      throw new UsageError('BACKUPS_BUCKET', 'this names no bucket.', { where: url, remedy });
    }
    const prefix = location.key.replace(/^\/+|\/+$/g, '');
    this.#s3 = s3;
    this.#bucket = location.bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
  }

  async entries(): Promise<FolderEntry[]> {
    const files: FolderEntry[] = [];
    const folders = new Map<string, string[]>();
    for await (const { key } of listObjects(this.#s3, { bucket: this.#bucket, key: this.#prefix })) {
      const [name = '', ...rest] = key.slice(this.#prefix.length).split('/');
      if (rest.length === 0) {
        files.push({ name, holds: undefined });
        continue;
      }
      const holds = folders.get(name) ?? [];
      if (rest.length === 1) holds.push(rest[0] as string);
      folders.set(name, holds);
    }
    if (files.length + folders.size === 0) {
      throw new InputError('INPUT_NOT_FOUND', 'there is no such folder.', { where: this.pathOf() });
    }
    return [...files, ...[...folders].map(([name, holds]) => ({ name, holds }))];
  }

  pathOf(...names: readonly string[]): string {
    return objectUrl({ bucket: this.#bucket, key: `${this.#prefix}${names.join('/')}` });
  }

  async removeFile(path: string): Promise<void> {
    await removeObjects(this.#s3, this.#bucket, [this.#keyOf(path)]);
  }

  async removeFolder(path: string): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of listObjects(this.#s3, { bucket: this.#bucket, key: `${this.#keyOf(path)}/` })) {
      keys.push(key);
    }
    await removeObjects(this.#s3, this.#bucket, keys);
  }

  #keyOf(path: string): string {
    return path.slice(`s3://${this.#bucket}/`.length);
  }
}
