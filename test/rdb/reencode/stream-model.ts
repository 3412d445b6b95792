// What a stream is in an older encoding, written from the format and not from the code under test.
import type { LogicalValue } from '../../../lib/rdb/decode.ts';
import type { LoadedConsumer, LoadedGroup } from '../../../lib/rdb/value.ts';

export type Stream = Extract<LogicalValue, { kind: 'stream' }>;

/** Encodings of streams by the number of their type. */
export const STREAM_VERSIONS: Readonly<Record<number, number>> = { 15: 1, 19: 2, 21: 3, 26: 4, 27: 5 };

/** The stream without what the encoding `to` has no place for. */
export function olderStream(stream: Stream, to: number): Stream {
  const from = <T>(version: number, fact: T): T | undefined => (to >= version ? fact : undefined);
  return {
    ...stream,
    firstId: from(2, stream.firstId),
    maxDeletedId: from(2, stream.maxDeletedId),
    entriesAdded: from(2, stream.entriesAdded),
    idempotence: from(4, stream.idempotence),
    groups: stream.groups.map((group) => {
      const consumers = group.consumers.map((each) => ({ ...each, activeAt: from(3, each.activeAt) }));
      return {
        ...group,
        entriesRead: from(2, group.entriesRead),
        consumers: [...consumers, ...(to < 5 ? owners(group, to) : [])],
        nacked: to < 5 ? [] : group.nacked,
      };
    }),
  };
}

/** The consumer that gets what nobody owns. */
function owners({ consumers, nacked }: LoadedGroup, to: number): LoadedConsumer[] {
  if (nacked.length === 0) return [];
  let name = 'keyferry-nacked';
  for (let number = 2; consumers.some((each) => each.name.toString() === name); number++) {
    name = `keyferry-nacked-${number}`;
  }
  return [{ name: Buffer.from(name), seenAt: 0n, activeAt: to >= 3 ? -1n : undefined, pel: nacked }];
}
