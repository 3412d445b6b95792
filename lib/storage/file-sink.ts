// Files as byte sinks: a file that is being written has another name until it is whole.
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { LocalError } from '../errors.ts';

/** Where bytes go, in order. */
export interface ByteSink {
  /** Takes the bytes; until the promise is fulfilled they must not change. One call at a time. */
  write(bytes: Buffer): Promise<void>;
}

/** A sink whose bytes can be written over afterwards. */
export interface RewritableSink extends ByteSink {
  /** Writes over bytes that are there already, from `position` on. */
  rewrite(bytes: Buffer, position: number): Promise<void>;
}

/**
 * Begins a file, as `PATH.partial`. A file that is there under `path` stays until {@link FileSink.commit} replaces it.
 *
 * @throws {LocalError} `LOCAL_NOT_WRITABLE`, `LOCAL_DISK_FULL` or `LOCAL_WRITE`, as do the methods
 */
export async function createFile(path: string): Promise<FileSink> {
  const present = await stat(path).catch(() => undefined);
  // A name given to the new file would take the place of a device such as /dev/null.
  if (present !== undefined && !present.isFile()) {
    const what = present.isDirectory() ? 'this is a folder, not a file.' : 'this is not a regular file.';
    throw new LocalError('LOCAL_NOT_WRITABLE', what, { where: path, remedy: 'Name a file.' });
  }
  const handle = await orLocalError(path, () => open(`${path}.partial`, 'w'));
  return new FileSink(path, handle);
}

export class FileSink implements RewritableSink {
  readonly #path: string;
  readonly #handle: FileHandle;
  #position = 0;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.rewrite(bytes, this.#position);
    this.#position += bytes.length;
  }

  rewrite(bytes: Buffer, position: number): Promise<void> {
    return orLocalError(this.#path, async () => {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    });
  }

  /** Gives the file its name, once its bytes are on disk. */
  async commit(): Promise<void> {
    await orLocalError(this.#path, async () => {
      await this.#handle.sync();
      await this.#handle.close();
      await rename(`${this.#path}.partial`, this.#path);
    });
  }

  /** Ends the file as it is: what has been written stays under the name `PATH.partial`. */
  async leave(): Promise<void> {
    await orLocalError(this.#path, () => this.#handle.close());
  }

  /** Removes what has been written. */
  async abandon(): Promise<void> {
    await this.#handle.close();
    await rm(`${this.#path}.partial`, { force: true });
  }
}

async function orLocalError<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw asLocalError(path, cause);
  }
}

type Report = readonly [code: string, message: string, remedy: string];

const FORBIDDEN: Report = ['LOCAL_NOT_WRITABLE', 'the file may not be written.', 'Name a file that you may write.'];
const FULL: Report = ['LOCAL_DISK_FULL', 'the disk is full.', 'Make room, or name a file on another disk.'];
const REPORTS: Readonly<Record<string, Report>> = {
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EROFS: FORBIDDEN,
  ENOENT: ['LOCAL_NOT_WRITABLE', 'its folder does not exist.', 'Make the folder, or name another file.'],
  ENOTDIR: ['LOCAL_NOT_WRITABLE', 'its folder is no folder.', 'Name another file.'],
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: FULL,
};

function asLocalError(path: string, cause: unknown): LocalError {
  const system = cause as NodeJS.ErrnoException;
  const known = REPORTS[system.code ?? ''];
  if (known === undefined) {
    return new LocalError('LOCAL_WRITE', `the file cannot be written: ${system.message}.`, { where: path, cause });
  }
  const [code, message, remedy] = known;
  return new LocalError(code, message, { where: path, remedy, cause });
}
