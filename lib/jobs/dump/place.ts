// Where a backup goes: one file with its manifest beside it, or a folder of its own for all files of a set; here or in S3.
import { dirname } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { UsageError } from '../../errors.ts';
import type { Shard } from '../../sources/replica/shards.ts';
import type { Output } from '../../storage/output.ts';
import { FilePlace } from './file-place.ts';
import { MANIFEST_FILE, MANIFEST_SUFFIX } from './manifest.ts';

export type Packing = 'none' | 'gzip' | 'zstd';

const PACKING_SUFFIX: Readonly<Record<Packing, string>> = { none: '', gzip: '.gz', zstd: '.zst' };

/** A file of a backup while it is written. */
export interface PlacedFile {
  /** In the manifest. */
  readonly name: string;
  readonly packing: Packing;
  /** Takes what is to be stored. */
  readonly output: Output;
  /** Takes away what is left of it once {@link output} was left. Never rejects. */
  discard(): Promise<void>;
}

/** Where one backup's files stand. */
export interface BackupPlace {
  /** The manifest, as people call it. */
  readonly manifest: string;
  begin(file: string, packing: Packing): Promise<PlacedFile>;
  /** The manifest of an earlier backup goes: from here on what it speaks of is written over. */
  clear(): Promise<void>;
  /** Writes the manifest whole, or not at all. */
  seal(text: string): Promise<void>;
  /** Takes everything of this backup away. Never rejects. */
  remove(): Promise<void>;
}

export interface PlaceOptions {
  /** As the user named it: a file by its ending, else the folder that holds backups. */
  readonly output: string;
  /** What the folder of a set is called. */
  readonly name: string;
  readonly packing: Packing;
  /** How many files there will be. */
  readonly files: number;
  /** For `s3://BUCKET/…`. */
  readonly s3: S3Client | undefined;
}

/** Names within a place. */
export interface PlaceNames {
  /** The folder or prefix, with the set's own where it is one. */
  readonly folder: string;
  readonly manifest: string;
  /** All of the folder is this backup's. */
  readonly own: boolean;
}

/** True for a path that names one file. */
export const namesFile = (path: string): boolean => /\.rdb(?:\.gz|\.zst)?$/i.test(path);

/** The packing that a file's name promises. */
export function packingOfName(path: string): Packing {
  return path.endsWith('.gz') ? 'gzip' : path.endsWith('.zst') ? 'zstd' : 'none';
}

/** @throws {UsageError} `DUMP_ONE_FILE`, `DUMP_S3`; {LocalError} */
export async function choosePlace(options: PlaceOptions): Promise<BackupPlace> {
  const { output, name, files, s3 } = options;
  const single = namesFile(output);
  if (single && files > 1) {
    throw new UsageError('DUMP_ONE_FILE', `the source is a cluster of ${files} shards: one file is not enough.`, {
      where: output,
      remedy: 'Name a folder: each shard gets a file in it. Or say --merge: one file holds all of them.',
    });
  }
  const slash = output.lastIndexOf('/');
  const names: PlaceNames = single
    ? { folder: output.slice(0, slash + 1), manifest: `${output.slice(slash + 1)}${MANIFEST_SUFFIX}`, own: false }
    : { folder: `${output.replace(/\/+$/, '')}/${name}/`, manifest: MANIFEST_FILE, own: true };
  if (!isObjectUrl(output)) return FilePlace.open(names);
  if (s3 === undefined) throw new UsageError('DUMP_S3', 'no client of S3 was given for this place.', { where: output });
  const { ObjectPlace } = await import('./object-place.ts');
  return new ObjectPlace(s3, names);
}

export const isObjectUrl = (place: string): boolean => place.startsWith('s3://');

/** The folder that a file stands in, as a path or a URL like that of the file; without a slash at its end. */
export const folderOf = (path: string): string =>
  isObjectUrl(path) ? path.slice(0, path.lastIndexOf('/')) : dirname(path);

/** What a shard's file is called, and how it is packed: a file of its own name says both. */
export function fileOf(
  { slots }: Shard,
  { output, packing }: { output: string; packing: Packing },
): { name: string; packing: Packing } {
  if (namesFile(output)) return { name: output.slice(output.lastIndexOf('/') + 1), packing: packingOfName(output) };
  const [first] = slots ?? [];
  // After its first slots: names sort as the slots do.
  const what = first === undefined ? 'dump' : `shard-${first.map((slot) => String(slot).padStart(5, '0')).join('-')}`;
  return { name: `${what}.rdb${PACKING_SUFFIX[packing]}`, packing };
}
