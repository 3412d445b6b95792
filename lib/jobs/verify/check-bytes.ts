// Whether a backup's file has the bytes that its manifest says, without a look at what they mean.
import { createHash } from 'node:crypto';
import { InputError } from '../../errors.ts';
import { changedFile, checkSha256 } from '../../sources/rdb/sha256.ts';
import { BlockReader } from '../../storage/block-reader.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { Progress } from '../../telemetry/progress.ts';
import type { BackupShard } from '../dump/manifest.ts';
import type { VerifyTask } from '../verify-backup.ts';

/** The last bytes of an RDB that has a checksum. */
const CRC_BYTES = 8;

/**
 * The file's size, and, where it is not packed, its first and last bytes, which hold its checksum: another shard's file, or
 * a part of this one, is found without reading it.
 *
 * @throws {InputError} `BACKUP_FILE_SIZE`, `BACKUP_FILE_CHANGED`
 */
export async function checkEnds(source: ByteSource, { bytes, packing, rdb }: BackupShard): Promise<void> {
  if (source.size !== bytes) {
    throw new InputError('BACKUP_FILE_SIZE', `the file has ${source.size} bytes; ${bytes} were written.`, {
      where: source.name,
      remedy: source.size < bytes ? 'The copy is incomplete: fetch it again.' : 'This is another file.',
    });
  }
  if (packing !== 'none' || rdb.checksum !== 'ok' || bytes < CRC_BYTES) return;
  const crc64 = (await source.read(bytes - CRC_BYTES, bytes)).readBigUInt64LE().toString(16).padStart(16, '0');
  if (crc64 !== rdb.crc64)
    throw changedFile(source.name, `its last bytes say CRC64 ${crc64}, the manifest ${rdb.crc64}`);
}

/** Every byte. @throws {InputError} `BACKUP_FILE_CHANGED` */
export async function checkBytes(source: ByteSource, shard: BackupShard, task: VerifyTask): Promise<void> {
  const hash = createHash('sha256');
  for await (const block of blocksOf(source, task)) hash.update(block);
  checkSha256(source.name, hash.digest('hex'), shard.sha256);
}

/** The source from its first byte to its last, for a task's progress; each block is good until the next but one. */
export async function* blocksOf(source: ByteSource, task: VerifyTask): AsyncGenerator<Buffer, void, undefined> {
  const blocks = new BlockReader(source);
  try {
    for (let block = await blocks.nextBytes(); block !== undefined; block = await blocks.nextBytes()) {
      task.signal?.throwIfAborted();
      task.progress.bytes += block.length;
      yield block;
    }
  } finally {
    await blocks.settle();
  }
}

/** A stream keeps pieces while others come. */
export async function* copies(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const block of blocks) yield Buffer.from(block);
}

/** For reading the same bytes once more: they were counted already. */
export const quiet = (task: VerifyTask): VerifyTask => ({ ...task, progress: new Progress() });
