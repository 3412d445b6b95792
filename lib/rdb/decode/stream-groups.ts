// Consumer groups of a stream: what was delivered to whom and is not acknowledged (rdb-format.md 1.6).
import { quoteKey, type RdbError } from '../../errors.ts';
import type { PendingEntry, StreamConsumer, StreamGroup, StreamId } from '../value.ts';
import { Elements } from './elements.ts';
import { MemberIndex } from './member-index.ts';
import type { ValueCursor } from './value-cursor.ts';

const ID_BYTES = 16;
/** An id, a time and a length. */
const PENDING_BYTES = ID_BYTES + 9;

/**
 * Reads a group and proves that its parts agree: no id pending twice, each one that a consumer owns pending, each
 * pending one owned by one consumer or given back.
 *
 * @param cursor  stands at the group and is left behind it
 * @param version of the stream's encoding, 1 to 5
 * @throws {RdbError} `RDB_STREAM` and the codes of lengths and strings
 */
export function streamGroup(cursor: ValueCursor, version: number): StreamGroup {
  const groupAt = cursor.position;
  const name = cursor.string();
  const lastId = cursor.streamId();
  const entriesRead = version >= 2 ? BigInt.asIntN(64, cursor.length64()) : undefined;
  const { pel, pending } = pendingEntries(cursor);
  const owned = new Uint8Array(pending.size);
  const consumers: StreamConsumer[] = [];
  for (let left = cursor.count(10); left > 0; left--) {
    consumers.push({
      name: cursor.string(),
      seenAt: cursor.i64le(),
      activeAt: version >= 3 ? cursor.i64le() : undefined,
      pel: ownedIds(cursor, pending, owned),
    });
  }
  const nacked = version >= 5 ? ownedIds(cursor, pending, owned) : [];
  const ownerless = owned.indexOf(0);
  if (ownerless !== -1) {
    const at = pending.positionOf(ownerless);
    throw cursor.error('an entry is pending, but with no consumer', at, 'RDB_STREAM');
  }
  refuseTwins(consumers, (twin) => cursor.error(`a group has two consumers ${twin}`, groupAt, 'RDB_STREAM'));
  return { name, lastId, entriesRead, pel, consumers, nacked };
}

function pendingEntries(cursor: ValueCursor): { pel: Iterable<PendingEntry>; pending: MemberIndex } {
  const count = cursor.count(PENDING_BYTES);
  const pel = new Elements(
    cursor,
    count,
    (): PendingEntry => ({ id: cursor.rawStreamId(), deliveredAt: cursor.i64le(), count: cursor.length64() }),
  );
  const pending = new MemberIndex((at) => cursor.bytes.subarray(at, at + ID_BYTES));
  for (let i = 0; i < count; i++) {
    const at = cursor.position;
    if (!pending.add(cursor.view(ID_BYTES), at)) throw cursor.error('an entry is pending twice', at, 'RDB_STREAM');
    cursor.take(8);
    cursor.length64();
  }
  return { pel, pending };
}

/** A count and ids of pending entries, each marked as owned. */
function ownedIds(cursor: ValueCursor, pending: MemberIndex, owned: Uint8Array): Iterable<StreamId> {
  const count = cursor.count(ID_BYTES);
  const ids = new Elements(cursor, count, () => cursor.rawStreamId());
  for (let i = 0; i < count; i++) {
    const at = cursor.position;
    const entry = pending.find(cursor.view(ID_BYTES));
    if (entry === -1) throw cursor.error('a consumer owns an entry that is not pending', at, 'RDB_STREAM');
    if (owned[entry] === 1) throw cursor.error('a pending entry has two owners', at, 'RDB_STREAM');
    owned[entry] = 1;
  }
  return ids;
}

/** @throws what `error` gives, for a name that comes twice */
export function refuseTwins(named: readonly { name: Buffer }[], error: (name: string) => RdbError): void {
  const seen = new MemberIndex((i) => (named[i] as { name: Buffer }).name);
  named.forEach(({ name }, i) => {
    if (!seen.add(name, i)) throw error(quoteKey(name));
  });
}
