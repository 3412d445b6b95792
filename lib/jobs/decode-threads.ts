// Decodes an RDB in several threads: this one proves the file and cuts it, all of them decode the segments, and the lines
// come out in the file's order.
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type FilterRules, rulesFilter } from '../filter/filter.ts';
import type { RdbScanner } from '../rdb/scanner.ts';
import type { ByteSource, SourcePin } from '../storage/byte-source.ts';
import type { JsonLineOptions } from '../targets/json/json-lines.ts';
import { RangeDecoder } from './decode-ranges.ts';
import { cutSegments, type Segment } from './decode-segments.ts';
import { Copies, Queue } from './hand-over.ts';
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
  /** With this one. */
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

/** Beside this file, with its ending: TypeScript in the checkout, compiled in the package, bundled in the tool. */
const WORKER_FILE = new URL(`./decode-worker${extname(import.meta.url)}`, import.meta.url);

/** Whether there is what other threads run: the tool may have been copied somewhere as a single file. */
export const threadsPossible = (): boolean => existsSync(WORKER_FILE);

/** Lines that a thread may have under way: enough to be busy with a large value while another one is being written. */
const AHEAD_BYTES = 16 * 1024 * 1024;
/** Segments that a thread has been given and not finished: it never waits for the next one. */
const SEGMENTS_PER_THREAD = 3;

/**
 * @returns the scanner at the file's end
 * @throws the first failure in the file's order: all lines before it have been written
 */
export async function decodeInThreads(options: DecodeThreadsOptions): Promise<RdbScanner> {
  const threads = Array.from({ length: options.threads - 1 }, () => new OtherThread(options));
  try {
    return await new ThreadedDecode([...threads, new ThisThread(options)], options).run();
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
      const thread = this.#threads.find(({ hasRoom }) => hasRoom);
      if (thread !== undefined) return this.#handed.push(thread.decode(segment));
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

type Lines = Extract<FromThread, { kind: 'lines' }>;

/** What decodes segments, in the order in which it is given them. */
interface Thread {
  /** Whether it takes another segment. */
  readonly hasRoom: boolean;
  /** Fulfilled when it has finished a segment, or given up. */
  readonly nextDone: Promise<void>;
  decode(segment: Segment): Handed;
  /** Lines that it gave have been written. */
  written(lines: Lines): void;
  /** Nothing more is written: who waits for {@link nextDone} is let go. */
  giveUp(): void;
}

/** The thread that all else runs in: it decodes one segment when the others have enough to do. */
class ThisThread implements Thread {
  readonly #decoder: RangeDecoder;
  readonly #tally = newTally();
  #handed: Handed | undefined;
  #done = Promise.withResolvers<void>();
  readonly #copies = new Copies(AHEAD_BYTES);

  constructor({ source, filter, salvage, ...options }: DecodeThreadsOptions) {
    this.#decoder = new RangeDecoder({
      ...options,
      source,
      salvage,
      accepts: rulesFilter(filter),
      tally: this.#tally,
      write: (bytes) => this.#give(bytes),
    });
  }

  get hasRoom(): boolean {
    return this.#handed === undefined;
  }

  get nextDone(): Promise<void> {
    return this.#done.promise;
  }

  decode(segment: Segment): Handed {
    const handed: Handed = { segment, thread: this, messages: new Queue<FromThread>() };
    this.#handed = handed;
    void this.#decode(handed);
    return handed;
  }

  written({ buffer, bytes }: Lines): void {
    this.#copies.release(buffer, bytes);
  }

  giveUp(): void {
    this.#done.resolve();
  }

  async #decode({ segment, messages }: Handed): Promise<void> {
    Object.assign(this.#tally, newTally());
    try {
      await this.#decoder.decode(segment);
      messages.push({ kind: 'done', tally: { ...this.#tally } });
    } catch (error) {
      messages.push({ kind: 'failed', tally: { ...this.#tally }, error: packError(error) });
    }
    messages.end();
    this.#handed = undefined;
    this.#done.resolve();
    this.#done = Promise.withResolvers();
  }

  async #give(bytes: Buffer): Promise<void> {
    const buffer = await this.#copies.of(bytes);
    this.#handed?.messages.push({ kind: 'lines', buffer, bytes: bytes.length });
  }
}

class OtherThread implements Thread {
  readonly #worker: Worker;
  /** Segments in hand, the one at work first. */
  readonly #handed: Handed[] = [];
  #ended = false;
  #broken: Error | undefined;
  #done = Promise.withResolvers<void>();

  constructor({ source, filter, keysOnly, noValue, maxLineBytes, salvage }: DecodeThreadsOptions) {
    const workerData: ThreadSetup = {
      path: source.path as string,
      pin: source.pin,
      filter,
      keysOnly,
      noValue,
      maxLineBytes,
      salvage,
      aheadBytes: AHEAD_BYTES,
    };
    this.#worker = new Worker(WORKER_FILE, { workerData });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => {
      if (!this.#ended) this.#fail(new Error(`a thread ended with code ${code}`));
    });
  }

  get hasRoom(): boolean {
    return this.#handed.length < SEGMENTS_PER_THREAD;
  }

  get nextDone(): Promise<void> {
    return this.#done.promise;
  }

  decode(segment: Segment): Handed {
    const handed = { segment, thread: this, messages: new Queue<FromThread>() };
    this.#handed.push(handed);
    if (this.#broken !== undefined) this.#fail(this.#broken);
    else this.#worker.postMessage({ kind: 'segment', segment } satisfies ToThread);
    return handed;
  }

  written({ buffer, bytes }: Lines): void {
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
