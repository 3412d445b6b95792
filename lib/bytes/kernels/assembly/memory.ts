// Where things lie in the kernels' memory. All of it is static: nothing is allocated, and pages that no call has
// touched cost no memory.

/** Kernels load and store whole vectors, so that they may touch this many bytes beyond what they read or write. */
const SLACK: u32 = 64;

/** How far CRC folding looks back, in bytes: 250 vectors of 16. */
export const REACH: u32 = 250 * 16;

/** Bytes that a kernel can take at once. */
export const INPUT_BYTES: u32 = 4 << 20;

/** What is before the input stays zero, so that folding can look back from the first byte. */
const BEFORE_INPUT: usize = memory.data(REACH + INPUT_BYTES + SLACK, 16);
export const INPUT: usize = BEFORE_INPUT + REACH;

/** Bytes that LZF can expand to at once. */
export const OUTPUT_BYTES: u32 = 4 << 20;
export const OUTPUT: usize = memory.data(OUTPUT_BYTES + SLACK, 16);

/** The running CRC, 8 bytes: read and replaced by the CRC kernel. */
export const STATE: usize = memory.data(8, 16);

/** The key of a hash, 16 bytes, and the hash. */
export const HASH_KEY: usize = memory.data(16, 16);
export const HASH: usize = memory.data(16, 16);

/** The end of an input whose CRC is folded, and up to 15 bytes more. */
export const REST: usize = memory.data(REACH + SLACK, 16);

/** Blocks of an RDB whose strings become lines: three that take turns, each with 64 KiB of room in front. */
export const BLOCKS_BYTES: u32 = 3 * ((64 << 10) + (1 << 20));
export const BLOCKS: usize = memory.data(BLOCKS_BYTES + SLACK, 16);

/** The lines: one of the longest that decode writes by default (8 MiB), and an element that goes beyond. */
export const LINES_BYTES: u32 = 9 << 20;
export const LINES: usize = memory.data(LINES_BYTES + SLACK, 16);

/** What a line begins with, up to the key. */
export const LINE_HEAD_BYTES: u32 = 64;
export const LINE_HEAD: usize = memory.data(LINE_HEAD_BYTES + SLACK, 16);

/** What the kernel of lines answers beside where it stands: at byte 4 where the lines end, at byte 8 their number. */
export const LINES_ANSWER: usize = memory.data(12, 16);

/** By type code, 4 bytes each: where the layout of its records begins in LAYOUTS, in numbers; 0 for none. */
export const LAYOUT_TABLE: usize = memory.data(256 * 4, 16);
/** The layouts, 32-bit numbers as lib/rdb/layouts.ts has them. The first is not used. */
export const LAYOUTS_BYTES: u32 = 16 << 10;
export const LAYOUTS: usize = memory.data(LAYOUTS_BYTES, 16);
/** Of records that were skipped, by type code: their number and their bytes, 8 bytes each. */
export const SKIPPED_KEYS: usize = memory.data(256 * 8, 16);
export const SKIPPED_BYTES: usize = memory.data(256 * 8, 16);
/** What the skipping kernel answers: number of records, how many had an expiry, an idle time, a frequency; the largest. */
export const SKIP_ANSWER: usize = memory.data(20, 16);
