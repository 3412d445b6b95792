// Bytes in pieces whose memory is used again at once, and a value put together again from its parts.
import type { LoadedConsumer, LogicalValue, PendingEntry, StreamEntry, StreamId } from '../../../lib/rdb/decode.ts';
import type { PieceSource } from '../../../lib/rdb/read-parts.ts';
import { readValueParts } from '../../../lib/rdb/read-parts.ts';
import type { ValueType } from '../../../lib/rdb/types.ts';
import type { ValuePart } from '../../../lib/rdb/value-parts.ts';

/**
 * Pieces that end at the given places (and at the last byte). Each one is gone when the next is asked for, as the
 * blocks of a reader are.
 */
export function piecesOf(bytes: Buffer, ends: readonly number[] = []): PieceSource {
  const cuts = [...new Set([...ends.filter((end) => end < bytes.length), bytes.length])].sort((a, b) => a - b);
  let piece = 0;
  let from = 0;
  let last = Buffer.alloc(0);
  return {
    async next() {
      last.fill(0xee);
      const to = cuts[piece++];
      if (to === undefined) return undefined;
      last = Buffer.from(bytes.subarray(from, to));
      from = to;
      return last;
    },
  };
}

/** The ends of pieces of `size` bytes. */
export function every(size: number, bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => (i + 1) * size);
}

export async function partsOf(
  type: ValueType,
  pieces: PieceSource,
  options: Parameters<typeof readValueParts>[2],
): Promise<ValuePart[]> {
  const parts: ValuePart[] = [];
  for await (const part of readValueParts(type, pieces, options)) parts.push(part);
  return parts;
}

/** What `decodeValue` would give; a group's pending entries are in the order of their ids. */
export function join(type: ValueType, parts: readonly ValuePart[]): LogicalValue {
  const of = <K extends ValuePart['kind']>(kind: K) =>
    parts.filter((part): part is Extract<ValuePart, { kind: K }> => part.kind === kind);
  switch (type.kind) {
    case 'string':
      return { kind: 'string', bytes: Buffer.concat(of('string').map(({ bytes }) => bytes)) };
    case 'list':
      return { kind: 'list', items: of('list').flatMap(({ items }) => items) };
    case 'set':
      return { kind: 'set', members: of('set').flatMap(({ members }) => members) };
    case 'zset':
      return { kind: 'zset', entries: of('zset').flatMap(({ entries }) => entries) };
    case 'hash':
      return { kind: 'hash', fields: of('hash').flatMap(({ fields }) => fields) };
    case 'stream':
      return joinStream(parts);
  }
  throw new Error(`${type.name} has no parts`);
}

function joinStream(parts: readonly ValuePart[]): LogicalValue {
  const entries: StreamEntry[] = [];
  const groups = [];
  let pel: PendingEntry[] = [];
  let owned: StreamId[] = [];
  let consumers: LoadedConsumer[] = [];
  let nacked: StreamId[] = [];
  for (const part of parts) {
    switch (part.kind) {
      case 'stream':
        entries.push(...part.entries);
        break;
      case 'stream-group':
        pel = [];
        consumers = [];
        nacked = [];
        groups.push({ ...part, pel, consumers, nacked });
        break;
      case 'stream-consumer':
        owned = [];
        consumers.push({ ...part, pel: owned });
        break;
      case 'stream-pending':
        pel.push(...part.entries);
        (part.consumer === undefined ? nacked : owned).push(...part.entries.map(({ id }) => id));
        break;
      case 'stream-state':
        for (const group of groups) group.pel.sort(byId);
        return { ...part, kind: 'stream', entries, groups };
    }
  }
  throw new Error('a stream without its state');
}

function byId({ id: a }: PendingEntry, { id: b }: PendingEntry): number {
  return Number(a.ms - b.ms) || Number(a.seq - b.seq);
}
