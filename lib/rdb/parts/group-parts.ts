// A consumer group in parts: the group, its consumers, and what each has not acknowledged (rdb-format.md 1.6).
import type { PendingEntry } from '../value.ts';
import type { ValuePart } from '../value-parts.ts';
import type { ArrivingBytes, Run } from './arriving-bytes.ts';
import { batches, pendingBytes } from './batches.ts';
import { PendingTable } from './pending-table.ts';
import type { Shape } from './shape.ts';

/** Name and last id; from version 2 on also the number of entries read. */
const GROUP: Shape = ['string', 'length', 'length'];
const GROUP_2: Shape = [...GROUP, 'length'];
/** Id, time and number of deliveries. */
const PENDING: Shape = [16, 8, 'length'];
/** Name and time of the last attempt; from version 3 on also that of the last success. */
const CONSUMER: Shape = ['string', 8];
const CONSUMER_3: Shape = [...CONSUMER, 8];
const OWNED_ID: Shape = [16];

/**
 * The file has the pending entries before the consumers that own them, so a group's are held, packed.
 *
 * @param version of the stream's encoding, 1 to 5
 * @throws {RdbError} for damage: also where a pending entry has no owner or two, or an owned one is not pending
 */
export async function* groupParts(
  bytes: ArrivingBytes,
  version: number,
  partBytes: number,
): AsyncGenerator<ValuePart, void, undefined> {
  const head = await bytes.one(version >= 2 ? GROUP_2 : GROUP);
  const group = head.string();
  const lastId = head.streamId();
  const entriesRead = version >= 2 ? BigInt.asIntN(64, head.length64()) : undefined;
  yield { kind: 'stream-group', name: group, lastId, entriesRead };
  const declared = await bytes.length();
  const pending = new PendingTable(declared);
  for await (const run of bytes.runs(PENDING, declared)) pending.add(run);
  pending.seal(head);
  for (let left = await bytes.length(); left > 0; left--) {
    const consumer = await bytes.one(version >= 3 ? CONSUMER_3 : CONSUMER);
    const name = consumer.string();
    const seenAt = consumer.i64le();
    const activeAt = version >= 3 ? consumer.i64le() : undefined;
    yield { kind: 'stream-consumer', group, name, seenAt, activeAt };
    yield* ownedParts(bytes, group, name, pending, partBytes);
  }
  if (version >= 5) yield* ownedParts(bytes, group, undefined, pending, partBytes);
  pending.expectOwned(head);
}

/** A count and ids of pending entries. */
async function* ownedParts(
  bytes: ArrivingBytes,
  group: Buffer,
  consumer: Buffer | undefined,
  pending: PendingTable,
  partBytes: number,
): AsyncGenerator<ValuePart, void, undefined> {
  for await (const run of bytes.runs(OWNED_ID, await bytes.length())) {
    for (const entries of batches(ownedEntries(run, pending), pendingBytes, partBytes)) {
      yield { kind: 'stream-pending', group, consumer, entries };
    }
  }
}

function* ownedEntries({ count, cursor }: Run, pending: PendingTable): Generator<PendingEntry, void, undefined> {
  for (let i = 0; i < count; i++) yield pending.own(cursor);
}
