// What a scan gives: pages of keys, each key with all that belongs to it.
import type { RdbRecord } from '../../targets/rdb/rdb-writer.ts';

/** A key as DUMP gave it, or as it was read by the commands of its type. */
export interface ScanEntry extends RdbRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly meta?: Buffer | undefined;
  /** CRC64 of the DUMP payload as its server reckoned it, as two words; 0 where the value was read by commands. */
  readonly crcLow: number;
  readonly crcHigh: number;
}

/** A key that is there and can't be read. */
export interface UnreadKey {
  readonly db: number;
  readonly key: Buffer;
  readonly reason: string;
}

/** Where a scan of one database of one node stands. */
export interface ScanPlace {
  /** The node, its process and the database: cursors of one stream mean nothing in another. */
  readonly stream: string;
  /** The cursor that gives this page, and the one that gives what comes behind it; `end` behind the last. */
  readonly from: string;
  readonly to: string;
}

export interface ScanPage extends ScanPlace {
  readonly db: number;
  readonly entries: readonly ScanEntry[];
  readonly unread: readonly UnreadKey[];
  /** Keys that were left out by their name or type. */
  readonly filtered: number;
}
