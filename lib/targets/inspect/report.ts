// What an inspection finds: plain data, as `--json` prints it and as the terminal, the CSV and the HTML show it.

/** The version of this shape; a change that breaks a reader raises it. */
export const INSPECT_FORMAT = 1;

/**
 * Bytes of a file as text: valid UTF-8 as it is (control characters included: whoever shows it escapes them), anything
 * else with `\xHH` for each byte that is not printable ASCII, and then `base64` holds the bytes. Under `--hash-keys` it is
 * a hash such as `#3f9ac41e07b25d68`, and a name of several segments a hash for each, with the separators between them.
 */
export interface InspectName {
  readonly text: string;
  /** The exact bytes, only where `text` is not they. */
  readonly base64?: string;
}

/** What is counted of any group of keys. */
export interface InspectCounts {
  readonly keys: number;
  /** Bytes of their records in the file: attributes, type, key and value. */
  readonly bytes: number;
  /** Estimated bytes of memory in the server, as `MEMORY USAGE key SAMPLES 0` says; see docs/inspect.md. */
  readonly memory: number;
  /** How many of them have an expiry, in the past or the future. */
  readonly expiring: number;
}

export interface InspectFile {
  readonly name: string;
  /** Bytes of the RDB, as far as it was read. */
  readonly bytes: number;
  /** `redis 10`, `valkey 80`, `dragonfly 9`; empty where the file ended before. */
  readonly rdb: string;
  /** The server that wrote it, `Redis 7.0.15`; `null` where the file does not say. */
  readonly server: string | null;
  /** When it was written, ms since 1970; `null` where the file does not say. */
  readonly createdAt: number | null;
  /** `used_memory` of the server when it wrote the file, bytes; `null` where the file does not say. */
  readonly usedMemory: number | null;
  /** The fields of the file's head, without those above; empty under `--hash-keys`. */
  readonly aux: readonly { readonly name: InspectName; readonly value: InspectName }[];
  readonly keys: number;
}

/** Whose memory was estimated. */
export interface InspectModel {
  /** `redis-6.0`, `redis-7.0`, `redis-8.0`, `valkey-8.1`, `valkey-9.1`. */
  readonly name: string;
  /** `file`: chosen from who wrote the first file; `option`: told by the user. */
  readonly chosen: 'file' | 'option';
  /** `jemalloc` (as the servers bring it along), `jemalloc-16` (as Debian and Ubuntu have it), `libc` (glibc). */
  readonly allocator: string;
}

export interface InspectTotals extends InspectCounts {
  /** Items, members, fields, entries; 1 for a string. */
  readonly elements: number;
  /**
   * Estimated bytes that `MEMORY USAGE` leaves out: the tables of keys and of expiries, and what the allocator rounds up;
   * `memory` + `tables` is what `used_memory` grows by.
   */
  readonly tables: number;
  /** Keys whose expiry had passed at `now`, and what they take. */
  readonly expired: InspectCounts;
  /** Keys that `--match`, `--type` or `--only-db` left out; nothing else counts them. */
  readonly filtered: number;
}

export interface InspectType extends InspectCounts {
  /** `string`, `list`, `set`, `zset`, `hash`, `stream`, `module`, `array`. */
  readonly type: string;
  readonly elements: number;
}

export interface InspectEncoding extends InspectCounts {
  readonly type: string;
  /** As `decode` names it: `raw`, `int`, `lzf`, `listpack`, `intset`, `quicklist`, `hashtable`, `skiplist`, … */
  readonly encoding: string;
  readonly elements: number;
}

export interface InspectDb extends InspectCounts {
  readonly db: number;
}

/**
 * A node of the tree of prefixes. The counts of a node are the sums of those of its children, `rest` and `other`: nothing
 * is lost between two levels.
 */
export interface InspectPrefix extends InspectCounts {
  /** All from the key's beginning, the separator at its end included; empty for the root. */
  readonly prefix: InspectName;
  /** What this node adds to its parent's prefix. */
  readonly label: InspectName;
  /** Most memory first. */
  readonly children: readonly InspectPrefix[];
  /** Keys that have this prefix and no longer one (or none within `--depth`). `null` where there is none. */
  readonly rest: InspectCounts | null;
  /** Small children that were folded together to keep the tree small. `null` where there is none. */
  readonly other: InspectCounts | null;
}

/** One bar of a histogram, in the order of its axis; empty bars are there too. */
export interface InspectBar extends InspectCounts {
  /** To be shown as it is: `no expiry`, `expired`, `< 1 m`, … */
  readonly label: string;
}

/** Quantiles of a distribution; each within {@link InspectReport.quantileError} of the true one, `max` exact. */
export interface InspectQuantiles {
  /** How many values there were; where 0, all others are 0. */
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface InspectBigKey {
  readonly file: string;
  readonly db: number;
  /** Its first 4096 bytes, where it is longer. */
  readonly key: InspectName;
  readonly type: string;
  readonly encoding: string;
  /** Bytes in the file, of the whole record. */
  readonly bytes: number;
  /** Estimated bytes in memory. */
  readonly memory: number;
  readonly elements: number;
  /** Absolute expiry, ms since 1970; `null` for none. */
  readonly expireAt: number | null;
}

/** A share of the keys by hash slot. */
export interface InspectShard {
  /** `0`–`N-1`. */
  readonly shard: number;
  /** Its first and last slot. */
  readonly from: number;
  readonly to: number;
  readonly keys: number;
  readonly bytes: number;
  readonly memory: number;
}

export interface InspectSlots {
  /** The 16,384 slots in equal, contiguous ranges, as many as `--shards` says (default 16). */
  readonly shards: readonly InspectShard[];
  /** The slots that take the most memory, heaviest first: at most 10. */
  readonly heaviest: readonly {
    readonly slot: number;
    readonly keys: number;
    readonly bytes: number;
    readonly memory: number;
  }[];
  /** Slots that hold at least one key. */
  readonly used: number;
  /** Memory of the heaviest shard over the mean of all; 1 is a perfect balance, 0 where there is no key. */
  readonly imbalance: number;
}

export interface InspectReport {
  /** {@link INSPECT_FORMAT}. */
  readonly format: number;
  /** keyferry's version. */
  readonly keyferry: string;
  /** When the report was made, and the moment at which expiries were judged: ms since 1970 (`--now`). */
  readonly now: number;
  /** Not all was read: the numbers are those of what came before `error`. */
  readonly incomplete: boolean;
  readonly error: { readonly code: string; readonly message: string; readonly where: string | null } | null;
  /** Names are keyed hashes (`--hash-keys`). */
  readonly hashed: boolean;
  readonly files: readonly InspectFile[];
  readonly model: InspectModel;
  readonly totals: InspectTotals;
  /** Most memory first, as are `encodings`. */
  readonly types: readonly InspectType[];
  readonly encodings: readonly InspectEncoding[];
  /** By number. */
  readonly dbs: readonly InspectDb[];
  /** The root of the tree: its counts are the totals'. */
  readonly prefixes: InspectPrefix;
  /** At what bytes keys were split: `:` by default; empty for none (a radix tree over single bytes). */
  readonly separators: string;
  readonly histograms: {
    /**
     * Time to live at `now`: `no expiry`, `expired`, `< 1 m`, `< 1 h`, `< 1 d`, `< 7 d`, `< 30 d`, `< 1 y`,
     * `1 y and more`.
     */
    readonly ttl: readonly InspectBar[];
    /** Time since the last use, where the file has it (maxmemory-policy lru); empty where no key has. */
    readonly idle: readonly InspectBar[];
    /** The LFU counter, where the file has it; empty where no key has. */
    readonly lfu: readonly InspectBar[];
    /** Estimated memory of a key: `< 64 B`, `< 256 B`, … by powers of four, `16 MiB and more`. */
    readonly memory: readonly InspectBar[];
  };
  /** Largest relative error of a quantile, e.g. 0.01. */
  readonly quantileError: number;
  readonly quantiles: {
    /** Bytes of the key. */
    readonly keyLength: InspectQuantiles;
    /** Bytes of the value in the file. */
    readonly valueBytes: InspectQuantiles;
    /** Estimated bytes of memory of a key. */
    readonly memory: InspectQuantiles;
    /** Elements of lists, sets, zsets, hashes, streams, arrays; strings and modules are not counted. */
    readonly elements: InspectQuantiles;
  };
  readonly bigKeys: {
    /** At most `--top` (default 100) each, largest first. */
    readonly byMemory: readonly InspectBigKey[];
    readonly byBytes: readonly InspectBigKey[];
    readonly byElements: readonly InspectBigKey[];
  };
  readonly slots: InspectSlots;
  /** Function libraries, and Lua scripts of Redis before 7. `name` is `null` where it is not known or not to be shown. */
  readonly functions: readonly { readonly name: InspectName | null; readonly engine: string; readonly bytes: number }[];
  /** Types of modules' values, most bytes first. */
  readonly modules: readonly {
    /** Nine characters, as `ReJSON-RL`. */
    readonly name: string;
    /** Version of its encoding. */
    readonly version: number;
    readonly keys: number;
    readonly bytes: number;
  }[];
  readonly warnings: readonly string[];
  readonly seconds: number;
}
