// Decodes RDB files to JSON Lines: each read once from the beginning, written as it is read, in one thread or several.
import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { InterruptedError, KeyferryError, UsageError } from '../errors.ts';
import { type FilterRules, rulesFilter } from '../filter/filter.ts';
import type { RdbScanner } from '../rdb/scanner.ts';
import { openPlain, type PlainInput } from '../sources/rdb/input.ts';
import { type Output, ReaderGone } from '../storage/output.ts';
import type { JsonLineOptions } from '../targets/json/json-lines.ts';
import type { ShapeName } from '../targets/json/shape.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import { decodeFile } from './decode-ranges.ts';
import { decodeInThreads, threadsPossible } from './decode-threads.ts';
import { PartFiles } from './part-files.ts';
import { type DamagedValue, type DecodeTally, newTally } from './record-decoder.ts';

export interface DecodeOptions extends Pick<JsonLineOptions, 'keysOnly' | 'noValue' | 'maxLineBytes'> {
  /** Paths; `-` is standard input. Their lines come one after the other. */
  readonly files: readonly string[];
  /** Where the lines go; it is committed, or left as not whole, by the job. */
  readonly output: Output | PartFiles;
  readonly filter?: FilterRules | undefined;
  /** The shape of what is written; default: keyferry's own, the only one that several threads write. */
  readonly shape?: ShapeName | undefined;
  /** Goes on behind a value whose inside is damaged, and names its key in the report. */
  readonly salvage?: boolean | undefined;
  /**
   * Threads that decode, this one included, which also reads and writes. Default 1. `auto`: one a core, 4 at most, where
   * the file is large enough. What comes out is the same.
   */
  readonly threads?: number | 'auto' | undefined;
  /** Where unpacked copies go. Default: beside each file. */
  readonly workDir?: string | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A key whose value could not be decoded. */
export interface DamagedKey extends DamagedValue {
  readonly file: string;
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

/** A smaller file is done before further threads have started and their code has become fast. */
const AUTO_FROM_BYTES = 256 * 1024 * 1024;
const AUTO_THREADS = 4;

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
  const settle = async (end: () => Promise<unknown>): Promise<void> => {
    try {
      await end();
    } catch (error) {
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
  };
  await settle(async () => {
    try {
      await decodeFiles(options, report);
      await output.commit(report);
      report.outcome = report.damaged.length > 0 ? 'partial' : 'complete';
    } catch (error) {
      await output.leave(report);
      throw error;
    }
  });
  if (output instanceof PartFiles) await settle(() => output.finish(report));
  report.seconds = (clock.now() - startedAt) / 1000;
  return report;
}

async function decodeFiles(options: DecodeOptions, report: DecodeReport): Promise<void> {
  const { files, clock = systemClock, progress, signal } = options;
  const now = clock.now();
  if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to decode.');
  for (const name of files) {
    signal?.throwIfAborted();
    const input = await openPlain(name, options);
    try {
      progress?.begin('decoding', { file: input.name, bytes: input.source.size });
      await new DecodeFile(input, options, report, now).run();
    } finally {
      await input.close();
    }
  }
}

/** Decodes one RDB, and adds what it counts to the report. */
class DecodeFile {
  readonly #input: PlainInput;
  readonly #options: DecodeOptions;
  readonly #report: DecodeReport;
  /** What remaining times to live count from; the same for all files. */
  readonly #now: number;
  readonly #unwritten = new Map<string, number>();
  /** Offsets at which parts begin, but for the first; each at the first key from there on. */
  readonly #stops: readonly number[];
  /** The part at hand; -1 before the first. */
  #part = -1;

  constructor(input: PlainInput, options: DecodeOptions, report: DecodeReport, now: number) {
    this.#now = now;
    this.#input = input;
    this.#options = options;
    this.#report = report;
    const { size } = input.source;
    const parts = options.output instanceof PartFiles ? options.output.parts : 1;
    this.#stops = Array.from({ length: parts - 1 }, (_, i) => Math.floor((size * (i + 1)) / parts));
  }

  async run(): Promise<void> {
    const { source, name } = this.#input;
    const threads = source.path === undefined || this.#options.shape !== undefined ? 1 : this.#threads();
    await this.#toPart(0);
    const { dialect, recordEnd } = threads > 1 ? await this.#inThreads(threads) : await this.#alone();
    await this.#toPart(this.#stops.length);
    const { files, warnings } = this.#report;
    files.push({ name, bytes: recordEnd, rdb: dialect === undefined ? '' : `${dialect.name} ${dialect.version}` });
    for (const [what, count] of this.#unwritten)
      warnings.push(`${name} holds ${what} (${count} ×), which has no line.`);
    const tail = source.size - recordEnd;
    if (tail > 0) warnings.push(`${name}: ${tail} bytes behind the RDB were not decoded.`);
  }

  #threads(): number {
    const { threads = 1 } = this.#options;
    if (threads !== 'auto') return threads;
    return this.#input.source.size < AUTO_FROM_BYTES || !threadsPossible()
      ? 1
      : Math.min(availableParallelism(), AUTO_THREADS);
  }

  async #alone(): Promise<RdbScanner> {
    const { filter = {}, output } = this.#options;
    const tally = newTally();
    const absorb = (): void => {
      this.#count(tally);
      Object.assign(tally, newTally());
    };
    const stopAfter = () => this.#stops[this.#part] ?? Number.POSITIVE_INFINITY;
    try {
      return await decodeFile({
        ...this.#options,
        source: this.#input.source,
        accepts: rulesFilter(filter),
        now: this.#now,
        write: (bytes) => output.write(bytes),
        tally,
        firstStop: stopAfter(),
        onStop: async () => {
          absorb();
          await this.#toPart(this.#part + 1);
          return stopAfter();
        },
        onUnwritten: (what) => this.#noteUnwritten(what),
        onLossy: (lossy) => {
          for (const [what, count] of lossy) {
            this.#report.warnings.push(`${this.#input.name}: this shape has no place for ${what} (${count} ×).`);
          }
        },
        onBlock: (bytes) => {
          absorb();
          this.#show(bytes);
        },
      });
    } finally {
      absorb();
    }
  }

  #inThreads(threads: number): Promise<RdbScanner> {
    const { filter = {}, salvage = false, output } = this.#options;
    return decodeInThreads({
      ...this.#options,
      source: this.#input.source,
      filter,
      salvage,
      threads,
      stops: this.#stops,
      onPart: (part) => this.#toPart(part),
      write: (bytes) => output.write(bytes),
      onTally: (tally) => this.#count(tally),
      onUnwritten: (what) => this.#noteUnwritten(what),
      onBlock: (bytes) => this.#show(bytes),
    });
  }

  /** Begins parts up to this one; those in between stay empty. */
  async #toPart(part: number): Promise<void> {
    const { output } = this.#options;
    while (this.#part < part) {
      this.#part++;
      if (output instanceof PartFiles) await output.next(this.#input.name, this.#report);
    }
  }

  #count(tally: DecodeTally): void {
    const report = this.#report;
    report.keys += tally.keys;
    report.filtered += tally.filtered;
    report.lines += tally.lines;
    report.bytes += tally.bytes;
    for (const damage of tally.damaged)
      report.damaged.push({ file: this.#input.name, ...damage, key: damage.key && Buffer.from(damage.key) });
  }

  #noteUnwritten(what: string): void {
    this.#unwritten.set(what, (this.#unwritten.get(what) ?? 0) + 1);
  }

  #show(bytes: number): void {
    const { progress } = this.#options;
    if (progress === undefined) return;
    progress.bytes = bytes;
    progress.keys = this.#report.keys;
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
