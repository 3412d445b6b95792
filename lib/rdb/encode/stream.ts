// Writes streams in the oldest of their five encodings that holds all that is known of them (rdb-format.md 1.6).
import { streamValue } from '../decode/stream.ts';
import { ValueCursor } from '../decode/value-cursor.ts';
import { ValueWriter } from '../encode-primitives.ts';
import { redisTypes, type ValueType } from '../types.ts';
import type { LoadedGroup, LogicalValue, StreamId, StreamIdempotence } from '../value.ts';
import { rawStreamId, writeSigned, writeStreamId, writeString, writeUnsigned } from './primitives.ts';
import { writeNodes } from './stream-nodes.ts';

type Stream = Extract<LogicalValue, { kind: 'stream' }>;

/** The types of the encodings 1 to 5. */
const CODES = [15, 19, 21, 26, 27] as const;

const NO_ID: StreamId = { ms: 0n, seq: 0n };
/** "Not known" as a number of entries. */
const UNKNOWN = -1n;
/** What a stream of an older encoding has where a server loads it, seconds and messages. */
const NO_IDEMPOTENCE: StreamIdempotence = { duration: 100n, maxSize: 100n, producers: [], added: 0n, duplicates: 0n };

/**
 * Writes a stream and reads it again, which proves that its ids rise and that its pending entries have their owners.
 *
 * @throws {RdbError} `RDB_STREAM` for a stream that contradicts itself
 * @throws {RangeError} for numbers that 64 bits do not hold
 */
export function encodeStream(stream: Stream): { type: ValueType; value: Buffer } {
  const version = oldestEncoding(stream);
  const type = redisTypes[CODES[version - 1] as number] as ValueType;
  const value = written(stream, version);
  for (const _ of streamValue(type, new ValueCursor(value)).entries);
  return { type, value };
}

function oldestEncoding({ groups, firstId, maxDeletedId, entriesAdded, idempotence }: Stream): number {
  if (groups.some(({ nacked }) => nacked.length > 0)) return 5;
  if (idempotence !== undefined) return 4;
  if (groups.some(({ consumers }) => consumers.some(({ activeAt }) => activeAt !== undefined))) return 3;
  const counted = firstId !== undefined || maxDeletedId !== undefined || entriesAdded !== undefined;
  return counted || groups.some(({ entriesRead }) => entriesRead !== undefined) ? 2 : 1;
}

/** What is not known is written as servers take it that load an encoding without it. */
function written(stream: Stream, version: number): Buffer {
  const { entries, length, lastId, firstId = entries[0]?.id ?? NO_ID } = stream;
  const { maxDeletedId = NO_ID, entriesAdded = length, groups, idempotence = NO_IDEMPOTENCE } = stream;
  const writer = new ValueWriter();
  writeNodes(writer, entries);
  writeUnsigned(writer, length);
  writeStreamId(writer, lastId);
  if (version >= 2) {
    writeStreamId(writer, firstId);
    writeStreamId(writer, maxDeletedId);
    writeUnsigned(writer, entriesAdded);
  }
  writer.length(groups.length);
  for (const group of groups) writeGroup(writer, group, version);
  if (version >= 4) writeIdempotence(writer, idempotence);
  return writer.written;
}

function writeGroup(writer: ValueWriter, group: LoadedGroup, version: number): void {
  const { name, lastId, entriesRead = UNKNOWN, pel, consumers, nacked } = group;
  writeString(writer, name);
  writeStreamId(writer, lastId);
  if (version >= 2) writeSigned(writer, entriesRead);
  writer.length(pel.length);
  for (const { id, deliveredAt, count } of pel) {
    writer.bytes(rawStreamId(id)).i64le(deliveredAt);
    writeUnsigned(writer, count);
  }
  writer.length(consumers.length);
  for (const { name, seenAt, activeAt = seenAt, pel } of consumers) {
    writeString(writer, name);
    writer.i64le(seenAt);
    if (version >= 3) writer.i64le(activeAt);
    writeIds(writer, pel);
  }
  if (version >= 5) writeIds(writer, nacked);
}

function writeIds(writer: ValueWriter, ids: readonly StreamId[]): void {
  writer.length(ids.length);
  for (const id of ids) writer.bytes(rawStreamId(id));
}

function writeIdempotence(writer: ValueWriter, idempotence: StreamIdempotence): void {
  const { duration, maxSize, producers, added, duplicates } = idempotence;
  writeUnsigned(writer, duration);
  writeUnsigned(writer, maxSize);
  writer.length(producers.length);
  for (const { id, messages } of producers) {
    writeString(writer, id);
    writer.length(messages.length);
    for (const { id, entry } of messages) {
      writeString(writer, id);
      writeStreamId(writer, entry);
    }
  }
  writeUnsigned(writer, added);
  writeUnsigned(writer, duplicates);
}
