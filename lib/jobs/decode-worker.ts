// A thread that decodes segments of one RDB, as `decode-threads.ts` hands them out.
import { parentPort, workerData } from 'node:worker_threads';
import { rulesFilter } from '../filter/filter.ts';
import { samePin } from '../storage/byte-source.ts';
import { inputChanged, openFile } from '../storage/file-source.ts';
import { RangeDecoder } from './decode-ranges.ts';
import type { Segment } from './decode-segments.ts';
import type { FromThread, ThreadSetup, ToThread } from './decode-threads.ts';
import { Copies } from './hand-over.ts';
import { packError } from './packed-error.ts';
import { newTally } from './record-decoder.ts';

const port = parentPort as NonNullable<typeof parentPort>;
const { path, pin, filter, aheadBytes, ...options } = workerData as ThreadSetup;
const source = await openFile(path);
const tally = newTally();
const decoder = new RangeDecoder({ ...options, source, accepts: rulesFilter(filter), write, tally });

const copies = new Copies(aheadBytes);
const post = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

async function write(bytes: Buffer): Promise<void> {
  const buffer = await copies.of(bytes);
  post({ kind: 'lines', buffer, bytes: bytes.length }, [buffer]);
}

async function answer(segment: Segment): Promise<void> {
  Object.assign(tally, newTally());
  try {
    if (!samePin(source.pin, pin)) throw inputChanged(path);
    await decoder.decode(segment);
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
    copies.release(message.buffer, message.bytes);
  }
});
