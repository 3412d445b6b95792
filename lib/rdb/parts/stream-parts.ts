// Streams in parts: node by node, then group by group (rdb-format.md 1.6).
import { STREAM_VERSIONS } from '../decode/stream.ts';
import { nodeEntries, StreamOrder } from '../decode/stream-entries.ts';
import type { ValueType } from '../types.ts';
import type { StreamEntry, StreamIdempotence } from '../value.ts';
import type { ValuePart } from '../value-parts.ts';
import type { ArrivingBytes, Run } from './arriving-bytes.ts';
import { batches, entryBytes } from './batches.ts';
import { groupParts } from './group-parts.ts';
import type { Shape } from './shape.ts';

const NODE: Shape = ['string', 'string'];
/** The number of entries and the last id; then the first id, the highest deleted one, and how many were ever added. */
const STATE: Shape = ['length', 'length', 'length'];
const STATE_2: Shape = [...STATE, 'length', 'length', 'length', 'length', 'length'];

/** @throws {RdbError} for damage */
export async function* streamParts(
  type: ValueType,
  bytes: ArrivingBytes,
  partBytes: number,
): AsyncGenerator<ValuePart, void, undefined> {
  const version = STREAM_VERSIONS[type.name] as number;
  const order = new StreamOrder();
  for await (const run of bytes.runs(NODE, await bytes.length())) {
    for (const entries of batches(runEntries(run, order), entryBytes, partBytes)) yield { kind: 'stream', entries };
  }
  const state = await bytes.one(version >= 2 ? STATE_2 : STATE);
  const length = state.length64();
  const lastId = state.streamId();
  const firstId = version >= 2 ? state.streamId() : undefined;
  const maxDeletedId = version >= 2 ? state.streamId() : undefined;
  const entriesAdded = version >= 2 ? state.length64() : undefined;
  for (let left = await bytes.length(); left > 0; left--) yield* groupParts(bytes, version, partBytes);
  const idempotence = version >= 4 ? await streamIdempotence(bytes) : undefined;
  await bytes.expectEnd('the stream');
  yield { kind: 'stream-state', length, lastId, firstId, maxDeletedId, entriesAdded, idempotence };
}

function* runEntries({ count, cursor }: Run, order: StreamOrder): Generator<StreamEntry, void, undefined> {
  for (let i = 0; i < count; i++) yield* nodeEntries(cursor, order);
}

/** Held as a whole: servers bound it by its largest size, which is part of it. */
async function streamIdempotence(bytes: ArrivingBytes): Promise<StreamIdempotence> {
  const limits = await bytes.one(['length', 'length']);
  const [duration, maxSize] = [limits.length64(), limits.length64()];
  const producers = [];
  for (let left = await bytes.length(); left > 0; left--) {
    const id = (await bytes.one(['string'])).string();
    const messages = [];
    for await (const { count, cursor } of bytes.runs(['string', 'length', 'length'], await bytes.length())) {
      for (let i = 0; i < count; i++) messages.push({ id: cursor.string(), entry: cursor.streamId() });
    }
    producers.push({ id, messages });
  }
  const counts = await bytes.one(['length', 'length']);
  return { duration, maxSize, producers, added: counts.length64(), duplicates: counts.length64() };
}
