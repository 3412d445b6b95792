// The RDB of a backup's set, read where it lies: of several shards one RDB, without a copy of it anywhere. Packed shards
// are read from the copies that they were unpacked to.
import { createHash } from 'node:crypto';
import { InputError } from '../../../errors.ts';
import { RdbScanner, ScanEvent } from '../../../rdb/scanner.ts';
import { changedFile } from '../../../sources/rdb/sha256.ts';
import { BlockReader } from '../../../storage/block-reader.ts';
import type { ByteSource, SourcePin } from '../../../storage/byte-source.ts';
import { type BackupManifest, type BackupShard, MANIFEST_FILE, parseBackupManifest } from '../../dump/manifest.ts';
import { openBackup } from '../../verify/backup-files.ts';
import { checkEnds } from '../../verify/check-bytes.ts';
import type { Cloud } from '../job.ts';
import type { Stretch } from './set-proof.ts';

/** What a copy of a manifest has to be named for. */
export const MANIFEST_ENDING = '.json';

/** An opened set, and what its bytes have to be. */
export interface BackupSet {
  readonly source: ByteSource;
  /** @param rdb what is planned: the set's source, or what it was unpacked to */
  stretches(rdb: ByteSource): readonly Stretch[];
}

/**
 * Opens what a packed shard was unpacked to.
 *
 * @param index of the shard
 * @returns `undefined` where there is no time for it now
 */
export type Unpacked = (packed: ByteSource, index: number) => Promise<ByteSource | undefined>;

/** The end mark, and a checksum that says that there is none: that of each file was looked at. */
const END = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0]);

/**
 * Opens what a copy of a set's manifest speaks of. A set of one packed file is that file; of several, each is unpacked.
 *
 * @param text of the copy
 * @returns `undefined` where `unpacked` had no time
 * @throws {InputError} `BACKUP_MANIFEST`, `BACKUP_MANIFEST_EDITED`, `BACKUP_LOCATION`, `BACKUP_FILE_MISSING`,
 * `BACKUP_FILE_SIZE`, `BACKUP_FILE_CHANGED`; `BACKUP_SHARDS` for shards that can't be read as one RDB
 */
export async function openSet(
  { s3, bucket }: Cloud,
  text: string,
  where: string,
  unpacked: Unpacked,
): Promise<BackupSet | undefined> {
  const manifest = parseBackupManifest(text, where);
  const files = await openBackup(`${locationOf(manifest, bucket, where)}${MANIFEST_FILE}`, s3);
  refuseUnlike(manifest, where);
  const opened: ByteSource[] = [];
  try {
    for (const shard of manifest.shards) {
      const file = await files.open(shard.file);
      opened.push(file);
      await checkEnds(file, shard);
    }
    const [only] = opened;
    const [shard] = manifest.shards;
    if (opened.length > 1 || only === undefined || shard === undefined) {
      const shards = await plainShards(manifest, opened, unpacked);
      if (shards === undefined) {
        await closeAll(opened);
        return undefined;
      }
      const joined = await JoinedShards.of(where, shards);
      return { source: joined, stretches: () => joined.stretches };
    }
    const { sha256 } = shard.rdb;
    const stretches = (rdb: ByteSource) => [{ name: only.name, sha256, file: rdb, from: 0, start: 0, end: rdb.size }];
    return { source: only, stretches };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(files: Iterable<ByteSource>): Promise<void> {
  for (const file of files) await file.close();
}

/** Functions may read backups of their own bucket, and nothing beside them. */
function locationOf({ location }: BackupManifest, bucket: string, where: string): string {
  if (location?.startsWith(`s3://${bucket}/backups/`)) return location;
  throw new InputError('BACKUP_LOCATION', 'this manifest does not name files below backups/ of this bucket.', {
    where,
    remedy:
      'Copy the set below backups/ by keyferry dump -o s3://…, or put each of its files here, one after the other.',
  });
}

function refuseUnlike({ shards }: BackupManifest, where: string): void {
  const versions = new Set(shards.map(({ rdb }) => rdb.version));
  if (versions.size > 1) throw notOne(where, `they have RDB versions ${[...versions].join(', ')}`);
}

const notOne = (where: string, why: string): InputError =>
  new InputError('BACKUP_SHARDS', `the shards of this set cannot be read as one RDB: ${why}.`, {
    where,
    remedy: 'Copy the files of the set here, each is a job of its own.',
  });

interface OpenedShard {
  /** As it lies in the backup. */
  readonly file: ByteSource;
  /** The same, or what it was unpacked to. */
  readonly plain: ByteSource;
  readonly entry: BackupShard;
}

/** @param opened each shard's file; each copy that was opened joins them */
async function plainShards(
  { shards }: BackupManifest,
  opened: ByteSource[],
  unpacked: Unpacked,
): Promise<OpenedShard[] | undefined> {
  const found: OpenedShard[] = [];
  for (const [index, entry] of shards.entries()) {
    const file = opened[index] as ByteSource;
    const plain = entry.packing === 'none' ? file : await unpacked(file, index);
    if (plain === undefined) return undefined;
    if (plain !== file) opened.push(plain);
    if (plain.size !== entry.rdb.bytes) {
      throw changedFile(file.name, `${plain.size} bytes are packed in it, not ${entry.rdb.bytes}`);
    }
    found.push({ file, plain, entry });
  }
  return found;
}

/** All of the first shard, and the keys of the others; functions are the same in each. */
class JoinedShards implements ByteSource {
  readonly name: string;
  readonly pin: SourcePin;
  readonly stretches: readonly Stretch[];
  readonly #shards: readonly OpenedShard[];
  /** Where the end mark stands. */
  readonly #bodyEnd: number;

  private constructor(name: string, shards: readonly OpenedShard[], stretches: readonly Stretch[]) {
    this.name = name;
    this.stretches = stretches;
    this.#shards = shards;
    this.#bodyEnd = stretches.at(-1)?.end ?? 0;
    const etags = shards.map(({ file: { pin } }) => `${pin.etag} ${pin.version ?? ''}`).join('\n');
    this.pin = { size: this.#bodyEnd + END.length, etag: createHash('sha256').update(etags).digest('hex') };
  }

  static async of(name: string, shards: readonly OpenedShard[]): Promise<JoinedShards> {
    const stretches: Stretch[] = [];
    for (const { file, plain, entry } of shards) {
      const { bytes, sha256 } = entry.rdb;
      const from = stretches.length === 0 ? 0 : await beginOfKeys(plain);
      const start = stretches.at(-1)?.end ?? 0;
      // Empty for a shard without keys.
      const end = start + Math.max(0, bytes - END.length - from);
      stretches.push({ name: file.name, sha256, file: plain, from, start, end });
    }
    return new JoinedShards(name, shards, stretches);
  }

  get size(): number {
    return this.pin.size;
  }

  async read(start: number, end: number, into: Buffer = Buffer.allocUnsafeSlow(end - start)): Promise<Buffer> {
    const reads = this.stretches.map(async (stretch) => {
      const [from, to] = [Math.max(start, stretch.start), Math.min(end, stretch.end)];
      if (from >= to) return;
      const shift = stretch.from - stretch.start;
      await stretch.file.read(from + shift, to + shift, into.subarray(from - start, to - start));
    });
    await Promise.all(reads);
    const from = Math.max(start, this.#bodyEnd);
    if (from < end) END.copy(into, from - start, from - this.#bodyEnd, end - this.#bodyEnd);
    return into.subarray(0, end - start);
  }

  async close(): Promise<void> {
    await closeAll(new Set(this.#shards.flatMap(({ file, plain }) => [file, plain])));
  }
}

/** Where the first database begins. */
async function beginOfKeys(source: ByteSource): Promise<number> {
  const scanner = new RdbScanner({ size: source.size, crc: false });
  const blocks = new BlockReader(source);
  try {
    for (;;) {
      const event = scanner.next();
      if (event === ScanEvent.MORE) {
        const block = await blocks.next();
        if (block === undefined) scanner.finish();
        else scanner.feed(block.buffer, block.start, block.end);
      } else if (event === ScanEvent.SELECTDB || event === ScanEvent.KEY || event === ScanEvent.END) {
        return scanner.recordStart;
      } else if (event === ScanEvent.HASH_TEMPLATE) {
        // Templates have numbers that are a file's own.
        throw notOne(source.name, 'their hashes share field names');
      }
    }
  } finally {
    await blocks.settle();
  }
}
