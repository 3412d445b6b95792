// A thread that decodes segments of one RDB, as `decode-threads.ts` hands them out.
import { parentPort, workerData } from 'node:worker_threads';
import { rulesFilter } from '../filter/filter.ts';
import { dialectOf } from '../rdb/dialect.ts';
import { AUX_RECORD, FUNCTION_RECORD, IndexedEntry } from '../rdb/record-index.ts';
import { samePin } from '../storage/byte-source.ts';
import { inputChanged, openFile } from '../storage/file-source.ts';
import { SEGMENT_BYTES, type Segment } from './decode-segments.ts';
import type { FromThread, ThreadSetup, ToThread } from './decode-threads.ts';
import { packError } from './packed-error.ts';
import { newTally, RecordDecoder } from './record-decoder.ts';

const port = parentPort as NonNullable<typeof parentPort>;
const { path, pin, filter, aheadBytes, ...options } = workerData as ThreadSetup;
const source = await openFile(path);
const tally = newTally();
const decoder = new RecordDecoder({ ...options, source, accepts: rulesFilter(filter), write, tally });
const segmentBytes = Buffer.allocUnsafeSlow(SEGMENT_BYTES);

/** Buffers that have come back, to be filled again. */
const spare: ArrayBuffer[] = [];
const MOST_SPARE = 4;
/** Bytes of lines that have not been written yet. */
let underWay = 0;
let wake: (() => void) | undefined;

const post = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

async function write(bytes: Buffer): Promise<void> {
  while (underWay > 0 && underWay + bytes.length > aheadBytes) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  const at = spare.findIndex(({ byteLength }) => byteLength >= bytes.length);
  const buffer = at === -1 ? new ArrayBuffer(roomFor(bytes.length)) : (spare.splice(at, 1)[0] as ArrayBuffer);
  new Uint8Array(buffer).set(bytes);
  underWay += bytes.length;
  post({ kind: 'lines', buffer, bytes: bytes.length }, [buffer]);
}

/** A little more than what is there, so that the next lines fit too when the buffer comes back. */
const roomFor = (bytes: number): number => Math.ceil(bytes / 65_536 + 1) * 65_536;

async function decodeSegment({ start, end, index, templates }: Segment): Promise<void> {
  for (const template of templates) await decoder.template(template);
  // A larger one is a single record, which its decoder reads as it needs it.
  const whole = end - start <= SEGMENT_BYTES;
  if (whole) await source.read(start, end, segmentBytes.subarray(0, end - start));
  const held = { bytes: segmentBytes, base: start };
  const bytes = async (from: number, to: number) =>
    whole ? segmentBytes.subarray(from - start, to - start) : source.read(from, to);
  const entry = new IndexedEntry(index, dialectOf(index.dialect, index.version).types);
  while (entry.next()) {
    const { code, keyStart, valueStart, recordEnd } = entry;
    if (code === AUX_RECORD) {
      decoder.aux(await bytes(keyStart, recordEnd), valueStart - keyStart, keyStart);
    } else if (code === FUNCTION_RECORD) {
      decoder.functionLibrary(await bytes(keyStart, recordEnd), keyStart);
    } else {
      const wait = decoder.key(entry, held);
      if (wait !== undefined) await wait;
    }
    if (decoder.full) await decoder.flush();
  }
}

async function answer(segment: Segment): Promise<void> {
  Object.assign(tally, newTally());
  try {
    if (!samePin(source.pin, pin)) throw inputChanged(path);
    try {
      await decodeSegment(segment);
    } finally {
      await decoder.flush();
    }
    post({ kind: 'done', tally });
  } catch (error) {
    post({ kind: 'failed', tally, error: packError(error) });
  }
}

let work = Promise.resolve();
port.on('message', (message: ToThread) => {
  if (message.kind === 'segment') {
    work = work.then(() => answer(message.segment));
  } else {
    underWay -= message.bytes;
    if (spare.length < MOST_SPARE) spare.push(message.buffer);
    wake?.();
  }
});
