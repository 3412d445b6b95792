// Loads JSON Lines: makes an RDB of them, which then is restored like any other, or is the result.
//
// So the whole input is read and proven before the first key is written, and policies, clusters, big values and resuming
// are those of a restore.
import { createReadStream } from 'node:fs';
import { type Readable, Readable as ReadableStream } from 'node:stream';
import { InputError, KeyferryError, quoteKey, RdbError, UsageError } from '../errors.ts';
import { encodeValue } from '../rdb/encode.ts';
import { reencode, type TypeSupport } from '../rdb/reencode.ts';
import type { LogicalValue } from '../rdb/value.ts';
import { type JsonRecord, jsonRecords, type LineShape } from '../sources/json/json-records.ts';
import { KeyMarks } from '../sources/json/key-marks.ts';
import { STDIN } from '../sources/rdb/input.ts';
import { createFile, type FileSink } from '../storage/file-sink.ts';
import { openFile } from '../storage/file-source.ts';
import { unpackedPieces } from '../storage/unpack.ts';
import { type RdbSummary, RdbWriter } from '../targets/rdb/rdb-writer.ts';
import { type Clock, systemClock } from '../telemetry/clock.ts';
import type { Progress } from '../telemetry/progress.ts';
import { formatCount } from '../text/count.ts';

export interface LoadOptions {
  /** Paths of JSON Lines, packed or not; `-` is standard input. Together they are one RDB. */
  readonly files: readonly string[];
  /** What the lines are; by default each file's first line tells: docs/json-format.md, or redis-dump's. */
  readonly shape?: LineShape | undefined;
  /** The RDB to write. It gets its name when it is whole. */
  readonly path: string;
  /** For servers that take no newer RDB; by default the lowest version that holds everything. */
  readonly version?: TypeSupport | undefined;
  readonly stdin?: Readable | undefined;
  readonly progress?: Progress | undefined;
  /** redis-dump's seconds to live count from the job's beginning. */
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
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
 * Writes the RDB.
 *
 * @throws {InputError} for a line that is not in order, named by file and number; the RDB does not appear then
 * @throws {UsageError} `OUTPUT_VERSION` when the version that was asked for can't hold a value
 */
export async function jsonToRdb(options: LoadOptions): Promise<RdbSummary> {
  const { files, path, version } = options;
  if (files.length === 0) throw new UsageError('FILES_MISSING', 'there is no file to load.');
  const sink = await createFile(path);
  try {
    const writer = version === undefined ? RdbWriter.ofLowest(sink) : RdbWriter.of(version, sink);
    const summary = await new Loading(options, writer).run();
    await sink.commit();
    return summary;
  } catch (error) {
    await abandoned(sink);
    throw error;
  }
}

async function abandoned(sink: FileSink): Promise<void> {
  await sink.abandon().catch(() => undefined); // what went wrong before is what counts
}

class Loading {
  readonly #options: LoadOptions;
  readonly #writer: RdbWriter;
  /** A server refuses a file that has a key twice. */
  readonly #seen = new KeyMarks();
  /** The lines come from Valkey's data: what Redis and Valkey write each their own way goes Valkey's. */
  #fromValkey = false;
  /** Keys have begun: what is about the file as a whole comes too late. */
  #keys = false;

  constructor(options: LoadOptions, writer: RdbWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  async run(): Promise<RdbSummary> {
    const { files, progress, shape, clock = systemClock, signal } = this.#options;
    const now = clock.now();
    for (const name of files) {
      const shown = name === STDIN ? 'standard input' : name;
      progress?.begin('reading', { file: shown });
      for await (const record of jsonRecords(shown, this.#pieces(name, shown), { shape, now })) {
        signal?.throwIfAborted();
        await this.#write(record, shown);
      }
    }
    return this.#writer.end();
  }

  async *#pieces(name: string, shown: string): AsyncGenerator<Buffer, void, undefined> {
    const { progress, stdin = process.stdin } = this.#options;
    // A file that is not there, or is none, is told as everywhere.
    if (name !== STDIN) await (await openFile(name)).close();
    const input = name === STDIN ? stdin : ReadableStream.from(createReadStream(name));
    for await (const piece of unpackedPieces(shown, input)) {
      if (progress !== undefined) progress.bytes += piece.length;
      yield piece;
    }
  }

  async #write(record: JsonRecord, file: string): Promise<void> {
    const where = `${file}, line ${formatCount(record.line)}`;
    if (record.kind === 'aux') {
      this.#fromValkey ||= record.name.equals(VALKEY_AUX);
      if (!REPLICATION_AUX.has(record.name.toString('latin1')) && !this.#keys) {
        await this.#writer.aux(record.name, record.value);
      }
      return;
    }
    if (record.kind === 'function') {
      if (this.#keys) throw outOfOrder(where);
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
    this.#keys = true;
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
      throw misshapen(error, `${where}, db ${db}, key ${quoteKey(key)}`);
    }
  }

  #refuseTwin({ db, key }: JsonRecord & { kind: 'key' }, where: string): void {
    if (this.#seen.add(db, key)) return;
    throw new InputError('JSON_RECORD', 'the key stands in the input twice.', {
      where: `${where}, db ${db}, key ${quoteKey(key)}`,
      remedy: 'Remove one of the two lines. Nothing was written.',
    });
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
