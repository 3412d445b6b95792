// Decodes RDB files to JSON Lines: read once from the beginning, written as it is read.
import type { Readable } from 'node:stream';
import { InterruptedError, KeyferryError, quoteKey, RdbError, UsageError } from '../errors.ts';
import { type EntryFilter, type FilterRules, rulesFilter } from '../filter/filter.ts';
import { openPlain } from '../sources/rdb/input.ts';
import { type Output, ReaderGone } from '../storage/output.ts';
import type { JsonLineOptions } from '../targets/json/json-lines.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import { Progress } from '../telemetry/progress.ts';
import { DecodeFile } from './decode-file.ts';

export interface DecodeOptions extends Pick<JsonLineOptions, 'keysOnly' | 'noValue' | 'maxLineBytes'> {
  /** Paths; `-` is standard input. Their lines come one after the other. */
  readonly files: readonly string[];
  /** Where the lines go; it is committed, or left as not whole, by the job. */
  readonly output: Output;
  readonly filter?: FilterRules | undefined;
  /** Goes on behind a value whose inside is damaged, and names its key in the report. */
  readonly salvage?: boolean | undefined;
  /** Where unpacked copies go. Default: beside each file. */
  readonly workDir?: string | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A key whose value could not be decoded. */
export interface DamagedKey {
  readonly file: string;
  readonly db: number;
  readonly key: Buffer;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

export interface DecodeReport {
  /**
   * `partial`: all was read, but damaged values were left out (`salvage`). `interrupted` without an error: whoever reads
   * the output has gone.
   */
  outcome: 'complete' | 'partial' | 'stopped' | 'interrupted';
  error: KeyferryError | undefined;
  files: { name: string; bytes: number; rdb: string }[];
  /** Keys that were written, and those that the filter left out. */
  keys: number;
  filtered: number;
  lines: number;
  /** Bytes of JSON, before packing. */
  bytes: number;
  damaged: DamagedKey[];
  /** What of the files has no line. */
  warnings: string[];
  seconds: number;
}

/**
 * Runs the job to its end, or to what stops it: then the output has all lines before that, and is not committed. Errors of
 * the family end up in the report; anything else is a defect and is thrown.
 *
 * @example
 * const output = await openOutput('dump.jsonl.zst');
 * const report = await decode({ files: ['dump.rdb'], output });
 */
export async function decode(options: DecodeOptions): Promise<DecodeReport> {
  const { clock = systemClock, output, signal } = options;
  const startedAt = clock.now();
  const report = newReport();
  try {
    await run(options, report);
    await output.commit();
    report.outcome = report.damaged.length > 0 ? 'partial' : 'complete';
  } catch (error) {
    await output.leave();
    if (signal?.aborted) {
      report.outcome = 'interrupted';
      report.error = new InterruptedError('INTERRUPTED', 'the job was told to stop: the output is not whole.');
    } else if (error instanceof ReaderGone) {
      report.outcome = 'interrupted';
    } else {
      if (!(error instanceof KeyferryError)) throw error;
      report.outcome = 'stopped';
      report.error = error;
    }
  }
  report.seconds = (clock.now() - startedAt) / 1000;
  return report;
}

async function run(options: DecodeOptions, report: DecodeReport): Promise<void> {
  const { files, filter, progress = new Progress(), signal } = options;
  if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to decode.');
  const accepts: EntryFilter | undefined = rulesFilter(filter ?? {});
  for (const name of files) {
    signal?.throwIfAborted();
    const input = await openPlain(name, options);
    try {
      progress.begin('decoding', { file: input.name, bytes: input.source.size });
      await new DecodeFile(input, { ...options, accepts, progress, report }).run();
    } finally {
      await input.close();
    }
  }
}

const newReport = (): DecodeReport => ({
  outcome: 'complete',
  error: undefined,
  files: [],
  keys: 0,
  filtered: 0,
  lines: 0,
  bytes: 0,
  damaged: [],
  warnings: [],
  seconds: 0,
});

/** The error of a value's damage, with the key that it is in. */
export function damageOf(error: RdbError, db: number, key: Buffer): RdbError {
  return new RdbError(
    error.code,
    error.message,
    { offset: error.offset, db, key },
    {
      remedy: `--salvage leaves ${quoteKey(key)} out and goes on.`,
      cause: error,
    },
  );
}
