// Streams in each of their five encodings: what surrounds the entries, and the groups (rdb-format.md 1.6).
import type { ValueType } from '../types.ts';
import type { StreamEntry, StreamGroup, StreamIdempotence, StreamState } from '../value.ts';
import { nodeEntries, StreamOrder } from './stream-entries.ts';
import { refuseTwins, streamGroup } from './stream-groups.ts';
import { unknownEncoding } from './unknown-encoding.ts';
import type { ValueCursor } from './value-cursor.ts';

/** Encodings by what they know: 2 of deleted entries, 3 of active times, 4 of idempotence, 5 of entries given back. */
export const STREAM_VERSIONS: Readonly<Record<string, number>> = {
  STREAM_LISTPACKS: 1,
  STREAM_LISTPACKS_2: 2,
  STREAM_LISTPACKS_3: 3,
  STREAM_LISTPACKS_4: 4,
  STREAM_LISTPACKS_5: 5,
};

/**
 * Reads all but the entries, which are read while they are asked for.
 *
 * The counts of entries, in the stream and in its nodes, are not held against the entries: XTRIM and XDEL of Redis 5
 * miscounted, and servers load what it saved.
 *
 * @param cursor stands at the value
 * @throws {RdbError} `RDB_STREAM` and the codes of lengths, strings and listpacks
 */
export function streamValue(
  type: ValueType,
  cursor: ValueCursor,
): { kind: 'stream'; entries: Iterable<StreamEntry> } & StreamState {
  const version = STREAM_VERSIONS[type.name];
  if (version === undefined) throw unknownEncoding(type, cursor);
  const nodes = cursor.count(2);
  const nodesAt = cursor.position;
  for (let i = 0; i < nodes; i++) {
    cursor.skipString();
    cursor.skipString();
  }
  const length = cursor.length64();
  const lastId = cursor.streamId();
  const firstId = version >= 2 ? cursor.streamId() : undefined;
  const maxDeletedId = version >= 2 ? cursor.streamId() : undefined;
  const entriesAdded = version >= 2 ? cursor.length64() : undefined;
  const groupsAt = cursor.position;
  const groups: StreamGroup[] = [];
  for (let left = cursor.count(4); left > 0; left--) groups.push(streamGroup(cursor, version));
  refuseTwins(groups, (name) => cursor.error(`a stream has two groups ${name}`, groupsAt, 'RDB_STREAM'));
  const idempotence = version >= 4 ? streamIdempotence(cursor) : undefined;
  cursor.expectEnd('the stream');
  const entries = { [Symbol.iterator]: () => streamEntries(cursor, nodes, nodesAt) };
  return { kind: 'stream', entries, length, lastId, firstId, maxDeletedId, entriesAdded, groups, idempotence };
}

function* streamEntries(cursor: ValueCursor, nodes: number, nodesAt: number): Generator<StreamEntry, void, undefined> {
  const order = new StreamOrder();
  let next = nodesAt;
  for (let i = 0; i < nodes; i++) {
    cursor.position = next;
    const entries = nodeEntries(cursor, order);
    next = cursor.position;
    yield* entries;
  }
}

function streamIdempotence(cursor: ValueCursor): StreamIdempotence {
  const duration = cursor.length64();
  const maxSize = cursor.length64();
  const producers = [];
  for (let left = cursor.count(2); left > 0; left--) {
    const id = cursor.string();
    const messages = [];
    for (let more = cursor.count(3); more > 0; more--) {
      messages.push({ id: cursor.string(), entry: cursor.streamId() });
    }
    producers.push({ id, messages });
  }
  return { duration, maxSize, producers, added: cursor.length64(), duplicates: cursor.length64() };
}
