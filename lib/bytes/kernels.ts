// The WebAssembly kernels, ready to call: CRC64, LZF and JSON strings in memory of their own, one instance a thread.
//
// A call has three steps that nothing may come between: fill the input, call, take the result. All of them are
// synchronous, so users in one thread do not meet.
import { wasm } from './kernels.wasm.ts';

/** What lib/bytes/kernels/assembly/index.ts exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: Address;
  readonly INPUT_BYTES: Address;
  readonly OUTPUT: Address;
  readonly OUTPUT_BYTES: Address;
  readonly STATE: Address;
  crc64(length: number): void;
  expandLzf(inputLength: number, length: number): number;
  escapeText(start: number, length: number): number;
}

interface Address {
  readonly value: number;
}

/** The part that is used here: TypeScript declares WebAssembly only together with all that browsers have. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(wasm, 'base64'))).exports as Exports;
const { buffer } = kernels.memory;

/** What the kernels read, 4 MiB. The CRC kernel also overwrites it. */
export const kernelInput = new Uint8Array(buffer, kernels.INPUT.value, kernels.INPUT_BYTES.value);
/** The same bytes as 32-bit words. */
export const kernelInputWords = new Int32Array(buffer, kernels.INPUT.value, kernels.INPUT_BYTES.value / 4);
/** Where LZF expands to, 4 MiB. */
export const kernelOutput = new Uint8Array(buffer, kernels.OUTPUT.value, kernels.OUTPUT_BYTES.value);
/** The running CRC. */
export const kernelState = new BigUint64Array(buffer, kernels.STATE.value, 1);
/** Its halves, low one first. */
export const kernelStateHalves = new Int32Array(buffer, kernels.STATE.value, 2);

/**
 * Replaces the CRC in the state by that of the same bytes and, after them, the first `length` of the input. Overwrites
 * the input.
 */
export const crc64Kernel = kernels.crc64;

/** Expands the LZF block of `inputLength` bytes in the input; whether it gave exactly `length` bytes. */
export function expandLzfKernel(inputLength: number, length: number): boolean {
  return kernels.expandLzf(inputLength, length) === 1;
}

/**
 * Escapes for a JSON string what stands in the output, `length` bytes from `start` on; the result goes to the input.
 *
 * @returns the result's length in bytes; -1 where the bytes are no UTF-8 or hold a 0, or where the result may not fit
 */
export const escapeTextKernel = kernels.escapeText;
