// What lib/bytes/kernels.ts takes from the WebAssembly module. Compiled by scripts/build-kernels.ts (AssemblyScript).
export { crc64 } from './crc64';
export { escapeText } from './escape';
export { expandLzf } from './lzf';
export {
  BLOCKS,
  BLOCKS_BYTES,
  HASH,
  HASH_KEY,
  INPUT,
  INPUT_BYTES,
  LAYOUT_TABLE,
  LAYOUTS,
  LAYOUTS_BYTES,
  LINE_HEAD,
  LINE_HEAD_BYTES,
  LINES,
  LINES_ANSWER,
  LINES_BYTES,
  OUTPUT,
  OUTPUT_BYTES,
  SKIP_ANSWER,
  SKIPPED_BYTES,
  SKIPPED_KEYS,
  STATE,
} from './memory';
export { sipHash } from './siphash';
export { skipRecords } from './skip-records';
export { writeStrings } from './string-lines';
