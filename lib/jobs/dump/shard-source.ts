// The seam between a dump and where the data comes from: replicas' connections, or a scan.
import type { Shard, Shards } from '../../sources/replica/shards.ts';

/** How the data is had: `psync` and `sync` join the source as a replica, `scan` reads key by key. */
export type DumpWay = 'psync' | 'sync' | 'scan';

export const DUMP_WAYS: readonly DumpWay[] = ['psync', 'sync', 'scan'];

/** One shard's data, on its way. */
export interface ShardSource {
  readonly via: DumpWay;
  /** The whole RDB in pieces, to be read once; each is good until the next. */
  readonly rdb: AsyncIterable<Buffer>;
  /** Bytes of the RDB where they are known before its end. */
  readonly bytes: number | undefined;
  /** Where the source's stream goes on behind it, where the source has said so. */
  readonly replid: string | undefined;
  readonly offset: bigint | undefined;
  /** All of it is as it was at one moment. */
  readonly pointInTime: boolean;
  end(): void;
}

/** What a shard's reader is told by the dump, and tells it. */
export interface ShardHooks {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Whether the RDB, as far as it was handed out, is whole. */
  readonly whole: () => boolean;
  /** Told what somebody should know. */
  readonly onWarning: (text: string) => void;
}

/** All that a dump reads. */
export interface DumpSource {
  readonly kind: Shards['kind'];
  /** Each becomes a file. */
  readonly shards: readonly Shard[];
  readonly warnings: readonly string[];
  open(shard: Shard, hooks: ShardHooks): Promise<ShardSource>;
  /** After all shards were read: throws where they do not belong together. */
  check(): Promise<void>;
  end(): void;
}
