// Loads files of JSON Lines: makes an RDB of them, which then is restored like any other, or is the result.
//
// So policies, clusters, big values and resuming are those of a restore.
import { createReadStream } from 'node:fs';
import { type Readable, Readable as ReadableStream } from 'node:stream';
import { UsageError } from '../errors.ts';
import { STDIN } from '../sources/rdb/input.ts';
import { createFile } from '../storage/file-sink.ts';
import { openFile } from '../storage/file-source.ts';
import { unpackedPieces } from '../storage/unpack.ts';
import type { RdbSummary } from '../targets/rdb/rdb-writer.ts';
import { type LineInput, type LinesOptions, linesToRdb } from './lines-to-rdb.ts';

export interface LoadOptions extends Omit<LinesOptions, 'limits'> {
  /** Paths of JSON Lines, packed or not; `-` is standard input. Together they are one RDB. */
  readonly files: readonly string[];
  /** The RDB to write. It gets its name when it is whole. */
  readonly path: string;
  readonly stdin?: Readable | undefined;
}

/**
 * Writes the RDB.
 *
 * @throws {InputError} for a line that is not in order, named by file and number; the RDB does not appear then
 * @throws {UsageError} `OUTPUT_VERSION` when the version that was asked for can't hold a value
 */
export async function jsonToRdb(options: LoadOptions): Promise<RdbSummary> {
  const { files, path } = options;
  if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to load.');
  const sink = await createFile(path);
  try {
    const inputs = files.map((file) => fileInput(file, options));
    const summary = await linesToRdb(inputs, sink, options);
    await sink.commit();
    return summary;
  } catch (error) {
    await sink.abandon().catch(() => undefined); // what went wrong before is what counts
    throw error;
  }
}

function fileInput(file: string, { progress, stdin = process.stdin }: LoadOptions): LineInput {
  const name = file === STDIN ? 'standard input' : file;
  return {
    name,
    async *pieces() {
      // A file that is not there, or is none, is told as everywhere.
      if (file !== STDIN) await (await openFile(file)).close();
      const input = file === STDIN ? stdin : ReadableStream.from(createReadStream(file));
      for await (const piece of unpackedPieces(name, input)) {
        if (progress !== undefined) progress.bytes += piece.length;
        yield piece;
      }
    },
  };
}
