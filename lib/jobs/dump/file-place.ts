// A backup's place on this machine's disks.
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalError } from '../../errors.ts';
import { createFile } from '../../storage/file-sink.ts';
import type { BackupPlace, Packing, PlacedFile, PlaceNames } from './place.ts';

export class FilePlace implements BackupPlace {
  readonly manifest: string;
  readonly #names: PlaceNames;

  private constructor(names: PlaceNames) {
    this.#names = names;
    this.manifest = join(names.folder, names.manifest);
  }

  /** @throws {LocalError} `LOCAL_NOT_WRITABLE`: the folder cannot be made, or holds another backup */
  static async open(names: PlaceNames): Promise<FilePlace> {
    const { folder, own } = names;
    if (own) {
      await orLocalError(folder, () => mkdir(folder, { recursive: true }));
      if ((await readdir(folder)).length > 0) {
        throw new LocalError('LOCAL_NOT_WRITABLE', 'a backup of this name is there already.', {
          where: folder,
          remedy: 'Give this one another name: --name NAME',
        });
      }
    }
    return new FilePlace(names);
  }

  async begin(name: string, packing: Packing): Promise<PlacedFile> {
    const path = join(this.#names.folder, name);
    if ((await stat(path).catch(() => undefined))?.isFile() === false) {
      throw new LocalError('LOCAL_NOT_WRITABLE', 'this is no regular file.', { where: path, remedy: 'Name a file.' });
    }
    const output = await createFile(path);
    const discard = () => rm(`${path}.partial`, { force: true }).catch(() => undefined);
    return { name, packing, output, discard };
  }

  clear(): Promise<void> {
    return orLocalError(this.manifest, () => rm(this.manifest, { force: true }));
  }

  async seal(text: string): Promise<void> {
    const file = await createFile(this.manifest);
    try {
      await file.write(Buffer.from(text));
      await file.commit();
    } catch (error) {
      await file.abandon().catch(() => undefined);
      throw error;
    }
    await syncFolder(this.#names.folder);
  }

  async remove(): Promise<void> {
    const { folder, own } = this.#names;
    if (own) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Makes the names in it last through a power cut. */
async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders, and some network drives sync none.
  const handle = await open(path === '' ? '.' : path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function orLocalError<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new LocalError('LOCAL_NOT_WRITABLE', `there is no place for a backup here (${code ?? message}).`, {
      where: path,
      remedy: 'Name a folder that you may write.',
      cause,
    });
  }
}
