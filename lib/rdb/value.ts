// What a value is, apart from how it is encoded: the types that decoding gives.

/** A hash's field. */
export interface HashField {
  readonly field: Buffer;
  readonly value: Buffer;
  /** When the field expires, ms since the epoch; `undefined` for never. */
  readonly expireAt: bigint | undefined;
}

export interface ZsetEntry {
  readonly member: Buffer;
  /** Exact: also ±Infinity and -0. */
  readonly score: number;
}

/** A path of a Valkey 9.2 path hash and the fields under it. */
export interface HashPath {
  readonly path: Buffer;
  readonly fields: readonly HashField[];
}

export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

export interface StreamEntry {
  readonly id: StreamId;
  /** In the order of XADD; a field may come more than once. */
  readonly fields: readonly { readonly field: Buffer; readonly value: Buffer }[];
}

/** An entry that a group has delivered and that is not acknowledged. */
export interface PendingEntry {
  readonly id: StreamId;
  /** Time of the last delivery, ms since the epoch. */
  readonly deliveredAt: bigint;
  /** How often it was delivered. */
  readonly count: bigint;
}

export interface StreamConsumer {
  readonly name: Buffer;
  /** Time of its last attempt, ms since the epoch. */
  readonly seenAt: bigint;
  /** Time of its last success, -1 for never; `undefined` where the encoding is older than Redis 7.2. */
  readonly activeAt: bigint | undefined;
  /** Ids of the group's pending entries that this consumer owns. */
  readonly pel: Iterable<StreamId>;
}

export interface StreamGroup {
  readonly name: Buffer;
  readonly lastId: StreamId;
  /** How many entries it has read, -1 for not known; `undefined` where the encoding is older than Redis 7.0. */
  readonly entriesRead: bigint | undefined;
  readonly pel: Iterable<PendingEntry>;
  readonly consumers: readonly StreamConsumer[];
  /** Ids of pending entries that no consumer owns any more (XNACK, Redis 8.8). */
  readonly nacked: Iterable<StreamId>;
}

/** A consumer, a group, of a stream that is in memory as a whole. */
export interface LoadedConsumer extends StreamConsumer {
  readonly pel: readonly StreamId[];
}

export interface LoadedGroup extends StreamGroup {
  readonly pel: readonly PendingEntry[];
  readonly consumers: readonly LoadedConsumer[];
  readonly nacked: readonly StreamId[];
}

/** What Redis ≥ 8.6 remembers to refuse a message that a producer sends twice. */
export interface StreamIdempotence {
  readonly duration: bigint;
  readonly maxSize: bigint;
  readonly producers: readonly {
    readonly id: Buffer;
    readonly messages: readonly { readonly id: Buffer; readonly entry: StreamId }[];
  }[];
  readonly added: bigint;
  readonly duplicates: bigint;
}

/** A stream without its entries. */
export interface StreamState {
  /** Number of entries as the server counted them; Redis 5 could miscount. */
  readonly length: bigint;
  readonly lastId: StreamId;
  /** These three are `undefined` where the encoding is older than Redis 7.0. */
  readonly firstId: StreamId | undefined;
  readonly maxDeletedId: StreamId | undefined;
  readonly entriesAdded: bigint | undefined;
  readonly groups: readonly StreamGroup[];
  /** `undefined` where the encoding is older than Redis 8.6. */
  readonly idempotence: StreamIdempotence | undefined;
}

/** One of the tagged items that a module wrote. */
export type ModuleItem =
  | { readonly kind: 'signed' | 'unsigned'; readonly value: bigint }
  | { readonly kind: 'float' | 'double'; readonly value: number }
  | { readonly kind: 'string'; readonly value: Buffer };

export interface ModuleValue {
  readonly kind: 'module';
  readonly id: bigint;
  /** The module type, such as `ReJSON-RL`. */
  readonly name: string;
  /** The version of its encoding. */
  readonly version: number;
  /** The module's bytes as stored: tagged items and the end mark. What they mean only the module knows. */
  readonly raw: Buffer;
}

/** An element of an array (Redis ≥ 8.8). */
export interface ArrayItem {
  readonly index: bigint;
  readonly value:
    | { readonly kind: 'string'; readonly value: Buffer }
    | { readonly kind: 'integer'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number };
}

/** A decoded value, all of it in memory. Sets, hashes, sorted sets and arrays are in the order of the bytes. */
export type LogicalValue =
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'list'; readonly items: readonly Buffer[] }
  | { readonly kind: 'set'; readonly members: readonly Buffer[] }
  | { readonly kind: 'zset'; readonly entries: readonly ZsetEntry[] }
  | { readonly kind: 'hash'; readonly fields: readonly HashField[] }
  | { readonly kind: 'path-hash'; readonly paths: readonly HashPath[] }
  | ({
      readonly kind: 'stream';
      readonly entries: readonly StreamEntry[];
      readonly groups: readonly LoadedGroup[];
    } & StreamState)
  | { readonly kind: 'array'; readonly insertIndex: bigint | undefined; readonly items: readonly ArrayItem[] }
  | ModuleValue;

/** A decoded value whose elements are read while they are asked for, so that a huge one never is in memory as a whole. */
export type OpenValue =
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'list'; readonly items: Iterable<Buffer> }
  | { readonly kind: 'set'; readonly members: Iterable<Buffer> }
  | { readonly kind: 'zset'; readonly entries: Iterable<ZsetEntry> }
  | { readonly kind: 'hash'; readonly fields: Iterable<HashField> }
  | { readonly kind: 'path-hash'; readonly paths: Iterable<HashPath> }
  | ({ readonly kind: 'stream'; readonly entries: Iterable<StreamEntry> } & StreamState)
  | { readonly kind: 'array'; readonly insertIndex: bigint | undefined; readonly items: Iterable<ArrayItem> }
  | ModuleValue;
