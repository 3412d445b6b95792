// The WebAssembly kernels, ready to call: CRC64, LZF and JSON strings in memory of their own, one instance a thread; those
// that read blocks of an RDB with an instance for each user.
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
  readonly HASH_KEY: Address;
  readonly HASH: Address;
  crc64(length: number): void;
  sipHash(length: number): void;
  expandLzf(inputLength: number, length: number): number;
  escapeText(start: number, length: number): number;
  readonly BLOCKS: Address;
  readonly BLOCKS_BYTES: Address;
  readonly LINES: Address;
  readonly LINES_BYTES: Address;
  readonly LINE_HEAD: Address;
  readonly LINE_HEAD_BYTES: Address;
  readonly LINES_ANSWER: Address;
  readonly LAYOUT_TABLE: Address;
  readonly LAYOUTS: Address;
  readonly LAYOUTS_BYTES: Address;
  readonly SKIPPED_KEYS: Address;
  readonly SKIPPED_BYTES: Address;
  readonly SKIP_ANSWER: Address;
  skipRecords(at: number, end: number, until: number): number;
  writeStrings(
    at: number,
    end: number,
    until: number,
    out: number,
    outEnd: number,
    headLength: number,
    limit: number,
  ): number;
}

interface Address {
  readonly value: number;
}

/** The part that is used here: TypeScript declares WebAssembly only together with all that browsers have. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const compiled = new WebAssembly.Module(Buffer.from(wasm, 'base64'));
const kernels = new WebAssembly.Instance(compiled).exports as Exports;
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

/** The key of a hash, and the hash, as 32-bit words. */
export const kernelHashKey = new Uint32Array(buffer, kernels.HASH_KEY.value, 4);
export const kernelHash = new Uint32Array(buffer, kernels.HASH.value, 4);

/** Puts the SipHash-2-4-128 of the input's first `length` bytes into the hash. Overwrites what follows them. */
export const sipHashKernel = kernels.sipHash;

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

/** The kernels that read blocks of an RDB, with memory of their own: it holds blocks and lines between calls. */
export interface BlockKernels {
  /** Where the blocks are to lie. Its `byteOffset` is the address of its first byte. */
  readonly blocks: Buffer;
  /** Where lines go, likewise. */
  readonly lines: Buffer;
  /** What lines begin with; at most 64 bytes. */
  readonly head: Buffer;
  /** What `writeStrings` answers beside its result: at 1 the address where the lines end, at 2 the number of records. */
  readonly answer: Uint32Array;
  /** See lib/bytes/kernels/assembly/string-lines.ts. */
  readonly writeStrings: Exports['writeStrings'];

  /** By type code: where in `layouts` the layout of its records begins; 0 for none, so that the first is not used. */
  readonly layoutTable: Uint32Array;
  /** Layouts as of lib/rdb/layouts.ts. */
  readonly layouts: Int32Array;
  /** What has been skipped, by type code. */
  readonly skippedKeys: BigUint64Array;
  readonly skippedBytes: BigUint64Array;
  /** Of the last call: records, those with an expiry, an idle time, a frequency; of all calls: the largest record. */
  readonly skipAnswer: Uint32Array;
  /** See lib/bytes/kernels/assembly/skip-records.ts. */
  readonly skipRecords: Exports['skipRecords'];
}

/** Kernels that nobody uses: their memory is large, and it would be freed late. */
const free: BlockKernels[] = [];
const MOST_FREE = 2;

/** Kernels for one user, who may {@link giveBackBlockKernels give them back}. */
export function takeBlockKernels(): BlockKernels {
  const kernels = free.pop() ?? newBlockKernels();
  kernels.layoutTable.fill(0);
  kernels.skippedKeys.fill(0n);
  kernels.skippedBytes.fill(0n);
  kernels.skipAnswer.fill(0);
  return kernels;
}

/** Nobody looks at their memory any more, and no read into it is under way. */
export function giveBackBlockKernels(kernels: BlockKernels): void {
  if (free.length < MOST_FREE) free.push(kernels);
}

function newBlockKernels(): BlockKernels {
  const own = new WebAssembly.Instance(compiled).exports as Exports;
  const { buffer } = own.memory;
  const view = (start: Address, size: Address) => Buffer.from(buffer, start.value, size.value);
  return {
    blocks: view(own.BLOCKS, own.BLOCKS_BYTES),
    lines: view(own.LINES, own.LINES_BYTES),
    head: view(own.LINE_HEAD, own.LINE_HEAD_BYTES),
    answer: new Uint32Array(buffer, own.LINES_ANSWER.value, 3),
    writeStrings: own.writeStrings,
    layoutTable: new Uint32Array(buffer, own.LAYOUT_TABLE.value, 256),
    layouts: new Int32Array(buffer, own.LAYOUTS.value, own.LAYOUTS_BYTES.value / 4),
    skippedKeys: new BigUint64Array(buffer, own.SKIPPED_KEYS.value, 256),
    skippedBytes: new BigUint64Array(buffer, own.SKIPPED_BYTES.value, 256),
    skipAnswer: new Uint32Array(buffer, own.SKIP_ANSWER.value, 5),
    skipRecords: own.skipRecords,
  };
}
