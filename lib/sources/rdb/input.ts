// Opens an RDB input of any packing as a planned source: unpacked where it must be, planned once, reused when unchanged.
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ByteSource } from '../../storage/byte-source.ts';
import { openFile } from '../../storage/file-source.ts';
import { detectFormat, FORMAT_HEAD_BYTES } from '../../storage/input-format.ts';
import { unpackFile, unpackStream } from '../../storage/unpack.ts';
import { localError } from '../../storage/work-files.ts';
import type { Progress } from '../../telemetry/progress.ts';
import { type Chunk, DEFAULT_CHUNK_BYTES, type Plan, planRdb } from './plan.ts';
import { type PlannedInput, PlanWriter, readChunks, readPlan } from './plan-files.ts';

/** The name that stands for standard input. */
export const STDIN = '-';

export interface InputOptions {
  /** Where plans, ledgers and unpacked copies go. Default: beside the input; for standard input the current folder. */
  workDir?: string | undefined;
  chunkBytes?: number | undefined;
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
 * @throws {InputError} when the input is not there, not an RDB, or damaged
 * @throws {LocalError} when plan or unpacked copy cannot be written
 */
export async function openRdb(name: string, options: InputOptions = {}): Promise<RdbInput> {
  const base = workPath(name, options.workDir);
  const planPath = `${base}.plan.json`;
  const paths = { planPath, chunksPath: `${base}.chunks.jsonl`, unpackedPath: `${base}.unpacked.rdb` };
  if (name === STDIN) return openStream(options, paths);
  const file = await openFile(name);
  try {
    const format = detectFormat(name, await file.read(0, Math.min(file.size, FORMAT_HEAD_BYTES)));
    const input: PlannedInput = { pin: file.pin, format };
    if (format === 'rdb') return await planned(name, input, file, false, options, paths);
    await file.close();
    if (options.fresh || !(await hasUnpacked(input, options, paths))) {
      options.progress?.begin('unpacking', { file: name });
      await unpackFile(name, format, paths.unpackedPath, meter(options));
    }
    const unpacked = await openFile(paths.unpackedPath);
    return await planned(name, input, unpacked, true, options, paths);
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface Paths {
  planPath: string;
  chunksPath: string;
  unpackedPath: string;
}

async function openStream(options: InputOptions, paths: Paths): Promise<RdbInput> {
  options.progress?.begin('unpacking', { file: 'standard input' });
  await unpackStream('standard input', options.stdin ?? process.stdin, paths.unpackedPath, meter(options));
  const unpacked = await openFile(paths.unpackedPath);
  const input: PlannedInput = { pin: unpacked.pin, format: 'stream' };
  return planned('standard input', input, unpacked, true, { ...options, fresh: true }, paths);
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

async function planned(
  name: string,
  input: PlannedInput,
  source: ByteSource,
  unpacked: boolean,
  options: InputOptions,
  paths: Paths,
): Promise<RdbInput> {
  const close = async (done: boolean) => {
    await source.close();
    if (done && unpacked) await rm(paths.unpackedPath, { force: true });
  };
  try {
    const before =
      options.fresh || options.noWrite ? undefined : await readPlan(paths.planPath, wanted(input, options));
    if (before !== undefined) {
      const chunks = await readChunks(paths.chunksPath, { count: before.plan.chunks, crc: before.chunksCrc });
      return { name, source, plan: before.plan, chunks, reused: true, planPath: paths.planPath, close };
    }
    const { plan, chunks } = await makePlan(name, input, source, options, paths);
    return { name, source, plan, chunks, reused: false, planPath: paths.planPath, close };
  } catch (error) {
    await close(true); // without its plan, an unpacked copy is never used again
    throw error;
  }
}

async function makePlan(name: string, input: PlannedInput, source: ByteSource, options: InputOptions, paths: Paths) {
  const { progress } = options;
  const { chunkBytes } = wanted(input, options);
  progress?.begin('planning', { file: name, bytes: source.size });
  const chunks: Chunk[] = [];
  const writer = options.noWrite ? undefined : new PlanWriter(paths.planPath, paths.chunksPath);
  try {
    const plan = await planRdb(source, {
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
    await writer?.commit({ input, chunkBytes, plan });
    return { plan, chunks };
  } catch (error) {
    await writer?.abandon();
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : localError(paths.chunksPath, error);
  }
}
