// Writes the keys of one chunk: encodes them into batches, follows their replies, and knows in the end what became of
// every key.
import { type KeyferryError, quoteKey, TargetError } from '../../errors.ts';
import { hasParts } from '../../rdb/read-parts.ts';
import { RdbScanner, ScanEvent, type ScanState } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import { Batch, type BatchOwner, keysOf, type Mark } from '../../redis/batch.ts';
import type { BulkWriter } from '../../redis/bulk-writer.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { FrameWriter } from '../../resp/frame-writer.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';
import { COMMAND_OVERHEAD_BYTES } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';
import { GROUP_BYTES, GROUPED_RECORD_BYTES, StringGroup } from './string-group.ts';
import { addLosses, newTally, type Tally } from './tally.ts';
import { type WayContext, wayOf } from './way.ts';

/** What a chunk's keys are written with; the same for all chunks of a job. */
export interface ChunkWriterContext extends WayContext {
  readonly writer: BulkWriter;
  readonly policy: ConflictPolicy;
  /** Plain strings go several at once. */
  readonly groups: boolean;
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

/** Where a record is: its offset in the chunk, and the database of the file that it belongs to. */
export interface RecordPlace {
  readonly at: number;
  readonly db: number;
}

/** RESTORE takes a key, but not this value of it. */
const NOT_THIS_PAYLOAD = /Bad data format|payload version or checksum/i;

export class ChunkWriter implements BatchOwner {
  readonly tally: Tally = newTally();
  /** Records whose key exists on the target, perhaps because an earlier attempt wrote it. */
  readonly suspects: RecordPlace[] = [];
  /** Records that RESTORE is of no use for: they are to be written by commands. */
  readonly byCommands: { readonly record: RecordPlace; readonly reason: string }[] = [];
  readonly #context: ChunkWriterContext;
  readonly #chunk: ChunkBytes;
  readonly attempt: Attempt;
  readonly #group: StringGroup | undefined;
  /** Strings are gathered, until a group is refused because one of them exists. */
  #gathers: boolean;
  /** Servers that have taken commands of this chunk, as `Batch.sentTo` names them. */
  readonly sentTo = new Set<string>();
  /** What is being filled: one batch for each master. */
  readonly #open: ({ batch: Batch; frame: FrameWriter } | undefined)[] = [];
  /** The database of the file whose records are being put. */
  #db = -1;
  /** A batch went out since the writer was found to have room. */
  #submitted = false;
  #outstanding = 0;
  #idle: (() => void) | undefined;
  #failure: KeyferryError | undefined;

  constructor(context: ChunkWriterContext, chunk: ChunkBytes, attempt: Attempt) {
    this.#context = context;
    this.#chunk = chunk;
    this.attempt = attempt;
    const { groups, policy } = context;
    // Where keys may be our own already, MSETNX would be refused time and again.
    this.#gathers = groups && (policy === 'rewrite' || attempt === 'first');
    this.#group = this.#gathers ? new StringGroup(policy === 'rewrite' ? 'MSET' : 'MSETNX') : undefined;
  }

  /** True when batches should wait: see {@link ready}. */
  get full(): boolean {
    if (this.#failure !== undefined) return true;
    // Asked for every key, and only a batch that went out can have changed it.
    if (!this.#submitted) return false;
    this.#submitted = this.#context.writer.full;
    return this.#submitted;
  }

  /** Resolves when more may be put. Rejects with what stopped the job. */
  async ready(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#context.writer.room();
  }

  /** Encodes the record that the scanner stands on. */
  put(entry: RdbScanner): void {
    const { encoder, restores } = this.#context;
    const { bytes, base } = this.#chunk;
    const way = wayOf(entry, bytes, base, this.#context);
    if (way === 'none: expired') {
      this.tally.expired++;
      return;
    }
    if (entry.db !== this.#db) {
      this.flush();
      this.#db = entry.db;
    }
    const size = this.#sizeOf(entry);
    const at = entry.recordStart - base;
    const slot = this.#context.writer.fleet.bySlot ? encoder.slot(entry, bytes, base) : undefined;
    if (way === 'by commands') {
      const reason = restores ? '' : 'the user may not call RESTORE';
      this.byCommands.push({ record: { at, db: entry.db }, reason });
      return;
    }
    if (way === 'SET') {
      if (this.#gathers && size <= GROUPED_RECORD_BYTES) {
        this.#gather(this.#group as StringGroup, entry, size, at);
      } else {
        const { batch, frame } = this.#openFor(size, slot);
        encoder.set(entry, bytes, base, frame);
        add(batch, frame.at, at, slot);
      }
      return;
    }
    const rewritten = encoder.rewritten(entry, bytes, base);
    if (rewritten === 'expired') {
      this.tally.expired++;
      return;
    }
    if (rewritten === 'unknown type') {
      this.#fail(entry, 'the target has no type that could hold it');
      return;
    }
    if (rewritten !== undefined) addLosses(this.tally.losses, rewritten.losses);
    const { batch, frame } = this.#openFor(size + (rewritten?.value.length ?? 0), slot);
    encoder.restore(entry, bytes, base, frame, rewritten);
    add(batch, frame.at, at, slot);
  }

  /** Sends what has been encoded so far. */
  flush(): void {
    this.#closeGroup();
    for (let master = 0; master < this.#open.length; master++) this.#submit(master);
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
    for (let i = from; i < to; i++) keys += keysOf(batch.marks[i] as Mark);
    this.#wrote(keys);
    this.sentTo.add(batch.sentTo);
    this.#answered(to - from);
  }

  onReply(batch: Batch, index: number, reply: Reply): void {
    const mark = batch.marks[index] as Mark;
    const uncertain = batch.isUncertain(index);
    this.sentTo.add(batch.sentTo);
    if (typeof mark === 'number') this.#singleReply({ at: mark, db: batch.sourceDb }, uncertain, reply);
    else this.#groupReply(mark, batch, uncertain, reply);
    this.#answered(1);
  }

  /** The record at a place. */
  entryAt({ at, db }: RecordPlace): RdbScanner {
    const { bytes, base, state } = this.#chunk;
    const scanner = new RdbScanner({ from: { ...state, offset: base + at, db }, crc: false });
    scanner.feed(bytes, at);
    if (scanner.next() !== ScanEvent.KEY) throw new Error(`no key's record begins at ${base + at}`);
    return scanner;
  }

  /** The error of a key that exists under `panic`. */
  conflict(record: RecordPlace, changed: boolean): TargetError {
    const key = this.#key(this.entryAt(record));
    return keyExists(key, this.#context.mapDb(record.db), this.#context.targetName, changed);
  }

  #singleReply(record: RecordPlace, uncertain: boolean, reply: Reply): void {
    const exists = reply === null || (reply instanceof ErrorReply && reply.code === 'BUSYKEY');
    if (exists) this.#exists(record, uncertain);
    else if (reply instanceof ErrorReply) this.#refused(record, reply);
    else this.#stop(unfitting(this.#context.targetName));
  }

  /** MSETNX says 1 for all or 0 for none. */
  #groupReply(records: readonly number[], batch: Batch, uncertain: boolean, reply: Reply): void {
    if (reply === 1n) {
      this.#wrote(records.length);
    } else if (reply === 0n) {
      this.#gathers = false;
      this.#sendOneByOne(records, batch, uncertain);
    } else if (reply instanceof ErrorReply) {
      this.#stop(this.#refusal({ at: records[0] as number, db: batch.sourceDb }, reply));
    } else {
      this.#stop(unfitting(this.#context.targetName));
    }
  }

  /** A group was refused because one of its keys exists: each on its own tells which. */
  #sendOneByOne(records: readonly number[], group: Batch, uncertain: boolean): void {
    const { encoder, writer } = this.#context;
    const { bytes, base } = this.#chunk;
    const entries = records.map((at) => this.entryAt({ at, db: group.sourceDb }));
    const size = entries.reduce((sum, entry) => sum + this.#sizeOf(entry), 0);
    const batch = new Batch(this, group, writer.buffer(size));
    const frame = new FrameWriter(batch.bytes);
    for (const [i, entry] of entries.entries()) {
      encoder.set(entry, bytes, base, frame);
      batch.add(frame.at, records[i] as number);
    }
    if (uncertain) batch.uncertainTo = batch.commands;
    this.#outstanding += batch.commands;
    writer.submit(batch);
  }

  #exists(record: RecordPlace, uncertain: boolean): void {
    const { policy } = this.#context;
    if (this.attempt === 'confirmed') this.tally.already++;
    else if (uncertain || this.attempt === 'unsure') this.suspects.push(record);
    else if (policy === 'skip') this.tally.skipped++;
    else this.#stop(this.conflict(record, false));
  }

  #refused(record: RecordPlace, reply: ErrorReply): void {
    if (stopsTheJob(reply)) {
      this.#stop(this.#refusal(record, reply));
      return;
    }
    const entry = this.entryAt(record);
    if (NOT_THIS_PAYLOAD.test(reply.text) && hasParts(entry.type as ValueType)) {
      this.byCommands.push({ record, reason: reply.text });
    } else {
      this.#fail(entry, reply.text);
    }
  }

  #fail(entry: RdbScanner, reason: string): void {
    const key = Buffer.from(this.#key(entry));
    this.tally.failed.push({ db: this.#context.mapDb(entry.db), key, type: entry.type?.name ?? '', reason });
  }

  #refusal(record: RecordPlace, reply: ErrorReply): TargetError {
    const key = quoteKey(this.#key(this.entryAt(record)));
    const { targetName, mapDb } = this.#context;
    return refusal(reply, { where: `${targetName}, db ${mapDb(record.db)}, key ${key}` });
  }

  #wrote(keys: number): void {
    this.tally.written += keys;
    this.#context.onWritten(keys);
  }

  #answered(commands: number): void {
    this.#outstanding -= commands;
    if (this.#outstanding === 0) this.#idle?.();
  }

  #stop(error: KeyferryError): void {
    this.#failure ??= error;
    this.#context.writer.fail(error);
  }

  #key(entry: RdbScanner): Buffer {
    return this.#context.encoder.key(entry, this.#chunk.bytes, this.#chunk.base);
  }

  /** The most bytes that the record's command can take. */
  #sizeOf(entry: RdbScanner): number {
    const growth = this.#context.encoder.keyGrowth(entry, this.#chunk.bytes, this.#chunk.base);
    return entry.recordEnd - entry.recordStart + growth + COMMAND_OVERHEAD_BYTES;
  }

  #gather(group: StringGroup, entry: RdbScanner, size: number, at: number): void {
    if (group.isFullFor(size)) this.#closeGroup();
    group.add(entry, this.#context.encoder, this.#chunk.bytes, this.#chunk.base, at);
  }

  #closeGroup(): void {
    const group = this.#group;
    if (group === undefined || group.empty) return;
    const { batch, frame } = this.#openFor(GROUP_BYTES, undefined);
    const records = group.writeTo(frame);
    add(batch, frame.at, records, undefined);
  }

  /** The batch for a slot's master, with room for `size` bytes more; the one so far goes out when it has none. */
  #openFor(size: number, slot: number | undefined): { batch: Batch; frame: FrameWriter } {
    const { writer, mapDb } = this.#context;
    const master = slot === undefined ? 0 : writer.fleet.masterOf(slot);
    const open = this.#open[master];
    if (open !== undefined && open.frame.room >= size) return open;
    this.#submit(master);
    const bytes = writer.buffer(size);
    const batch = new Batch(this, { db: mapDb(this.#db), sourceDb: this.#db }, bytes);
    const fresh = { batch, frame: new FrameWriter(bytes) };
    this.#open[master] = fresh;
    return fresh;
  }

  #submit(master: number): void {
    const open = this.#open[master];
    if (open === undefined) return;
    this.#open[master] = undefined;
    this.#outstanding += open.batch.commands;
    this.#submitted = true;
    this.#context.writer.submit(open.batch);
  }
}

function add(batch: Batch, end: number, mark: Mark, slot: number | undefined): void {
  // Writes beyond a buffer are dropped silently: a size that was reckoned wrong must not go out as half a command.
  if (end > batch.bytes.length) throw new Error(`a command of ${end} bytes outgrew its buffer`);
  batch.add(end, mark, slot);
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
