// Inspects RDB files: read once from the beginning, counted and measured on the way, nothing written.
import type { Readable } from 'node:stream';
import { InterruptedError, KeyferryError, RdbError, UsageError } from '../errors.ts';
import { type FilterRules, rulesFilter } from '../filter/filter.ts';
import { openPlain } from '../sources/rdb/input.ts';
import type { AllocatorName } from '../targets/inspect/allocator.ts';
import { Inspection } from '../targets/inspect/inspection.ts';
import { MemoryModel } from '../targets/inspect/memory-model.ts';
import { INSPECT_FORMAT, type InspectReport } from '../targets/inspect/report.ts';
import { type ModelledServer, serverOf, type Writer } from '../targets/inspect/servers.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import { InspectFile } from './inspect-file.ts';

export interface InspectOptions {
  /** Paths; `-` is standard input. They are counted together. */
  readonly files: readonly string[];
  readonly filter?: FilterRules | undefined;
  /** Whose memory is estimated. Default: the server that wrote the first file. */
  readonly memoryOf?: ModelledServer | undefined;
  /** That server's allocator. Default `jemalloc`, as the servers bring it along. */
  readonly allocator?: AllocatorName | undefined;
  /** The moment at which expiries are judged, ms since 1970. Default: now. */
  readonly nowMs?: number | undefined;
  /** How many big keys are named of each kind. Default 100. */
  readonly top?: number | undefined;
  /** Characters, each of one byte, behind which prefixes of keys end; `''`: after every byte. Default `:`. */
  readonly separators?: string | undefined;
  /** Levels of the tree of prefixes. Default 8. */
  readonly depth?: number | undefined;
  /** Equal ranges of slots that the balance is told of. Default 16. */
  readonly shards?: number | undefined;
  /** Names keys and prefixes by hashes alone. */
  readonly hashKeys?: boolean | undefined;
  /** keyferry's version, for the report. */
  readonly version?: string | undefined;
  /** Where unpacked copies go. Default: beside each file. */
  readonly workDir?: string | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_TOP = 100;
export const DEFAULT_DEPTH = 8;
export const DEFAULT_SHARDS = 16;
export const DEFAULT_SEPARATORS = ':';

/** A report, and what ended it before all was read. */
export interface Inspected {
  readonly report: InspectReport;
  readonly error: KeyferryError | undefined;
}

/**
 * Reads the files. Damage ends it: the report is of what came before, and says that it is not whole. Errors of the family
 * come with the report; anything else is a defect and is thrown.
 *
 * @example
 * const { report } = await inspect({ files: ['dump.rdb'] });
 * console.log(report.totals.memory, report.types);
 */
export async function inspect(options: InspectOptions): Promise<Inspected> {
  const { clock = systemClock, hashKeys = false, signal } = options;
  const startedAt = clock.now();
  const nowMs = options.nowMs ?? startedAt;
  const inspection = new Inspection({
    nowMs,
    top: options.top ?? DEFAULT_TOP,
    shards: options.shards ?? DEFAULT_SHARDS,
    depth: options.depth ?? DEFAULT_DEPTH,
    separators: Buffer.from(options.separators ?? DEFAULT_SEPARATORS, 'utf8'),
    hashKeys,
  });
  const sums: Sums = { model: undefined, tables: 0, filtered: 0, warnings: [] };
  let error: KeyferryError | undefined;
  try {
    await readFiles(options, inspection, sums);
  } catch (thrown) {
    if (signal?.aborted) {
      error = new InterruptedError('INTERRUPTED', 'the job was told to stop: not all was read.');
    } else {
      if (!(thrown instanceof KeyferryError)) throw thrown;
      error = hashKeys ? withoutKey(thrown) : thrown;
    }
  }
  const { totals, ...found } = inspection.result();
  const { server, allocator } = modelOf(options, sums, NOBODY);
  const report: InspectReport = {
    format: INSPECT_FORMAT,
    keyferry: options.version ?? '',
    now: nowMs,
    incomplete: error !== undefined,
    error: error === undefined ? null : { code: error.code, message: error.message, where: error.where ?? null },
    model: { name: server, chosen: options.memoryOf === undefined ? 'file' : 'option', allocator },
    totals: { ...totals, tables: Math.round(sums.tables), filtered: sums.filtered },
    ...found,
    warnings: sums.warnings,
    seconds: (clock.now() - startedAt) / 1000,
  };
  return { report, error };
}

/** What all files come to besides what an inspection counts. */
interface Sums {
  /** Chosen by the first file that has a key. */
  model: MemoryModel | undefined;
  tables: number;
  filtered: number;
  readonly warnings: string[];
}

/** The writer of a file that does not say anything of it. */
const NOBODY: Writer = { dialect: 'redis', version: 0, redisVersion: undefined, valkeyVersion: undefined };

function modelOf({ memoryOf, allocator = 'jemalloc' }: InspectOptions, sums: Sums, writer: Writer): MemoryModel {
  sums.model ??= new MemoryModel(memoryOf ?? serverOf(writer), allocator);
  return sums.model;
}

async function readFiles(options: InspectOptions, inspection: Inspection, sums: Sums): Promise<void> {
  const { files, filter, progress = new Progress(), signal } = options;
  if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to inspect.');
  const accepts = rulesFilter(filter ?? {});
  const model = (writer: Writer) => modelOf(options, sums, writer);
  for (const name of files) {
    signal?.throwIfAborted();
    const input = await openPlain(name, options);
    const file = new InspectFile(input, { accepts, inspection, model, progress, signal });
    try {
      progress.begin('reading', { file: input.name, bytes: input.source.size });
      await file.run();
      if (file.tail > 0) sums.warnings.push(`${input.name}: ${file.tail} bytes behind the RDB were not inspected.`);
    } finally {
      sums.tables += file.tables;
      sums.filtered += file.filtered;
      await input.close();
    }
  }
}

/** The same error, without the name of the key that it was met in. */
function withoutKey(error: KeyferryError): KeyferryError {
  if (!(error instanceof RdbError) || error.key === undefined) return error;
  return new RdbError(error.code, error.message, { offset: error.offset, db: error.db }, { remedy: error.remedy });
}
