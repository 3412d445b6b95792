// Decodes an RDB in several threads: this one proves the file and cuts it, others decode the segments, and the lines come
// out in the file's order.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FilterRules } from '../filter/filter.ts';
import type { RdbScanner } from '../rdb/scanner.ts';
import type { ByteSource, SourcePin } from '../storage/byte-source.ts';
import type { JsonLineOptions } from '../targets/json/json-lines.ts';
import { cutSegments, type Segment } from './decode-segments.ts';
import { type PackedError, packError, unpackError } from './packed-error.ts';
import { type DecodeTally, newTally } from './record-decoder.ts';

/** What a thread is started with. */
export interface ThreadSetup extends Pick<JsonLineOptions, 'keysOnly' | 'noValue' | 'maxLineBytes'> {
  /** Of the plain RDB. */
  readonly path: string;
  readonly pin: SourcePin;
  readonly filter: FilterRules;
  readonly salvage: boolean;
  /** Bytes of lines that a thread may be ahead of what has been written. */
  readonly aheadBytes: number;
}

export type ToThread =
  | { readonly kind: 'segment'; readonly segment: Segment }
  /** Lines have been written; the buffer may be filled again. */
  | { readonly kind: 'written'; readonly bytes: number; readonly buffer: ArrayBuffer };

export type FromThread =
  | { readonly kind: 'lines'; readonly buffer: ArrayBuffer; readonly bytes: number }
  | { readonly kind: 'done'; readonly tally: DecodeTally }
  | { readonly kind: 'failed'; readonly tally: DecodeTally; readonly error: PackedError };

export interface DecodeThreadsOptions extends Omit<ThreadSetup, 'path' | 'pin' | 'aheadBytes'> {
  /** One that has a path. */
  readonly source: ByteSource;
  readonly threads: number;
  readonly stops: readonly number[];
  /** A segment's lines come next; they belong to this part. */
  readonly onPart: (part: number) => Promise<void>;
  readonly write: (bytes: Buffer) => Promise<void>;
  /** What a segment counted, when all its lines have been written. */
  readonly onTally: (tally: DecodeTally) => void;
  /** Something that has no line, in words. */
  readonly onUnwritten: (what: string) => void;
  readonly onBlock: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Of all threads together. A value of 50 MB of JSON is decoded beside another one of that size without waiting. */
const AHEAD_BYTES = 48 * 1024 * 1024;
/** Segments that a thread has been given and not finished: it never waits for the next one. */
const SEGMENTS_PER_THREAD = 3;

/**
 * @returns the scanner at the file's end
 * @throws the first failure in the file's order: all lines before it have been written
 */
export async function decodeInThreads(options: DecodeThreadsOptions): Promise<RdbScanner> {
  const threads = Array.from({ length: options.threads }, () => new Thread(options));
  try {
    return await new ThreadedDecode(threads, options).run();
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

class ThreadedDecode {
  readonly #threads: readonly Thread[];
  readonly #options: DecodeThreadsOptions;
  /** Segments that have been handed out and not yet been written, in the file's order. */
  readonly #handed = new Queue<Handed>();
  /** What stopped the writing; it stands before all that has not been written. */
  #failure: { readonly error: unknown } | undefined;

  constructor(threads: readonly Thread[], options: DecodeThreadsOptions) {
    this.#threads = threads;
    this.#options = options;
  }

  async run(): Promise<RdbScanner> {
    const writing = this.#write();
    const cutting = cutSegments(this.#options.source, {
      ...this.#options,
      onSegment: (segment) => this.#hand(segment),
    });
    const [cut] = await Promise.allSettled([cutting.finally(() => this.#handed.end()), writing]);
    // Of two failures the one that comes first in the file is told.
    if (this.#failure !== undefined) throw this.#failure.error;
    if (cut.status === 'rejected') throw cut.reason;
    return cut.value;
  }

  async #hand(segment: Segment): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const thread = this.#threads.reduce((idlest, other) => (other.load < idlest.load ? other : idlest));
      if (thread.load < SEGMENTS_PER_THREAD) return this.#handed.push(thread.decode(segment));
      await Promise.race(this.#threads.map((one) => one.nextDone));
    }
  }

  async #write(): Promise<void> {
    const { onPart, onTally, signal } = this.#options;
    try {
      for await (const { segment, thread, messages } of this.#handed) {
        await onPart(segment.part);
        for await (const message of messages) {
          signal?.throwIfAborted();
          if (message.kind === 'lines') {
            await this.#options.write(Buffer.from(message.buffer, 0, message.bytes));
            thread.written(message);
          } else {
            onTally(message.tally);
            if (message.kind === 'failed') throw unpackError(message.error);
          }
        }
      }
    } catch (error) {
      this.#failure = { error };
      for (const thread of this.#threads) thread.giveUp();
    }
  }
}

/** A segment that a thread has, and what it says of it. */
interface Handed {
  readonly segment: Segment;
  readonly thread: Thread;
  readonly messages: Queue<FromThread>;
}

class Thread {
  readonly #worker: Worker;
  /** Segments in hand, the one at work first. */
  readonly #handed: Handed[] = [];
  #ended = false;
  #broken: Error | undefined;
  #done = Promise.withResolvers<void>();

  constructor({ source, filter, keysOnly, noValue, maxLineBytes, salvage, threads }: DecodeThreadsOptions) {
    const aheadBytes = Math.ceil(AHEAD_BYTES / threads);
    const workerData: ThreadSetup = {
      path: source.path as string,
      pin: source.pin,
      filter,
      keysOnly,
      noValue,
      maxLineBytes,
      salvage,
      aheadBytes,
    };
    // Beside this file, with its ending: TypeScript in the checkout, compiled in the package, bundled in the tool.
    const file = new URL(`./decode-worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(file, { workerData });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => {
      if (!this.#ended) this.#fail(new Error(`a thread ended with code ${code}`));
    });
  }

  get load(): number {
    return this.#handed.length;
  }

  /** Fulfilled when it has finished a segment, or given up. */
  get nextDone(): Promise<void> {
    return this.#done.promise;
  }

  decode(segment: Segment): Handed {
    const handed = { segment, thread: this, messages: new Queue<FromThread>() };
    this.#handed.push(handed);
    if (this.#broken !== undefined) this.#fail(this.#broken);
    else this.#worker.postMessage({ kind: 'segment', segment } satisfies ToThread, arraysOf(segment));
    return handed;
  }

  written({ buffer, bytes }: { readonly buffer: ArrayBuffer; readonly bytes: number }): void {
    if (!this.#ended) this.#worker.postMessage({ kind: 'written', bytes, buffer } satisfies ToThread, [buffer]);
  }

  giveUp(): void {
    this.#done.resolve();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #take(message: FromThread): void {
    const handed = this.#handed[0];
    handed?.messages.push(message);
    if (message.kind === 'lines') return;
    handed?.messages.end();
    this.#handed.shift();
    this.#done.resolve();
    this.#done = Promise.withResolvers();
  }

  #fail(error: Error): void {
    this.#broken = error;
    const failed: FromThread = { kind: 'failed', tally: newTally(), error: packError(error) };
    while (this.#handed.length > 0) this.#take(failed);
  }
}

const arraysOf = ({ index }: Segment): ArrayBuffer[] => [index.rows.buffer, index.attributes.buffer];

/** What one part of the program gives and another takes, in order. */
class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
