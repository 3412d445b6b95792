// Decodes a file, or a range of it, in the thread that it is called in: each record as the scan finds it.
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanState } from '../rdb/scanner.ts';
import { unrestorable } from '../sources/rdb/unrestorable.ts';
import { BlockReader } from '../storage/block-reader.ts';
import type { ByteSource } from '../storage/byte-source.ts';
import { type Held, RecordDecoder, type RecordOptions, type TemplateSpan } from './record-decoder.ts';

export interface DecodeFileOptions extends RecordOptions {
  /** Where the second part begins: at the first key at or behind this offset; infinite where there is only one. */
  readonly firstStop: number;
  /** Begins the next part, and gives the offset of the one after it. */
  readonly onStop: () => Promise<number>;
  /** Something that has no line, in words. */
  readonly onUnwritten: (what: string) => void;
  /** What the shape has no place for, in words, and how often it was met: at the end. */
  readonly onLossy: (lossy: ReadonlyMap<string, number>) => void;
  /** Told the bytes read so far, about once a block. */
  readonly onBlock: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A range that begins and ends between two records, and how a scan stood at its beginning. */
export interface DecodeRange {
  readonly from: ScanState;
  readonly end: number;
  /** The field-name templates that its hashes may refer to. */
  readonly templates: readonly TemplateSpan[];
}

/**
 * Decodes the whole file; its checksum is verified at the end.
 *
 * @returns the scanner at the file's end
 * @throws {RdbError} at the first damage; all lines before it have been written
 */
export async function decodeFile(options: DecodeFileOptions): Promise<RdbScanner> {
  const { source } = options;
  const scanner = new RdbScanner({ size: source.size });
  const decoder = new RecordDecoder(options);
  const blocks = new BlockReader(source, { headroom: HELD_RECORD_BYTES, memory: decoder.blocks });
  try {
    await decodeRecords(scanner, decoder, blocks, options);
  } finally {
    options.onLossy(decoder.lossy);
    await blocks.settle();
    decoder.close();
  }
  return scanner;
}

export interface RangeOptions {
  /** What the records are read from. Default: the source, which is then asked for a block at a time. */
  readonly ahead?: ByteSource | undefined;
  readonly onUnwritten?: DecodeFileOptions['onUnwritten'];
  readonly signal?: AbortSignal | undefined;
}

/** Decodes ranges of a file that was proven, one after the other. */
export class RangeDecoder {
  readonly #decoder: RecordDecoder;
  readonly #options: RecordOptions;

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#decoder = new RecordDecoder(options);
  }

  /** What the shape has had no place for, in words, and how often it was met. */
  get lossy(): ReadonlyMap<string, number> {
    return this.#decoder.lossy;
  }

  /**
   * @returns the CRC64 of the range, where `from.crc` is 0; else `undefined`
   * @throws {RdbError} at the first damage inside a value; all lines before it have been written
   */
  async decode({ from, end, templates }: DecodeRange, options: RangeOptions = {}): Promise<bigint | undefined> {
    const { source } = this.#options;
    const crc = from.crc !== undefined;
    const scanner = new RdbScanner({ size: source.size, from, crc });
    for (const template of templates) await this.#decoder.template(template);
    const range = { from: from.offset, to: end, headroom: HELD_RECORD_BYTES, memory: this.#decoder.blocks };
    const blocks = new BlockReader(options.ahead ?? source, range);
    const walk = { ...WHOLE_RANGE, ...options, source, offset: from.offset, end };
    try {
      await decodeRecords(scanner, this.#decoder, blocks, walk);
    } finally {
      await blocks.settle();
    }
    return crc ? scanner.crcAt(end) : undefined;
  }

  /** Lets go of its memory. */
  close(): void {
    this.#decoder.close();
  }
}

/** What has no line, in words: of what no command restores all but what modules keep beside their keys. */
export function unwritten(scanner: RdbScanner, event: ScanEvent): string | undefined {
  return event === ScanEvent.MODULE_AUX ? undefined : unrestorable(scanner, event);
}

const WHOLE_RANGE = {
  firstStop: Number.POSITIVE_INFINITY,
  onStop: async () => Number.POSITIVE_INFINITY,
  onUnwritten: () => {}, // whoever cut the ranges has seen it
  onBlock: () => {},
};

type Walk = Pick<DecodeFileOptions, 'source' | 'firstStop' | 'onStop' | 'onUnwritten' | 'onBlock' | 'signal'> & {
  /** Where the blocks begin. */
  readonly offset?: number;
  /** The scan may end here, between two records; without it, only at the end mark. */
  readonly end?: number;
};

async function decodeRecords(
  scanner: RdbScanner,
  decoder: RecordDecoder,
  blocks: BlockReader,
  { source, firstStop, onBlock, onStop, onUnwritten, signal, offset = 0, end }: Walk,
): Promise<void> {
  /** The block that the scanner stands in. */
  const held: Held = { bytes: Buffer.alloc(0), base: 0 };
  const bytes = async (from: number, to: number) => scanner.bytes(from, to) ?? source.read(from, to);
  let at = offset;
  let stop = firstStop;
  const nextPart = async () => {
    await decoder.end();
    const next = await onStop();
    decoder.begin();
    return next;
  };
  decoder.begin();
  try {
    for (;;) {
      decoder.strings(scanner, stop);
      if (decoder.full) await decoder.flush();
      const event = scanner.next();
      if (event === ScanEvent.KEY) {
        while (scanner.recordStart >= stop) stop = await nextPart();
        const wait = decoder.key(scanner, held);
        if (wait !== undefined) await wait;
      } else if (event === ScanEvent.MORE) {
        signal?.throwIfAborted();
        onBlock(at);
        const block = await blocks.next();
        if (block === undefined) {
          if (end !== undefined && scanner.betweenRecords) return await decoder.end();
          scanner.finish();
        }
        held.bytes = block.buffer;
        held.base = at - block.start;
        at += block.end - block.start;
        scanner.feed(block.buffer, block.start, block.end);
      } else if (event === ScanEvent.END) {
        while (stop !== Number.POSITIVE_INFINITY) stop = await nextPart();
        return await decoder.end();
      } else if (event === ScanEvent.AUX) {
        const { keyStart, valueStart, recordEnd } = scanner;
        decoder.aux(await bytes(keyStart, recordEnd), valueStart - keyStart, keyStart);
      } else if (event === ScanEvent.FUNCTION) {
        const from = scanner.recordStart + 1;
        decoder.functionLibrary(await bytes(from, scanner.recordEnd), from);
      } else if (event === ScanEvent.MODULE_AUX) {
        const from = scanner.recordStart + 1;
        decoder.moduleAux(await bytes(from, scanner.recordEnd), from);
      } else if (event === ScanEvent.HASH_TEMPLATE) {
        await decoder.template(scanner.template());
      } else {
        const what = unwritten(scanner, event);
        if (what !== undefined) onUnwritten(what);
      }
    }
  } catch (error) {
    await decoder.flush(); // and no end: what is there is not whole
    throw error;
  }
}
