// Unpacks a compressed or piped input into a plain file, since restoring in parallel, and resuming, need ranged reads.
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { InputError, KeyferryError, LocalError } from '../errors.ts';
import { detectFormat, FORMAT_HEAD_BYTES, type InputFormat } from './input-format.ts';

export interface UnpackOptions {
  signal?: AbortSignal | undefined;
  /** Told the number of unpacked bytes so far, after each piece. */
  onBytes?: ((unpacked: number) => void) | undefined;
}

/** Piece of the input read at once; bytes. */
const PIECE_BYTES = 256 * 1024;

/**
 * Unpacks a `.gz` or `.zst` file (told by its content) into `to`.
 *
 * The result appears under its name only when it is complete.
 *
 * @throws {InputError} `INPUT_COMPRESSION` on damaged or cut-off compressed data, and those of detectFormat
 * @throws {LocalError} `LOCAL_DISK` when it cannot be written
 */
export async function unpackFile(
  path: string,
  format: InputFormat,
  to: string,
  options: UnpackOptions = {},
): Promise<void> {
  await unpack(path, createReadStream(path, { highWaterMark: PIECE_BYTES }), format, to, options);
}

/** The same for a stream of unknown content, such as standard input: plain, `.gz` or `.zst`. */
export async function unpackStream(
  name: string,
  input: Readable,
  to: string,
  options: UnpackOptions = {},
): Promise<void> {
  const head: Buffer[] = [];
  let bytes = 0;
  const pieces = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (bytes < FORMAT_HEAD_BYTES) {
    const { value, done } = await pieces.next();
    if (done) break;
    head.push(value);
    bytes += value.length;
  }
  const first = Buffer.concat(head);
  const format = detectFormat(name, first.subarray(0, FORMAT_HEAD_BYTES));
  const whole = async function* () {
    yield first;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
  };
  await unpack(name, whole(), format, to, options);
}

async function unpack(
  name: string,
  input: Readable | AsyncIterable<Buffer>,
  format: InputFormat,
  to: string,
  options: UnpackOptions,
): Promise<void> {
  const partial = `${to}.partial`;
  const expand = format === 'gzip' ? createGunzip() : format === 'zstd' ? createZstdDecompress() : new PassThrough();
  let unpacked = 0;
  const first = format !== 'rdb';
  let checked = !first;
  const meter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (!checked) {
        checked = true;
        try {
          const inside = detectFormat(name, piece.subarray(0, FORMAT_HEAD_BYTES));
          if (inside !== 'rdb')
            throw new InputError('INPUT_COMPRESSION', 'the file is compressed twice.', { where: name });
        } catch (error) {
          done(error as Error);
          return;
        }
      }
      unpacked += piece.length;
      options.onBytes?.(unpacked);
      done(null, piece);
    },
  });
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(partial, 'w', 0o600);
    const sink = handle.createWriteStream({ flush: true, highWaterMark: 4 * PIECE_BYTES });
    await pipeline(input, expand, meter, sink, options.signal === undefined ? {} : { signal: options.signal });
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw named(name, partial, error);
  }
  if (unpacked === 0) {
    await rm(to, { force: true });
    throw new InputError('INPUT_EMPTY', 'the file holds nothing once unpacked.', { where: name });
  }
}

function named(name: string, partial: string, cause: unknown): unknown {
  if (cause instanceof KeyferryError || (cause as Error).name === 'AbortError') return cause;
  const { code = '', message, syscall } = cause as NodeJS.ErrnoException;
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code === 'ERR_ZLIB_INITIALIZATION_FAILED') {
    const cut = code === 'Z_BUF_ERROR' || /unexpected end|incomplete/i.test(message);
    return new InputError(
      'INPUT_COMPRESSION',
      cut ? 'the compressed data ends too early.' : `the compressed data is damaged: ${message}.`,
      {
        where: name,
        remedy: 'Compare the size with the source and fetch it again. Nothing was written to the target.',
        cause,
      },
    );
  }
  if (syscall === 'write' || syscall === 'open' || syscall === 'rename' || code === 'ENOSPC') {
    return new LocalError('LOCAL_DISK', `the unpacked copy cannot be written: ${message}.`, {
      where: partial,
      remedy: 'Name a folder with room for the whole unpacked RDB: --work-dir DIR',
      cause,
    });
  }
  return new InputError('INPUT_READ', `the input cannot be read: ${message}.`, { where: name, cause });
}
