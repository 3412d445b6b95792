// Writes the keys of one chunk: encodes them into batches, follows their replies, and knows in the end what became of
// every key.
import { type KeyferryError, quoteKey, TargetError } from '../../errors.ts';
import { RdbScanner, ScanEvent, type ScanState } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import { Batch, type BatchOwner } from '../../redis/batch.ts';
import type { BulkWriter } from '../../redis/bulk-writer.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { ascii, FrameWriter } from '../../resp/frame-writer.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { COMMAND_OVERHEAD_BYTES, type EntryEncoder } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';
import { newTally, type Tally } from './tally.ts';

/** Strings that go into one MSET, at most. Longer ones save the server no more and hold it up. */
const MSET_KEYS = 50;
/** Bytes of one MSET's arguments, at most; a larger record goes as SET. */
const MSET_BYTES = 16 * 1024;
const MSET = ascii('$4\r\nMSET\r\n');

/** What a chunk's keys are written with; the same for all chunks of a job. */
export interface ChunkWriterContext {
  readonly writer: BulkWriter;
  readonly encoder: EntryEncoder;
  readonly policy: ConflictPolicy;
  readonly clock: Clock;
  /** The target's name in errors. */
  readonly targetName: string;
  /** The database that keys of `db` go to. */
  mapDb(db: number): number;
  /** Keys written so far, for progress: called with every few of them. */
  onWritten(keys: number): void;
}

/**
 * What is known of earlier attempts at a chunk. `unsure`: any of its keys may have been written, none was confirmed: one
 * that exists is compared. `confirmed`: all were, by a server process that may have lost some since: one that exists is
 * as it should be, or an application's since.
 */
export type Attempt = 'first' | 'unsure' | 'confirmed';

/** The bytes of a chunk and how to scan them. */
export interface ChunkBytes {
  readonly bytes: Buffer;
  /** Absolute offset of `bytes[0]`. */
  readonly base: number;
  /** The scan's state at `base`. */
  readonly state: ScanState;
}

export class ChunkWriter implements BatchOwner {
  readonly tally: Tally = newTally();
  /** Offsets of records whose key exists on the target, perhaps because an earlier attempt wrote it. */
  readonly suspects: number[] = [];
  readonly #context: ChunkWriterContext;
  readonly #chunk: ChunkBytes;
  readonly #attempt: Attempt;
  #batch: Batch | undefined;
  #frame: FrameWriter | undefined;
  /** Strings for the next MSET. */
  readonly #group: FrameWriter | undefined;
  #groupKeys = 0;
  #groupTag = 0;
  #outstanding = 0;
  #idle: (() => void) | undefined;
  #failure: KeyferryError | undefined;
  #db = -1;

  constructor(context: ChunkWriterContext, chunk: ChunkBytes, attempt: Attempt) {
    this.#context = context;
    this.#chunk = chunk;
    this.#attempt = attempt;
    // MSETNX would refuse a whole batch and name no key, so only rewrite gathers strings.
    this.#group = context.policy === 'rewrite' ? new FrameWriter(Buffer.allocUnsafe(MSET_BYTES)) : undefined;
  }

  /** True when batches should wait: see {@link ready}. */
  get full(): boolean {
    return this.#failure !== undefined || this.#context.writer.full;
  }

  /** Resolves when more may be put. Rejects with what stopped the job. */
  async ready(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#context.writer.room();
  }

  /** Encodes the record that the scanner stands on. */
  put(entry: RdbScanner): void {
    const { encoder, clock } = this.#context;
    const { bytes, base } = this.#chunk;
    if (encoder.hasExpired(entry, clock.now())) {
      this.tally.expired++;
      return;
    }
    if (entry.db !== this.#db) {
      this.flush();
      this.#db = entry.db;
    }
    const size = entry.recordEnd - entry.recordStart + encoder.keyGrowth(entry, bytes, base) + COMMAND_OVERHEAD_BYTES;
    const tag = entry.recordStart - base;
    if (encoder.isPlainString(entry, bytes, base)) {
      if (this.#group !== undefined && size < MSET_BYTES && Number.isNaN(encoder.expiryOf(entry))) {
        this.#putInGroup(this.#group, entry, size, tag);
        return;
      }
      const frame = this.#frameFor(size);
      encoder.set(entry, bytes, base, frame);
      this.#add(frame.at, tag, 1);
      return;
    }
    const rewritten = encoder.rewritten(entry, bytes, base);
    const frame = this.#frameFor(size + (rewritten?.value.length ?? 0));
    encoder.restore(entry, bytes, base, frame, rewritten);
    this.#add(frame.at, tag, 1);
  }

  /** Sends what has been encoded so far. */
  flush(): void {
    this.#closeGroup();
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#frame = undefined;
    this.#outstanding += batch.commands;
    this.#context.writer.submit(batch);
  }

  /** Sends the rest and waits until every command is answered. Rejects with what stopped the job. */
  async settled(): Promise<void> {
    this.flush();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#outstanding === 0) return;
    const { writer } = this.#context;
    let forget = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        this.#idle = resolve;
        forget = writer.onFailure(reject);
      });
    } finally {
      forget();
    }
  }

  onOk(batch: Batch, from: number, to: number): void {
    let keys = 0;
    for (let i = from; i < to; i++) keys += batch.weights[i] as number;
    this.tally.written += keys;
    this.#context.onWritten(keys);
    this.#answered(to - from);
  }

  onReply(batch: Batch, index: number, reply: Reply): void {
    const tag = batch.tags[index] as number;
    const exists = reply === null || (reply instanceof ErrorReply && reply.code === 'BUSYKEY');
    if (exists) this.#exists(tag, batch.isUncertain(index));
    else if (reply instanceof ErrorReply) this.#refused(tag, batch.weights[index] as number, reply);
    else this.#stop(unfitting(this.#context.targetName));
    this.#answered(1);
  }

  /** Scans to the record at a tag. */
  entryAt(tag: number): RdbScanner {
    const { bytes, base, state } = this.#chunk;
    // The database at that record is found by scanning from the chunk's beginning: rare, and always right.
    const scanner = new RdbScanner({ from: state, crc: false });
    scanner.feed(bytes);
    for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
      if (event === ScanEvent.KEY && scanner.recordStart - base === tag) return scanner;
    }
    throw new Error(`no record begins at ${base + tag}`);
  }

  /** The error of a key that exists under `panic`. */
  conflict(tag: number, changed: boolean): TargetError {
    const entry = this.entryAt(tag);
    return keyExists(this.#key(entry), this.#context.mapDb(entry.db), this.#context.targetName, changed);
  }

  #exists(tag: number, uncertain: boolean): void {
    const { policy } = this.#context;
    if (this.#attempt === 'confirmed') this.tally.already++;
    else if (uncertain || this.#attempt === 'unsure') this.suspects.push(tag);
    else if (policy === 'skip') this.tally.skipped++;
    else this.#stop(this.conflict(tag, false));
  }

  #refused(tag: number, keys: number, reply: ErrorReply): void {
    const entry = this.entryAt(tag);
    const key = this.#key(entry);
    const db = this.#context.mapDb(entry.db);
    if (keys > 1 || stopsTheJob(reply)) {
      this.#stop(refusal(reply, { where: `${this.#context.targetName}, db ${db}, key ${quoteKey(key)}` }));
      return;
    }
    const type = (entry.type as ValueType).name;
    this.tally.failed.push({ db, key: Buffer.from(key), type, reason: reply.text });
  }

  #key(entry: RdbScanner): Buffer {
    return this.#context.encoder.key(entry, this.#chunk.bytes, this.#chunk.base);
  }

  #answered(commands: number): void {
    this.#outstanding -= commands;
    if (this.#outstanding === 0) this.#idle?.();
  }

  #stop(error: KeyferryError): void {
    this.#failure ??= error;
    this.#context.writer.fail(error);
  }

  #putInGroup(group: FrameWriter, entry: RdbScanner, size: number, tag: number): void {
    if (group.room < size) this.#closeGroup();
    if (this.#groupKeys === 0) this.#groupTag = tag;
    this.#context.encoder.pair(entry, this.#chunk.bytes, this.#chunk.base, group);
    if (++this.#groupKeys === MSET_KEYS) this.#closeGroup();
  }

  #closeGroup(): void {
    const group = this.#group;
    if (group === undefined || this.#groupKeys === 0) return;
    const keys = this.#groupKeys;
    this.#groupKeys = 0;
    const frame = this.#frameFor(group.at + COMMAND_OVERHEAD_BYTES);
    frame.array(1 + 2 * keys);
    frame.raw(MSET);
    frame.copy(group.buffer, 0, group.at);
    group.at = 0;
    this.#add(frame.at, this.#groupTag, keys);
  }

  /** A writer with room for `size` bytes more; the batch so far goes out when it has none. */
  #frameFor(size: number): FrameWriter {
    if (this.#frame !== undefined && this.#frame.room >= size) return this.#frame;
    const batch = this.#batch;
    if (batch !== undefined) {
      this.#batch = undefined;
      this.#outstanding += batch.commands;
      this.#context.writer.submit(batch);
    }
    const bytes = this.#context.writer.buffer(size);
    this.#batch = new Batch(this, this.#context.mapDb(this.#db), bytes);
    this.#frame = new FrameWriter(bytes);
    return this.#frame;
  }

  #add(end: number, tag: number, keys: number): void {
    const batch = this.#batch as Batch;
    // Writes beyond a buffer are dropped silently: a size that was reckoned wrong must not go out as half a command.
    if (end > batch.bytes.length) throw new Error(`a command of ${end} bytes outgrew its buffer`);
    batch.add(end, tag, keys);
  }
}

function unfitting(targetName: string): TargetError {
  return new TargetError('RESP_PROTOCOL', 'the server gave an answer that fits no command.', {
    where: targetName,
    remedy: 'Is there a proxy between, or another service on this port?',
  });
}

/** The error of a key that exists on the target under `panic`. */
export function keyExists(key: Buffer, db: number, targetName: string, changed: boolean): TargetError {
  const what = changed
    ? 'the key exists on the target with another value or expiry: an application has changed it since.'
    : 'the key exists on the target.';
  return new TargetError('TARGET_KEY_EXISTS', what, {
    where: `${targetName}, db ${db}, key ${quoteKey(key)}`,
    remedy:
      'It was left as it is. Choose --on-conflict rewrite (replace) or skip (leave), or remove the key; with another choice of --on-conflict add --fresh.',
  });
}
