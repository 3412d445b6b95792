// Small files written beside an input: whole under their name, or not there at all.

import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { LocalError } from '../errors.ts';

/** Says what a failed write to a work file means and what to do about it. */
export function localError(path: string, cause: unknown): LocalError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const where = { where: path, cause };
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new LocalError('LOCAL_DISK_FULL', 'the disk is full.', {
      ...where,
      remedy: 'Make room and run the same command again: it goes on from here. Or name another folder: --work-dir DIR',
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR') {
    return new LocalError('LOCAL_NOT_WRITABLE', `the work file cannot be written (${code}).`, {
      ...where,
      remedy: 'Plans and ledgers stand beside the input; name a folder for them with --work-dir DIR',
    });
  }
  return new LocalError('LOCAL_WRITE', `the work file cannot be written: ${message}.`, where);
}

/** Writes text to a file that appears under its name complete and on disk. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    const handle = await open(partial, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw localError(path, error);
  }
}

/** A text file that grows line by line and appears under its name when it is committed. */
export class LineFile {
  readonly #path: string;
  readonly #stream: ReturnType<typeof createWriteStream>;
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
    this.#stream = createWriteStream(`${path}.partial`, { mode: 0o600, flush: true });
    this.#stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  async write(text: string): Promise<void> {
    this.#throwFailure();
    if (!this.#stream.write(text)) await this.#drained();
    this.#throwFailure();
  }

  async commit(): Promise<void> {
    this.#stream.end();
    await this.#closed(); // the bytes are on disk only then
    this.#throwFailure();
    try {
      await rename(`${this.#path}.partial`, this.#path);
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  async abandon(): Promise<void> {
    this.#stream.destroy();
    await this.#closed();
    await rm(`${this.#path}.partial`, { force: true });
  }

  /** Resolves when there is room for more, or never will be. */
  #drained(): Promise<void> {
    const stream = this.#stream;
    if (stream.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = () => {
        stream.off('drain', goOn).off('close', goOn);
        resolve();
      };
      stream.on('drain', goOn).on('close', goOn);
    });
  }

  #closed(): Promise<void> {
    if (this.#stream.closed) return Promise.resolve();
    return new Promise((resolve) => this.#stream.once('close', () => resolve()));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw localError(this.#path, this.#failure);
  }
}
