// What a stream loses in an older encoding.
//
// Newer servers load older encodings and work out what these do not say. What they would work out again is not lost: a
// stream from which nothing was ever deleted comes through any encoding and back unchanged.
import type { StreamGroup, StreamId, StreamIdempotence, StreamState } from '../value.ts';
import type { Loss } from './losses.ts';

/** What a stream remembers of messages unless XCFGSET or the configuration say otherwise: seconds, and messages. */
const USUAL_IDEMPOTENCE = { duration: 100n, maxSize: 100n };

/** "Not known" as a number of entries. */
const UNKNOWN = -1n;

/** Each kind of loss when this stream is written in the encoding `to`, 1 to 4 (rdb-format.md 1.6). */
export function streamLosses(stream: StreamState, to: number): Loss[] {
  const { groups, idempotence, maxDeletedId, entriesAdded = stream.length } = stream;
  const losses: Loss[] = [];
  const report = (loss: Loss, before: number, lost: boolean): void => {
    if (to < before && lost) losses.push(loss);
  };
  report('stream-nacked', 5, groups.some(hasNacked));
  report('stream-idempotence', 4, idempotence !== undefined && isUsed(idempotence));
  report('stream-active-time', 3, groups.some(hasOwnActiveTime));
  // Loaded from encoding 1, a stream has had as many entries added as it has, and none deleted (rdbLoadObject, 7.0).
  report('stream-entries-added', 2, entriesAdded !== stream.length);
  report('stream-max-deleted-id', 2, maxDeletedId !== undefined && (maxDeletedId.ms > 0n || maxDeletedId.seq > 0n));
  report(
    'stream-entries-read',
    2,
    groups.some(({ lastId, entriesRead = UNKNOWN }) => {
      return entriesRead !== UNKNOWN && entriesRead !== inferredEntriesRead(stream, lastId);
    }),
  );
  return losses;
}

/**
 * How many entries a group that stands at `id` has read, as a server works it out for a stream of encoding 1; -1 where
 * it can't tell.
 *
 * @see streamEstimateDistanceFromFirstEverEntry in t_stream.c of Redis 7.0
 */
function inferredEntriesRead({ length, lastId, firstId }: StreamState, id: StreamId): bigint {
  if (length === 0n) return 0n;
  const toLast = compare(id, lastId);
  if (toLast === 0) return length;
  if (toLast > 0 || firstId === undefined) return UNKNOWN;
  const toFirst = compare(id, firstId);
  if (toFirst > 0) return UNKNOWN;
  return toFirst === 0 ? 1n : 0n;
}

function compare(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1;
  return 0;
}

function hasNacked({ nacked }: StreamGroup): boolean {
  for (const _ of nacked) return true;
  return false;
}

/** Without an active time, servers take the time of the last attempt. */
function hasOwnActiveTime({ consumers }: StreamGroup): boolean {
  return consumers.some(({ seenAt, activeAt = seenAt }) => activeAt !== seenAt);
}

/** False where nothing was ever remembered and the limits are the usual ones. */
function isUsed({ duration, maxSize, producers, added, duplicates }: StreamIdempotence): boolean {
  const usual = (limit: bigint, value: bigint) => limit === 0n || limit === value;
  const limited = !usual(duration, USUAL_IDEMPOTENCE.duration) || !usual(maxSize, USUAL_IDEMPOTENCE.maxSize);
  return limited || producers.length > 0 || added > 0n || duplicates > 0n;
}
