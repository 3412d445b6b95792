// Makes an RDB of JSON Lines, wherever they come from and wherever it goes. That is the first half of every load: the
// whole input is read and proven before the first key is written to a server.
import { InputError, KeyferryError, quoteKey, RdbError } from '../errors.ts';
import { encodeValue } from '../rdb/encode.ts';
import { reencode, type TypeSupport } from '../rdb/reencode.ts';
import type { LogicalValue } from '../rdb/value.ts';
import { type JsonRecord, jsonRecords, type LineShape } from '../sources/json/json-records.ts';
import { KeyMarks } from '../sources/json/key-marks.ts';
import type { RewritableSink } from '../storage/file-sink.ts';
import { type RdbSummary, RdbWriter } from '../targets/rdb/rdb-writer.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import { formatCount } from '../text/count.ts';

/** Lines in order. */
export interface LineInput {
  /** What people call it. */
  readonly name: string;
  /** Their bytes, unpacked. Called once; what it throws ends the load. */
  pieces(): AsyncIterable<Buffer>;
  /** Told, when all of them have been read, how many keys there were. What it throws ends the load. */
  check?(keys: number): void;
}

export interface LinesOptions {
  /** What the lines are; by default each input's first line tells: docs/json-format.md, or redis-dump's. */
  readonly shape?: LineShape | undefined;
  /** For servers that take no newer RDB; by default the lowest version that holds everything. */
  readonly version?: TypeSupport | undefined;
  readonly progress?: Progress | undefined;
  /** redis-dump's seconds to live count from the job's beginning. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What fits into memory. Default: no limit. */
  readonly limits?: LoadLimits | undefined;
  /** Errors do not name keys. Default: they do. */
  readonly redactKeys?: boolean | undefined;
}

export interface LoadLimits {
  /** Keys of all inputs: each leaves a mark, by which a second one is known (see `mostKeysIn`). */
  readonly keys: number;
  /** Memory that one key may take, bytes. */
  readonly keyMemory: number;
}

/** What the file says of the server that wrote the original: another server is not to take itself for its replica. */
const REPLICATION_AUX: ReadonlySet<string> = new Set(['repl-stream-db', 'repl-id', 'repl-offset']);
/** Only Valkey's files have this. */
const VALKEY_AUX = Buffer.from('valkey-ver');
/** The first that has expiring hash fields. */
const VALKEY_9: TypeSupport = { family: 'valkey', rdb: 80 };
/** How a hash is called whose fields could expire once. */
const EXPIRING_LISTPACK = 'listpackex';

/**
 * Writes all lines of all inputs as one RDB. The sink is left open: only the caller gives it its name.
 *
 * @throws {InputError} for a line that is not in order, named by input and number; `JSON_TOO_LARGE` beyond the limits
 * @throws {UsageError} `OUTPUT_VERSION` when the version that was asked for can't hold a value
 */
export async function linesToRdb(
  inputs: readonly LineInput[],
  sink: RewritableSink,
  options: LinesOptions = {},
): Promise<RdbSummary> {
  const { version } = options;
  const writer = version === undefined ? RdbWriter.ofLowest(sink) : RdbWriter.of(version, sink);
  return new Loading(options, writer).run(inputs);
}

class Loading {
  readonly #options: LinesOptions;
  readonly #writer: RdbWriter;
  /** A server refuses a file that has a key twice. */
  readonly #seen = new KeyMarks();
  /** The lines come from Valkey's data: what Redis and Valkey write each their own way goes Valkey's. */
  #fromValkey = false;
  /** Keys so far; once there are some, what is about the file as a whole comes too late. */
  #count = 0;

  constructor(options: LinesOptions, writer: RdbWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  async run(inputs: readonly LineInput[]): Promise<RdbSummary> {
    const { progress, shape, clock = systemClock, signal, limits } = this.#options;
    const now = clock.now();
    for (const input of inputs) {
      const before = this.#count;
      progress?.begin('reading', { file: input.name });
      const records = jsonRecords(input.name, abortable(input.pieces(), signal), {
        shape,
        now,
        maxKeyMemory: limits?.keyMemory,
      });
      for await (const record of records) {
        signal?.throwIfAborted();
        await this.#write(record, input.name);
      }
      input.check?.(this.#count - before);
    }
    return this.#writer.end();
  }

  async #write(record: JsonRecord, file: string): Promise<void> {
    const where = `${file}, line ${formatCount(record.line)}`;
    if (record.kind === 'aux') {
      this.#fromValkey ||= record.name.equals(VALKEY_AUX);
      if (!REPLICATION_AUX.has(record.name.toString('latin1')) && this.#count === 0) {
        await this.#writer.aux(record.name, record.value);
      }
      return;
    }
    if (record.kind === 'function') {
      if (this.#count > 0) throw outOfOrder(where);
      await this.#writer.functionLibrary(record.code);
      return;
    }
    if (record.kind === 'module-aux') {
      try {
        await this.#writer.moduleAux(record.value);
      } catch (error) {
        if (!(error instanceof RdbError)) throw error;
        throw misshapen(error, where);
      }
      return;
    }
    this.#count++;
    this.#refuseTwin(record, where);
    const { db, key, expireAt, idle, freq, meta } = record;
    await this.#writer.key({ db, key, expireAt, idle, freq, meta, ...this.#encoded(record, where) });
    if (this.#options.progress !== undefined) this.#options.progress.keys++;
  }

  #encoded({ value, encoding, key, db }: JsonRecord & { kind: 'key' }, where: string) {
    const { version } = this.#options;
    try {
      const support = version ?? (this.#fromValkey && expires(value) ? VALKEY_9 : undefined);
      const encoded = encodeValue(value, { support, fieldsMayExpire: encoding === EXPIRING_LISTPACK });
      if (version === undefined) return encoded;
      const fitting = reencode(encoded.type, encoded.value, version, { now: 0n });
      // What it would lose is not for a file that is asked for as a copy.
      if (fitting === undefined || fitting.expired || fitting.losses.length > 0) return encoded;
      return { type: fitting.type, value: fitting.value };
    } catch (error) {
      if (!(error instanceof KeyferryError || error instanceof RangeError)) throw error;
      throw misshapen(error, this.#placeOf(db, key, where));
    }
  }

  #placeOf(db: number, key: Buffer, where: string): string {
    return `${where}, db ${db}${this.#options.redactKeys ? '' : `, key ${quoteKey(key)}`}`;
  }

  #refuseTwin({ db, key }: JsonRecord & { kind: 'key' }, where: string): void {
    const { keys: most = Number.POSITIVE_INFINITY } = this.#options.limits ?? {};
    if (this.#count > most) {
      const message = `there are more than the ${formatCount(most)} keys whose marks fit into memory.`;
      throw new InputError('JSON_TOO_LARGE', message, { where, remedy: 'Load it where there is more memory.' });
    }
    if (this.#seen.add(db, key)) return;
    throw new InputError('JSON_RECORD', 'the key stands in the input twice.', {
      where: this.#placeOf(db, key, where),
      remedy: 'Remove one of the two lines. Nothing was written.',
    });
  }
}

/** Blank lines alone make no record, and yet can be many. */
async function* abortable(pieces: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    yield piece;
  }
}

const expires = (value: LogicalValue): boolean =>
  value.kind === 'hash' && value.fields.some(({ expireAt }) => expireAt !== undefined);

const outOfOrder = (where: string) =>
  new InputError('JSON_RECORD', 'a function stands behind keys.', {
    where,
    remedy: 'Functions come first: move the line to the top, or load its file first. Nothing was written.',
  });

const misshapen = (error: Error, where: string): InputError =>
  new InputError('JSON_RECORD', `the value cannot be: ${error.message}`, {
    where,
    remedy: 'Mend the line. Nothing was written.',
    cause: error,
  });
