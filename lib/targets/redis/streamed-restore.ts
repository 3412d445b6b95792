// Restores one large record without holding it: its bytes go from the source to the socket as they are read.
//
// A payload's checksum stands at its end, so a record that turns out damaged on the way is ended with a checksum that is
// wrong on purpose: the server then refuses it whole.
import { Crc64 } from '../../bytes/crc64.ts';
import { InputError, RdbError } from '../../errors.ts';
import { RdbScanner, type ScanState } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { Endpoint } from '../../redis/endpoint.ts';
import type { Locator } from '../../redis/locator.ts';
import { type StreamedReply, sendStreamed } from '../../redis/streamed-command.ts';
import { FrameWriter } from '../../resp/frame-writer.ts';
import { BlockReader } from '../../storage/block-reader.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { COMMAND_OVERHEAD_BYTES, type EntryEncoder } from './entry-encoder.ts';

/** Bytes read at first to find where the key ends. */
const HEAD_BYTES = 64 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** The beginning of a record up to its value. */
export interface RecordHead {
  readonly entry: RdbScanner;
  readonly bytes: Buffer;
}

/** One record, its place and its checksum. */
export interface LargeRecord {
  readonly source: ByteSource;
  readonly start: number;
  readonly end: number;
  /** CRC64 of the range. */
  readonly crc: bigint;
}

/**
 * Reads a record up to where its value begins.
 *
 * @throws {InputError} `INPUT_CHANGED` where no record begins
 */
export async function readRecordHead({ source, start, end }: LargeRecord, state: ScanState): Promise<RecordHead> {
  for (let size = HEAD_BYTES; ; size *= 4) {
    const bytes = await source.read(start, Math.min(end, start + size));
    const entry = new RdbScanner({ from: state, size: source.size, crc: false });
    entry.feed(bytes);
    try {
      entry.next();
    } catch (error) {
      // The plan has scanned these bytes: were they the same, they would pass now too.
      throw error instanceof RdbError ? changed(source) : error;
    }
    if (entry.valueStart > entry.keyStart) return { entry, bytes };
    if (start + size >= end) throw changed(source);
  }
}

export interface StreamedRestoreOptions {
  readonly locator: Locator;
  /** True where a replica follows that server. */
  readonly replicas: (endpoint: Endpoint) => boolean;
  readonly db: number;
  readonly encoder: EntryEncoder;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of bytes as they are sent; holds them to a rate. */
  readonly onPiece: (bytes: number) => Promise<void>;
}

/**
 * Sends the record as one RESTORE.
 *
 * @throws {InputError} `INPUT_CHANGED` when its bytes are not those that were planned; the server has refused them then
 */
export async function restoreStreamed(
  record: LargeRecord,
  { entry, bytes }: RecordHead,
  options: StreamedRestoreOptions,
): Promise<StreamedReply> {
  const { encoder } = options;
  const type = entry.type as ValueType;
  const meta =
    entry.metaEnd > 0 ? bytes.subarray(entry.metaStart - record.start, entry.metaEnd - record.start) : undefined;
  const start = Buffer.concat([meta ?? Buffer.alloc(0), Buffer.of(type.code)]);
  const version = Buffer.alloc(2);
  version.writeUInt16LE(encoder.footerVersion(entry));
  const payloadBytes = start.length + (record.end - entry.valueStart) + version.length + 8;
  let damaged = false;

  async function* pieces(): AsyncGenerator<Buffer> {
    const room =
      entry.valueStart - record.start + encoder.keyGrowth(entry, bytes, record.start) + COMMAND_OVERHEAD_BYTES;
    const frame = new FrameWriter(Buffer.allocUnsafe(room + start.length));
    encoder.restoreHead(entry, bytes, record.start, frame, payloadBytes);
    frame.raw(start);
    yield frame.buffer.subarray(0, frame.at);
    const payload = new Crc64().update(start);
    const range = new Crc64().update(bytes, 0, entry.valueStart - record.start);
    const blocks = new BlockReader(record.source, { from: entry.valueStart, to: record.end, blockBytes: PIECE_BYTES });
    for (let piece = await blocks.nextBytes(); piece !== undefined; piece = await blocks.nextBytes()) {
      payload.update(piece);
      range.update(piece);
      await options.onPiece(piece.length);
      yield piece;
    }
    damaged = range.value !== record.crc;
    const footer = new FrameWriter(Buffer.alloc(COMMAND_OVERHEAD_BYTES));
    footer.raw(version);
    const crc = payload.update(version).value;
    footer.buffer.writeBigUInt64LE(damaged ? crc ^ 1n : crc, footer.at);
    footer.at += 8;
    encoder.restoreTail(entry, footer);
    yield footer.buffer.subarray(0, footer.at);
  }

  const key = Buffer.from(encoder.key(entry, bytes, record.start));
  const reply = await sendStreamed({ ...options, key, pieces });
  if (damaged) throw changed(record.source);
  return reply;
}

/** The error of bytes that are not those that were planned. */
export function changed(source: ByteSource): InputError {
  return new InputError(
    'INPUT_CHANGED',
    'its bytes are not those that were planned: the file has changed since, or its disk reads badly.',
    {
      where: source.name,
      remedy: 'Nothing of the damaged part was written. If the file was replaced, begin anew with --fresh.',
    },
  );
}
