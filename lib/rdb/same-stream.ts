// Compares two streams: entries, groups, pending entries, consumers.
import { sameSequence } from './same-sequence.ts';
import type {
  PendingEntry,
  StreamConsumer,
  StreamEntry,
  StreamGroup,
  StreamId,
  StreamIdempotence,
  StreamState,
} from './value.ts';

type Stream = StreamState & { readonly entries: Iterable<StreamEntry> };

/**
 * True when both streams are the same in all that both encodings can say. Pending entries are compared in their order,
 * which servers write by rising id.
 */
export function sameStream(ours: Stream, theirs: Stream): boolean {
  return (
    ours.length === theirs.length &&
    sameId(ours.lastId, theirs.lastId) &&
    whereKnown(ours.firstId, theirs.firstId, sameId) &&
    whereKnown(ours.maxDeletedId, theirs.maxDeletedId, sameId) &&
    whereKnown(ours.entriesAdded, theirs.entriesAdded, Object.is) &&
    whereKnown(ours.idempotence, theirs.idempotence, sameIdempotence) &&
    sameByName(ours.groups, theirs.groups, sameGroup) &&
    sameSequence(ours.entries, theirs.entries, sameEntry)
  );
}

function sameEntry(ours: StreamEntry, theirs: StreamEntry): boolean {
  return (
    sameId(ours.id, theirs.id) &&
    sameSequence(ours.fields, theirs.fields, (a, b) => a.field.equals(b.field) && a.value.equals(b.value))
  );
}

function sameGroup(ours: StreamGroup, theirs: StreamGroup): boolean {
  return (
    sameId(ours.lastId, theirs.lastId) &&
    whereKnown(ours.entriesRead, theirs.entriesRead, Object.is) &&
    sameSequence(ours.pel, theirs.pel, samePending) &&
    sameByName(ours.consumers, theirs.consumers, sameConsumer) &&
    sameSequence(ours.nacked, theirs.nacked, sameId)
  );
}

function samePending(ours: PendingEntry, theirs: PendingEntry): boolean {
  return sameId(ours.id, theirs.id) && ours.deliveredAt === theirs.deliveredAt && ours.count === theirs.count;
}

function sameConsumer(ours: StreamConsumer, theirs: StreamConsumer): boolean {
  return (
    ours.seenAt === theirs.seenAt &&
    whereKnown(ours.activeAt, theirs.activeAt, Object.is) &&
    sameSequence(ours.pel, theirs.pel, sameId)
  );
}

function sameIdempotence(ours: StreamIdempotence, theirs: StreamIdempotence): boolean {
  return (
    ours.duration === theirs.duration &&
    ours.maxSize === theirs.maxSize &&
    ours.added === theirs.added &&
    ours.duplicates === theirs.duplicates &&
    sameSequence(
      ours.producers,
      theirs.producers,
      (a, b) =>
        a.id.equals(b.id) &&
        sameSequence(a.messages, b.messages, (x, y) => x.id.equals(y.id) && sameId(x.entry, y.entry)),
    )
  );
}

function sameId(ours: StreamId, theirs: StreamId): boolean {
  return ours.ms === theirs.ms && ours.seq === theirs.seq;
}

/** True also where one of the two does not say. */
function whereKnown<T>(ours: T | undefined, theirs: T | undefined, same: (ours: T, theirs: T) => boolean): boolean {
  return ours === undefined || theirs === undefined || same(ours, theirs);
}

function sameByName<T extends { readonly name: Buffer }>(
  ours: readonly T[],
  theirs: readonly T[],
  same: (ours: T, theirs: T) => boolean,
): boolean {
  if (ours.length !== theirs.length) return false;
  const byName = new Map(theirs.map((each) => [each.name.toString('latin1'), each]));
  return ours.every((each) => {
    const other = byName.get(each.name.toString('latin1'));
    return other !== undefined && same(each, other);
  });
}
