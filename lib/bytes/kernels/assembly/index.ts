// What lib/bytes/kernels.ts takes from the WebAssembly module. Compiled by scripts/build-kernels.ts (AssemblyScript).
export { crc64 } from './crc64';
export { escapeText } from './escape';
export { expandLzf } from './lzf';
export { INPUT, INPUT_BYTES, OUTPUT, OUTPUT_BYTES, STATE } from './memory';
