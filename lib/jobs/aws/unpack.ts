// Unpacks a `.gz` or `.zst` object into the job's work files, since restoring in parallel needs ranged reads.
//
// A packed stream can't be taken up in its middle: it is done in one call, or refused as soon as that is clear.
import { Readable } from 'node:stream';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { detectFormat, FORMAT_HEAD_BYTES } from '../../storage/input-format.ts';
import { ReadAhead } from '../../storage/read-ahead.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import { unpackedPieces } from '../../storage/unpack.ts';
import type { Cloud, Deadline } from './job.ts';
import { Pace } from './pace.ts';
import { openWork } from './work.ts';

/** The unpacked copy, among the work files. */
export const UNPACKED = 'unpacked.rdb';
/** Of a file of a set of several. */
export const unpackedShard = (index: number): string => `unpacked-${index}.rdb`;

const PIECE_BYTES = 1024 * 1024;

/**
 * Opens the unpacked copy; makes it where there is none yet.
 *
 * @param key of the copy
 * @throws {InputError} `INPUT_TOO_SLOW` where one call can't do it; `INPUT_COMPRESSION`, and those of detectFormat
 */
export async function openUnpacked(cloud: Cloud, key: string, packed: ByteSource, deadline: Deadline) {
  // It has its name only when it is whole.
  return (await openWork(cloud, key)) ?? (await unpack(cloud, key, packed, deadline));
}

/** Makes the copy. @throws as {@link openUnpacked} */
export async function unpack(cloud: Cloud, key: string, packed: ByteSource, deadline: Deadline): Promise<ByteSource> {
  const { s3, bucket, clock } = cloud;
  const output = createObject(s3, { bucket, key }, { signal: deadline.signal });
  const input = new ReadAhead(packed);
  const { name, size } = packed;
  const remedy = `Put it there unpacked, or restore it from a terminal: aws s3 cp ${name} . && keyferry restore`;
  const pace = new Pace({ name, size, task: 'unpack this file', remedy }, clock, deadline);
  const pieces = async function* () {
    for (let read = 0; read < size; read += PIECE_BYTES) {
      const piece = await input.read(read, Math.min(read + PIECE_BYTES, size));
      pace.add(piece.length);
      yield piece;
    }
  };
  let head = Buffer.alloc(0);
  try {
    for await (const piece of unpackedPieces(packed.name, Readable.from(pieces()))) {
      if (head.length < FORMAT_HEAD_BYTES) {
        head = Buffer.concat([head, piece.subarray(0, FORMAT_HEAD_BYTES)]);
        if (head.length >= FORMAT_HEAD_BYTES) refuseOther(packed.name, head);
      }
      await output.write(piece);
    }
    if (head.length < FORMAT_HEAD_BYTES) refuseOther(packed.name, head);
    await output.commit();
  } catch (error) {
    await output.leave();
    throw pace.explain(error);
  } finally {
    await input.close();
  }
  return (await openWork(cloud, key)) as ByteSource;
}

function refuseOther(name: string, head: Buffer): void {
  if (detectFormat(name, head.subarray(0, FORMAT_HEAD_BYTES)) === 'rdb') return;
  throw new InputError('INPUT_COMPRESSION', 'the file is compressed twice.', { where: name });
}
