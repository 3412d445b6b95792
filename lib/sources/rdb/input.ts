// Opens an RDB input of any packing as a planned source: unpacked where it must be, planned once, reused when unchanged.
import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { crc64 } from '../../bytes/crc64.ts';
import { takeLock } from '../../checkpoint/lock.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { openFile } from '../../storage/file-source.ts';
import { detectFormat, FORMAT_HEAD_BYTES } from '../../storage/input-format.ts';
import { ObservedSource } from '../../storage/observed-source.ts';
import { unpackFile, unpackStream } from '../../storage/unpack.ts';
import { localError } from '../../storage/work-files.ts';
import type { Progress } from '../../telemetry/progress.ts';
import { type Chunk, DEFAULT_CHUNK_BYTES, type Plan, planRdb } from './plan.ts';
import { type PlannedInput, PlanWriter, readChunks, readPlan } from './plan-files.ts';
import { checkSha256 } from './sha256.ts';

/** The name that stands for standard input. */
export const STDIN = '-';

export interface InputOptions {
  /** Where plans, ledgers and unpacked copies go. Default: beside the input; for standard input the current folder. */
  workDir?: string | undefined;
  chunkBytes?: number | undefined;
  /** What the SHA-256 of the RDB has to be. Default: whatever it is. */
  sha256?: string | undefined;
  /** Plans anew even where a plan stands. */
  fresh?: boolean | undefined;
  /** Writes no plan. */
  noWrite?: boolean | undefined;
  stdin?: Readable | undefined;
  progress?: Progress | undefined;
  signal?: AbortSignal | undefined;
}

export interface RdbInput {
  /** As the user named it. */
  readonly name: string;
  /** The plain RDB that the plan's offsets speak of. */
  readonly source: ByteSource;
  readonly plan: Plan;
  readonly chunks: readonly Chunk[];
  /** The plan was there already. */
  readonly reused: boolean;
  readonly planPath: string;
  /** Lets go of the source; `done` removes the unpacked copy too. */
  close(done: boolean): Promise<void>;
}

/** Where the work files of an input stand: `PATH.plan.json` and so on. */
export function workPath(name: string, workDir: string | undefined): string {
  if (name === STDIN) return join(workDir ?? '.', 'stdin');
  return join(workDir ?? dirname(name), basename(name));
}

/**
 * Opens and, where no plan of it stands, plans an input.
 *
 * @throws {InputError} when the input is not there, not an RDB, or damaged; `BACKUP_FILE_CHANGED`
 * @throws {LocalError} `JOB_RUNNING` when another run is unpacking or planning it, or what a failed write means
 */
export async function openRdb(name: string, options: InputOptions = {}): Promise<RdbInput> {
  const base = workPath(name, options.workDir);
  const paths = {
    planPath: `${base}.plan.json`,
    chunksPath: `${base}.chunks.jsonl`,
    unpackedPath: `${base}.unpacked.rdb`,
  };
  if (name === STDIN) return locked(paths, () => openStream(options, paths));
  const file = await openFile(name);
  try {
    const format = detectFormat(name, await file.read(0, Math.min(file.size, FORMAT_HEAD_BYTES)));
    const input: PlannedInput = { pin: file.pin, format };
    if (format === 'rdb' && options.noWrite) return await planned(name, input, file, options, paths);
    return await locked(paths, async () => {
      if (format === 'rdb') return planned(name, input, file, options, paths);
      await file.close();
      return openPacked(name, input, format, options, paths);
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** An input that is read once, from its beginning: no plan is made of it, and none is used. */
export interface PlainInput {
  readonly name: string;
  /** The plain RDB. */
  readonly source: ByteSource;
  /** Lets go of the source; an unpacked copy is removed. */
  close(): Promise<void>;
}

/**
 * Opens an input without planning it.
 *
 * @throws {InputError} when the input is not there, not an RDB, or its packing is damaged
 * @throws {LocalError} what a failed write of the unpacked copy means
 */
export async function openPlain(name: string, options: InputOptions = {}): Promise<PlainInput> {
  const unpackedPath = `${workPath(name, options.workDir)}.${process.pid}.unpacked.rdb`;
  const unpacked = async (shown: string, unpack: () => Promise<unknown>): Promise<PlainInput> => {
    options.progress?.begin('unpacking', { file: shown });
    await unpack();
    const source = await openFile(unpackedPath);
    const close = async () => {
      await source.close();
      await rm(unpackedPath, { force: true });
    };
    return { name: shown, source, close };
  };
  if (name === STDIN) {
    const { stdin = process.stdin } = options;
    return unpacked('standard input', () => unpackStream('standard input', stdin, unpackedPath, meter(options)));
  }
  const file = await openFile(name);
  try {
    const format = detectFormat(name, await file.read(0, Math.min(file.size, FORMAT_HEAD_BYTES)));
    if (format === 'rdb') return { name, source: file, close: () => file.close() };
    await file.close();
    return await unpacked(name, () => unpackFile(name, format, unpackedPath, meter(options)));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Keeps two runs from writing the same work files. */
async function locked<T>(paths: Paths, work: () => Promise<T>): Promise<T> {
  const id = crc64(Buffer.from(resolve(paths.planPath)));
  const lock = await takeLock(`plan-${id.toString(16)}`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

interface Paths {
  planPath: string;
  chunksPath: string;
  unpackedPath: string;
}

async function openPacked(
  name: string,
  input: PlannedInput,
  format: 'gzip' | 'zstd',
  options: InputOptions,
  paths: Paths,
): Promise<RdbInput> {
  const unpacks = options.fresh || !(await hasUnpacked(input, options, paths));
  if (unpacks) {
    options.progress?.begin('unpacking', { file: name });
    await unpackFile(name, format, paths.unpackedPath, meter(options));
  }
  // A run that writes no plan leaves the copy of one that did.
  const remove = unpacks || !options.noWrite ? [paths.unpackedPath] : [];
  return planned(name, input, await openFile(paths.unpackedPath), options, paths, remove);
}

/** What comes in by a pipe cannot be told from what came before: it is planned each time, and nothing of it is kept. */
async function openStream(options: InputOptions, paths: Paths): Promise<RdbInput> {
  options.progress?.begin('unpacking', { file: 'standard input' });
  await unpackStream('standard input', options.stdin ?? process.stdin, paths.unpackedPath, meter(options));
  const unpacked = await openFile(paths.unpackedPath);
  const input: PlannedInput = { pin: unpacked.pin, format: 'stream' };
  return planned('standard input', input, unpacked, { ...options, fresh: true }, paths, Object.values(paths));
}

function meter({ progress, signal }: InputOptions) {
  return {
    signal,
    onBytes: (bytes: number) => {
      if (progress !== undefined) progress.bytes = bytes;
    },
  };
}

/** True when an unpacked copy of this very input stands there whole. */
async function hasUnpacked(input: PlannedInput, options: InputOptions, paths: Paths): Promise<boolean> {
  const plan = await readPlan(paths.planPath, wanted(input, options));
  if (plan === undefined) return false;
  try {
    const { size } = await stat(paths.unpackedPath);
    return size === plan.plan.bytes + (plan.plan.tail?.bytes ?? 0);
  } catch {
    return false; // not there: it is made again
  }
}

const wanted = (input: PlannedInput, options: InputOptions) => ({
  pin: input.pin,
  chunkBytes: options.chunkBytes ?? DEFAULT_CHUNK_BYTES,
});

/** @param remove work files that go when the input is done with */
async function planned(
  name: string,
  input: PlannedInput,
  source: ByteSource,
  options: InputOptions,
  paths: Paths,
  remove: readonly string[] = [],
): Promise<RdbInput> {
  const { planPath, chunksPath } = paths;
  const close = async (done: boolean) => {
    await source.close();
    if (done) for (const path of remove) await rm(path, { force: true });
  };
  try {
    let before = options.fresh ? undefined : await readPlan(planPath, wanted(input, options));
    // A plan that was made without a look at it says nothing of it.
    if (options.sha256 !== undefined && before?.sha256 !== options.sha256) before = undefined;
    const known = before && (await readChunks(chunksPath, { count: before.plan.chunks, crc: before.chunksCrc }));
    if (before !== undefined && known !== undefined) {
      return { name, source, plan: before.plan, chunks: known, reused: true, planPath, close };
    }
    const { plan, chunks } = await makePlan(name, input, source, options, paths);
    return { name, source, plan, chunks, reused: false, planPath, close };
  } catch (error) {
    await close(true); // without its plan, an unpacked copy is never used again
    throw error;
  }
}

async function makePlan(name: string, input: PlannedInput, source: ByteSource, options: InputOptions, paths: Paths) {
  const { progress, sha256 } = options;
  const { chunkBytes } = wanted(input, options);
  progress?.begin('planning', { file: name, bytes: source.size });
  const chunks: Chunk[] = [];
  const writer = options.noWrite ? undefined : new PlanWriter(paths.planPath, paths.chunksPath);
  try {
    const hash = createHash('sha256');
    const hashed = new ObservedSource(source, (bytes) => void hash.update(bytes));
    const plan = await planRdb(sha256 === undefined ? source : hashed, {
      chunkBytes,
      signal: options.signal,
      onChunk: (chunk) => {
        chunks.push(chunk);
        return writer?.chunk(chunk);
      },
      onProgress: (bytes, keys) => {
        if (progress === undefined) return;
        progress.bytes = bytes;
        progress.keys = keys;
      },
    });
    if (sha256 !== undefined) {
      await hashed.finish();
      checkSha256(name, hash.digest('hex'), sha256);
    }
    await writer?.commit({ input, chunkBytes, plan, sha256 });
    return { plan, chunks };
  } catch (error) {
    await writer?.abandon();
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : localError(paths.chunksPath, error);
  }
}
