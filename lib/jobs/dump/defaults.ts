// What a dump does where it is not told otherwise; apart, so that a help text needs nothing else.

/** A master that lives shows it every ten seconds, and gives a replica up after 60 s (repl-timeout). */
export const DEFAULT_STALL_MS = 60_000;
/** Shards that are read at once: each has its server fork. */
export const DEFAULT_SHARDS_AT_ONCE = 2;
