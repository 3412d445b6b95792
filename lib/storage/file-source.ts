// Files as byte sources.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import type { ByteSource, SourcePin } from './byte-source.ts';

/**
 * Opens a file for ranged reads.
 *
 * @throws {InputError} `INPUT_NOT_FOUND`, `INPUT_DIRECTORY`, `INPUT_NOT_A_FILE`, `INPUT_FORBIDDEN` or `INPUT_READ`
 */
export async function openFile(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined;
  try {
    // Opening a pipe would else wait for somebody who writes to it.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = await handle.stat();
    if (stat.isDirectory()) throw new InputError('INPUT_DIRECTORY', 'this is a folder, not a file.', { where: path });
    if (!stat.isFile()) {
      throw new InputError('INPUT_NOT_A_FILE', 'this is not a regular file.', {
        where: path,
        remedy: 'Give a stream to keyferry on standard input: … | keyferry restore - --to URL',
      });
    }
    return new FileSource(path, handle, { size: stat.size, mtimeMs: Math.floor(stat.mtimeMs) });
  } catch (error) {
    await handle?.close();
    throw error instanceof InputError ? error : asInputError(path, error);
  }
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly path: string;
  readonly pin: SourcePin;
  readonly #handle: FileHandle;

  constructor(name: string, handle: FileHandle, pin: SourcePin) {
    this.name = name;
    this.path = name;
    this.pin = pin;
    this.#handle = handle;
  }

  get size(): number {
    return this.pin.size;
  }

  async read(start: number, end: number, into: Buffer = Buffer.allocUnsafeSlow(end - start)): Promise<Buffer> {
    let filled = 0;
    while (filled < end - start) {
      let bytesRead: number;
      try {
        ({ bytesRead } = await this.#handle.read(into, filled, end - start - filled, start + filled));
      } catch (error) {
        throw asInputError(this.name, error);
      }
      if (bytesRead === 0) {
        throw new InputError('INPUT_CHANGED', `the file is shorter than when it was opened: ${this.size} bytes then.`, {
          where: `${this.name}, byte ${start + filled}`,
          remedy: 'Something is writing to it. Wait until it is complete, then run the same command with --fresh.',
        });
      }
      filled += bytesRead;
    }
    return into;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The file at `path` is another one than the one that was opened. */
export function inputChanged(path: string): InputError {
  return new InputError('INPUT_CHANGED', 'the file was replaced while it was read.', {
    where: path,
    remedy: 'Wait until it is complete, then run the same command again.',
  });
}

const CODES: Record<string, [code: string, message: string]> = {
  ENOENT: ['INPUT_NOT_FOUND', 'there is no such file.'],
  ENOTDIR: ['INPUT_NOT_FOUND', 'there is no such file.'],
  EISDIR: ['INPUT_DIRECTORY', 'this is a folder, not a file.'],
  EACCES: ['INPUT_FORBIDDEN', 'the file may not be read.'],
  EPERM: ['INPUT_FORBIDDEN', 'the file may not be read.'],
};

function asInputError(path: string, cause: unknown): InputError {
  const system = cause as NodeJS.ErrnoException;
  const [code, message] = CODES[system.code ?? ''] ?? ['INPUT_READ', `the file cannot be read: ${system.message}.`];
  return new InputError(code, message, { where: path, cause });
}
