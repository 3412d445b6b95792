// Decodes an RDB in one thread: each record as the scan finds it, the checksum verified at the end.
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../rdb/scanner.ts';
import { unrestorable } from '../sources/rdb/unrestorable.ts';
import { BlockReader } from '../storage/block-reader.ts';
import { type Held, RecordDecoder, type RecordOptions } from './record-decoder.ts';

export interface DecodeAloneOptions extends RecordOptions {
  /** Where {@link onStop} is called first. */
  readonly firstStop: number;
  /** Called before the first key at or behind the offset that it gave before. */
  readonly onStop: (offset: number) => Promise<number>;
  /** Something that has no line, in words. */
  readonly onUnwritten: (what: string) => void;
  /** Told the bytes read so far, about once a block. */
  readonly onBlock: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @returns the scanner at the file's end
 * @throws {RdbError} at the first damage; all lines before it have been written
 */
export async function decodeAlone(options: DecodeAloneOptions): Promise<RdbScanner> {
  const { source } = options;
  const scanner = new RdbScanner({ size: source.size });
  const decoder = new RecordDecoder(options);
  try {
    await decodeRecords(scanner, decoder, options);
  } finally {
    await decoder.flush();
  }
  return scanner;
}

async function decodeRecords(scanner: RdbScanner, decoder: RecordDecoder, options: DecodeAloneOptions): Promise<void> {
  const { source, firstStop, onBlock, onStop, onUnwritten, signal } = options;
  const blocks = new BlockReader(source, { headroom: HELD_RECORD_BYTES });
  /** The block that the scanner stands in. */
  const held: Held = { bytes: Buffer.alloc(0), base: 0 };
  const bytes = async (from: number, to: number) => scanner.bytes(from, to) ?? source.read(from, to);
  let at = 0;
  let stop = firstStop;
  for (;;) {
    const event = scanner.next();
    if (event === ScanEvent.KEY) {
      if (scanner.recordStart >= stop) {
        await decoder.flush();
        stop = await onStop(scanner.recordStart);
      }
      const wait = decoder.key(scanner, held);
      if (wait !== undefined) await wait;
      if (decoder.full) await decoder.flush();
    } else if (event === ScanEvent.MORE) {
      signal?.throwIfAborted();
      onBlock(at);
      const block = await blocks.next();
      if (block === undefined) scanner.finish();
      held.bytes = block.buffer;
      held.base = at - block.start;
      at += block.end - block.start;
      scanner.feed(block.buffer, block.start, block.end);
    } else if (event === ScanEvent.END) {
      return;
    } else if (event === ScanEvent.AUX) {
      const { keyStart, valueStart, recordEnd } = scanner;
      decoder.aux(await bytes(keyStart, recordEnd), valueStart - keyStart, keyStart);
    } else if (event === ScanEvent.FUNCTION) {
      const from = scanner.recordStart + 1;
      decoder.functionLibrary(await bytes(from, scanner.recordEnd), from);
    } else if (event === ScanEvent.HASH_TEMPLATE) {
      await decoder.template(scanner.template());
    } else {
      const what = unrestorable(scanner, event);
      if (what !== undefined) onUnwritten(what);
    }
  }
}
