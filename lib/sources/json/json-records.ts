// Reads JSON Lines, keyferry's (docs/json-format.md) or redis-dump's: one record for each key, AUX field and library.
import { InputError } from '../../errors.ts';
import type { LogicalValue, ModuleValue } from '../../rdb/value.ts';
import { formatCount } from '../../text/count.ts';
import { LineProblem, type ProblemCode } from './line-problem.ts';
import { readLine } from './line-shape.ts';
import { LineSplitter } from './line-splitter.ts';
import { isSpace, type JsonLimits, parseJson } from './parse-json.ts';
import { PartJoiner } from './part-joiner.ts';
import { isRedisDump, readRedisDumpLine } from './redis-dump-line.ts';

/** What the lines of a file are. */
export const LINE_SHAPES = ['auto', 'keyferry', 'redis-dump', 'redis-dump-base64'] as const;
export type LineShape = (typeof LINE_SHAPES)[number];

export type JsonRecord =
  | { readonly kind: 'aux'; readonly name: Buffer; readonly value: Buffer; readonly line: number }
  | { readonly kind: 'function'; readonly code: Buffer; readonly line: number }
  | { readonly kind: 'module-aux'; readonly value: ModuleValue; readonly line: number }
  | JsonKey;

export interface JsonKey {
  readonly kind: 'key';
  readonly db: number;
  readonly key: Buffer;
  /** When the key expires, ms since the epoch; `undefined` for never. */
  readonly expireAt: bigint | undefined;
  /** Seconds since the last use. */
  readonly idle: number | undefined;
  /** The LFU counter, 0–255. */
  readonly freq: number | undefined;
  /** Metadata that modules attached to the key, as the RDB has it. */
  readonly meta: Buffer | undefined;
  /** All of it, also where it came in parts. Members and fields may still come twice: `encodeValue` refuses that. */
  readonly value: LogicalValue;
  /** The RDB encoding that the line names. */
  readonly encoding: string | undefined;
  /** Where it begins, from 1 on. */
  readonly line: number;
}

export interface JsonRecordOptions {
  /**
   * `redis-dump-base64` is what `redis-dump -b` writes. `auto`, the default, goes by the first line: keyferry's or
   * redis-dump's without `-b`.
   */
  readonly shape?: LineShape | undefined;
  /** What redis-dump's seconds to live count from, ms since the epoch. Default: now. */
  readonly now?: number | undefined;
  /** The longest line in bytes. Default {@link MAX_LINE_BYTES}, which also a string of 512 MB in parts keeps to. */
  readonly maxLineBytes?: number | undefined;
  /** How deep JSON may be nested. Default 64; at most 1,000. */
  readonly maxDepth?: number | undefined;
  /** The most JSON values of a line, each array, object, string and number being one. Default {@link MAX_VALUES}. */
  readonly maxValues?: number | undefined;
  /** The most memory that one key takes until it is given on, in bytes; estimated. Default: no limit. */
  readonly maxKeyMemory?: number | undefined;
}

export const MAX_LINE_BYTES = 256 * 1024 * 1024;
/** A line of that many takes about 1 GB, however short it is. */
export const MAX_VALUES = 8_000_000;
const MAX_DEPTH = 64;
/** What a key takes while its lines become a value: for each byte of them, and for each JSON value. */
const MEMORY_PER_BYTE = 4;
const MEMORY_PER_VALUE = 128;

/** What to do where the problem itself does not say it. */
const REMEDIES: Readonly<Record<ProblemCode, string>> = {
  JSON_SYNTAX: 'Each line has to be one JSON object. Correct the line, or write the file again.',
  JSON_RECORD:
    'docs/json-format.md (and docs/json-shapes.md for redis-dump) says what a line may hold. Correct the line.',
  JSON_PARTS: 'The parts of a value have to be complete, in order and next to each other: write the file again.',
  JSON_TOO_LARGE: 'Write the file with shorter lines (decode --max-line), or load it where there is more memory.',
  JSON_LINE_TOO_LONG: 'Write the file with shorter lines (decode --max-line): long values then go in parts.',
};

/**
 * The records of a file, in its order. In memory are a line and the value that it belongs to.
 *
 * @param name   the file's, for errors
 * @param pieces its bytes, in order; each one's memory may be used again when the next is asked for
 * @throws {InputError} with the line in `where`: `JSON_SYNTAX` for what is no JSON, `JSON_RECORD` for JSON that is no
 *   record, `JSON_PARTS` for a value whose parts are not complete and in order, `JSON_LINE_TOO_LONG`, `JSON_TOO_LARGE`
 */
export async function* jsonRecords(
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  options: JsonRecordOptions = {},
): AsyncGenerator<JsonRecord, void, undefined> {
  const { maxLineBytes = MAX_LINE_BYTES, maxKeyMemory = Number.POSITIVE_INFINITY } = options;
  const splitter = new LineSplitter(Math.min(maxLineBytes, Math.floor(maxKeyMemory / MEMORY_PER_BYTE)));
  const records = new Records(options);
  // Problems are those of the line that was cut last, or is being cut.
  try {
    // Not `yield*`, which would wait for each record twice.
    for await (const piece of pieces) for (const record of records.of(splitter, splitter.push(piece))) yield record;
    for (const record of records.of(splitter, splitter.finish())) yield record;
    records.finish();
  } catch (error) {
    throw error instanceof LineProblem ? placed(error, name, splitter.line) : error;
  }
}

class Records {
  readonly #limits: JsonLimits;
  readonly #now: number;
  readonly #joiner = new PartJoiner();
  readonly #maxMemory: number;
  /** JSON values of the line at hand. */
  readonly #meter = { values: 0 };
  /** Estimated, of the lines of a value whose last is still to come. */
  #memory = 0;
  #shape: LineShape;

  constructor(options: JsonRecordOptions) {
    const { shape = 'auto', maxDepth = MAX_DEPTH, maxValues = MAX_VALUES, now = Date.now() } = options;
    const { maxKeyMemory = Number.POSITIVE_INFINITY } = options;
    this.#maxMemory = maxKeyMemory;
    const most = Math.min(maxValues, Math.floor(maxKeyMemory / MEMORY_PER_VALUE));
    this.#limits = { maxDepth, maxValues: most, meter: this.#meter };
    this.#now = now;
    this.#shape = shape;
  }

  *of(splitter: LineSplitter, lines: Iterable<Buffer>): Generator<JsonRecord, void, undefined> {
    for (const bytes of lines) {
      if (isBlank(bytes)) continue;
      const record = this.#record(bytes, splitter.line);
      if (record !== undefined) yield record;
    }
  }

  /** @throws {LineProblem} where the file ends inside a value */
  finish(): void {
    const { openLine } = this.#joiner;
    if (openLine === undefined) return;
    const message = `the file ends before the last part of the value that begins in line ${formatCount(openLine)}`;
    throw new LineProblem('JSON_PARTS', message);
  }

  #record(bytes: Buffer, line: number): JsonRecord | undefined {
    if (this.#shape === 'auto') this.#shape = this.#shapeOf(bytes);
    return this.#shape === 'keyferry' ? this.#keyferry(bytes, line) : this.#redisDump(bytes, line);
  }

  #shapeOf(first: Buffer): LineShape {
    return isRedisDump(parseJson(first, { ...this.#limits, anyBytes: true })) ? 'redis-dump' : 'keyferry';
  }

  /** redis-dump writes strings as they are, also those that are no UTF-8. */
  #redisDump(bytes: Buffer, line: number): JsonKey | undefined {
    const json = parseJson(bytes, { ...this.#limits, anyBytes: true });
    const read = readRedisDumpLine(json, { now: this.#now, base64: this.#shape === 'redis-dump-base64' });
    if (read === undefined) return undefined;
    return { kind: 'key', ...read, idle: undefined, freq: undefined, meta: undefined, encoding: undefined, line };
  }

  #keyferry(bytes: Buffer, line: number): JsonRecord | undefined {
    this.#meter.values = 0;
    const json = parseJson(bytes, this.#limits);
    this.#weigh(bytes);
    const read = readLine(json);
    if (read.kind !== 'key') {
      this.#joiner.close();
      this.#memory = 0;
      return { ...read, line };
    }
    const whole = this.#joiner.add(read, line);
    if (whole === undefined) return undefined;
    this.#memory = 0;
    const { db, key, expireAt, idle, freq, meta, encoding } = whole.head;
    return { kind: 'key', db, key, expireAt, idle, freq, meta, value: whole.value, encoding, line: whole.line };
  }

  /** @throws {LineProblem} `JSON_TOO_LARGE` where the lines of a key so far are more than memory is to hold */
  #weigh({ length }: Buffer): void {
    this.#memory += MEMORY_PER_BYTE * length + MEMORY_PER_VALUE * this.#meter.values;
    if (this.#memory <= this.#maxMemory) return;
    throw new LineProblem(
      'JSON_TOO_LARGE',
      `the value takes more than ${formatCount(this.#maxMemory)} bytes of memory`,
    );
  }
}

function isBlank(line: Buffer): boolean {
  for (let at = 0; at < line.length; at++) if (!isSpace(line[at])) return false;
  return true;
}

function placed(problem: LineProblem, name: string, line: number): InputError {
  const column = problem.column === undefined ? '' : `, column ${formatCount(problem.column)}`;
  const where = `${name}, line ${formatCount(line)}${column}`;
  return new InputError(problem.code, problem.message, { where, remedy: problem.remedy ?? REMEDIES[problem.code] });
}
