// How a renamed PSYNC is written: `HOST:PORT@NAME` for one node, `NAME` for all, with commas between several.

const ONE = String.raw`(?:[^@\s,]+:\d{1,5}@)?[^@\s:,]+`;

/** One of them. */
export const RENAMED_PSYNC = new RegExp(`^${ONE}$`);
/** All of them. */
export const RENAMED_PSYNCS = new RegExp(String.raw`^${ONE}(?:,\s*${ONE})*$`);
