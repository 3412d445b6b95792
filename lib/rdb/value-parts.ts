// A value in parts: what a huge one is handed on in, so that it never is in memory as a whole.
import type { HashField, PendingEntry, StreamEntry, StreamId, StreamIdempotence, ZsetEntry } from './value.ts';

/**
 * A run of elements of a value, in the order of the bytes. A string comes as pieces to be appended. A stream comes as
 * its entries, then each group with its consumers, each consumer with the pending entries that it owns, and its state.
 */
export type ValuePart =
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'list'; readonly items: readonly Buffer[] }
  | { readonly kind: 'set'; readonly members: readonly Buffer[] }
  | { readonly kind: 'zset'; readonly entries: readonly ZsetEntry[] }
  | { readonly kind: 'hash'; readonly fields: readonly HashField[] }
  | { readonly kind: 'stream'; readonly entries: readonly StreamEntry[] }
  | {
      readonly kind: 'stream-group';
      readonly name: Buffer;
      readonly lastId: StreamId;
      /** -1 for not known; `undefined` where the encoding is older than Redis 7.0. */
      readonly entriesRead: bigint | undefined;
    }
  | {
      readonly kind: 'stream-consumer';
      readonly group: Buffer;
      readonly name: Buffer;
      /** ms since the epoch. */
      readonly seenAt: bigint;
      /** -1 for never; `undefined` where the encoding is older than Redis 7.2. */
      readonly activeAt: bigint | undefined;
    }
  | {
      readonly kind: 'stream-pending';
      readonly group: Buffer;
      /** `undefined` for entries that no consumer owns any more (XNACK, Redis 8.8). */
      readonly consumer: Buffer | undefined;
      readonly entries: readonly PendingEntry[];
    }
  | {
      readonly kind: 'stream-state';
      readonly length: bigint;
      readonly lastId: StreamId;
      /** These are `undefined` where the encoding is older than Redis 7.0. */
      readonly firstId: StreamId | undefined;
      readonly maxDeletedId: StreamId | undefined;
      readonly entriesAdded: bigint | undefined;
      /** `undefined` where the encoding is older than Redis 8.6. */
      readonly idempotence: StreamIdempotence | undefined;
    };
