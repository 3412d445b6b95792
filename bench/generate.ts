// Makes the benches' files, once: `node bench/generate.ts [NAME…]`. They lie in .bench/.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DataSetName, dataSets } from './datasets.ts';
import { RdbFile } from './rdb-file.ts';
import { RestoreStream } from './restore-stream.ts';

/** Where the files lie unless told otherwise; ignored by git. */
export const BENCH_FOLDER = join(import.meta.dirname, '..', '.bench');

/** Raise it when a change makes other bytes: files of another version are made anew. */
const GENERATOR_VERSION = 1;
const SEED = 20_261_123;

/** A data set's files. */
export interface BenchFiles {
  readonly rdb: string;
  /** The RESTORE stream of the same keys, where one was asked for. */
  readonly stream: string | undefined;
  readonly keys: number;
  readonly rdbBytes: number;
  readonly streamBytes: number;
}

export interface GenerateOptions {
  readonly folder?: string;
  /** 1 = the full size; a share of it makes small files of the same kind. */
  readonly scale?: number;
  readonly seed?: number;
  /** Write the RESTORE stream too. The `mixed` set has one unless told otherwise. */
  readonly stream?: boolean;
}

/** Writes a data set's files, whether they exist or not. Deterministic: scale and seed decide every byte. */
export function generate(name: DataSetName, options: GenerateOptions = {}): BenchFiles {
  const { folder = BENCH_FOLDER, scale = 1, seed = SEED, stream = name === 'mixed' } = options;
  mkdirSync(folder, { recursive: true });
  const set = dataSets[name];
  const keys = set.keys(scale);
  const files = paths(name, folder, stream);
  const rdb = new RdbFile(files.rdb, { keys, expires: set.expires(scale) });
  const restores = files.stream === undefined ? undefined : new RestoreStream(files.stream);
  set.write(
    (record) => {
      rdb.key(record);
      restores?.key(record);
    },
    scale,
    seed,
  );
  return { ...files, keys, rdbBytes: rdb.finish(), streamBytes: restores?.finish() ?? 0 };
}

/** What is remembered of files that were made: they are trusted while their sizes are these. */
type Stamp = Omit<BenchFiles, 'rdb' | 'stream'> & { readonly version: number; readonly seed: number };

/** The data set's files in full size: those that lie there when this generator wrote them, else new ones. */
export function ensureFiles(name: DataSetName, folder = BENCH_FOLDER): BenchFiles {
  const stampPath = join(folder, `${name}.stamp.json`);
  const known = readStamp(stampPath);
  if (known !== undefined) {
    const files = { ...paths(name, folder, known.streamBytes > 0), ...known };
    if (isWhole(files)) return files;
  }
  rmSync(stampPath, { force: true });
  console.error(`Making ${name}: ${dataSets[name].summary} …`);
  const files = generate(name, { folder });
  const { keys, rdbBytes, streamBytes } = files;
  const stamp: Stamp = { version: GENERATOR_VERSION, seed: SEED, keys, rdbBytes, streamBytes };
  writeFileSync(stampPath, `${JSON.stringify(stamp)}\n`);
  return files;
}

function paths(name: DataSetName, folder: string, stream: boolean): Pick<BenchFiles, 'rdb' | 'stream'> {
  return { rdb: join(folder, `${name}.rdb`), stream: stream ? join(folder, `${name}.restore.resp`) : undefined };
}

function readStamp(path: string): Stamp | undefined {
  try {
    const stamp = JSON.parse(readFileSync(path, 'utf8')) as Stamp;
    return stamp.version === GENERATOR_VERSION && stamp.seed === SEED ? stamp : undefined;
  } catch {
    // no stamp, or one cut short: both mean that the files are made anew
    return undefined;
  }
}

function isWhole(files: BenchFiles): boolean {
  const sizeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.size;
  if (sizeOf(files.rdb) !== files.rdbBytes) return false;
  return files.stream === undefined || sizeOf(files.stream) === files.streamBytes;
}

function main(): void {
  const { positionals } = parseArgs({ allowPositionals: true });
  const names = Object.keys(dataSets) as DataSetName[];
  const unknown = positionals.find((name) => !names.some((known) => known === name));
  if (unknown !== undefined) {
    console.error(`There is no data set ${unknown}; there are ${names.join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  for (const name of names) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const files = ensureFiles(name);
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    const stream = files.stream === undefined ? '' : `; RESTORE stream ${megabytes(files.streamBytes)}`;
    console.log(`${name}: ${files.keys.toLocaleString('en-US')} keys, ${megabytes(files.rdbBytes)}${stream}`);
  }
}

if (import.meta.main) main();
