// Unpacks a compressed or piped input into a plain file, since restoring in parallel, and resuming, need ranged reads.
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
// By its name: a Node without Zstandard should get as far as saying that it is too old.
import zlib from 'node:zlib';
import { InputError, KeyferryError, LocalError } from '../errors.ts';
import { detectFormat, FORMAT_HEAD_BYTES, type InputFormat, packingOf } from './input-format.ts';
import { zstdFrames } from './zstd-frames.ts';

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
 * @throws {LocalError} `LOCAL_DISK_FULL` or `LOCAL_DISK` when it cannot be written
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
  const pieces = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await readHead(name, pieces);
  const format = detectFormat(name, first.subarray(0, FORMAT_HEAD_BYTES));
  const whole = async function* () {
    yield first;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
  };
  await unpack(name, whole(), format, to, options);
}

/**
 * The bytes of an input of any content, unpacked as they come.
 *
 * @param name what people call it
 * @throws {InputError} `INPUT_COMPRESSION` on damaged or cut-off compressed data, `INPUT_READ`
 */
export async function* unpackedPieces(name: string, input: Readable): AsyncGenerator<Buffer, void, undefined> {
  const pieces = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await readHead(name, pieces);
  const packing = packingOf(first);
  const all = withHead(first, pieces);
  try {
    if (packing === undefined) {
      yield* all;
      return;
    }
    const expand = packing === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
    const fed = pipeline(packing === 'zstd' ? zstdFrames(name, all) : all, expand);
    fed.catch(() => undefined); // told below, or by the stream itself
    yield* expand as AsyncIterable<Buffer>;
    await fed;
  } catch (error) {
    throw named(name, '', error);
  }
}

async function* withHead(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head;
  for (let piece = await rest.next(); !piece.done; piece = await rest.next()) yield piece.value;
}

/** The first pieces of a stream, together at least as many bytes as it takes to tell what it is. */
async function readHead(name: string, pieces: AsyncIterator<Buffer>): Promise<Buffer> {
  const head: Buffer[] = [];
  let bytes = 0;
  try {
    while (bytes < FORMAT_HEAD_BYTES) {
      const { value, done } = await pieces.next();
      if (done) break;
      head.push(value);
      bytes += value.length;
    }
  } catch (error) {
    throw named(name, '', error);
  }
  return Buffer.concat(head);
}

async function unpack(
  name: string,
  input: Readable | AsyncIterable<Buffer>,
  format: InputFormat,
  to: string,
  options: UnpackOptions,
): Promise<void> {
  const partial = `${to}.partial`;
  const expand =
    format === 'gzip' ? zlib.createGunzip() : format === 'zstd' ? zlib.createZstdDecompress() : new PassThrough();
  const meter = new Meter(format === 'rdb' ? undefined : name, options.onBytes);
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(partial, 'w', 0o600);
    const sink = handle.createWriteStream({ flush: true, highWaterMark: 4 * PIECE_BYTES });
    const cut = format === 'zstd' ? zstdFrames(name, input) : input;
    await pipeline(cut, expand, meter, sink, options.signal === undefined ? {} : { signal: options.signal });
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw named(name, partial, error);
  }
  if (meter.bytes === 0) {
    await rm(to, { force: true });
    throw new InputError('INPUT_EMPTY', 'the file holds nothing once unpacked.', { where: name });
  }
}

/** Counts what comes out, and stops where it turns out to be no RDB. */
class Meter extends Transform {
  bytes = 0;
  /** What came out while it is too little to tell what it is; `undefined` when that is known. */
  #head: Buffer | undefined;
  readonly #name: string;
  readonly #onBytes: ((unpacked: number) => void) | undefined;

  /** @param name what people call the input, where its content is to be looked at */
  constructor(name: string | undefined, onBytes: ((unpacked: number) => void) | undefined) {
    super();
    this.#name = name ?? '';
    this.#head = name === undefined ? undefined : Buffer.alloc(0);
    this.#onBytes = onBytes;
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.bytes += piece.length;
    this.#onBytes?.(this.bytes);
    if (this.#head === undefined) {
      this.push(piece);
      done();
      return;
    }
    this.#head = Buffer.concat([this.#head, piece]);
    if (this.#head.length < FORMAT_HEAD_BYTES) done();
    else this.#passHead(done);
  }

  override _flush(done: (error?: Error | null) => void): void {
    if (this.#head === undefined || this.#head.length === 0) done();
    else this.#passHead(done);
  }

  #passHead(done: (error?: Error | null) => void): void {
    const head = this.#head as Buffer;
    this.#head = undefined;
    try {
      if (detectFormat(this.#name, head.subarray(0, FORMAT_HEAD_BYTES)) !== 'rdb') {
        throw new InputError('INPUT_COMPRESSION', 'the file is compressed twice.', { where: this.#name });
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    this.push(head);
    done();
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
  if (syscall === 'write' || syscall === 'open' || syscall === 'rename' || syscall === 'fsync') {
    const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
    return new LocalError(full ? 'LOCAL_DISK_FULL' : 'LOCAL_DISK', `the unpacked copy cannot be written: ${message}.`, {
      where: partial,
      remedy: 'Name a folder with room for the whole unpacked RDB: --work-dir DIR',
      cause,
    });
  }
  return new InputError('INPUT_READ', `the input cannot be read: ${message}.`, { where: name, cause });
}
