// A run of encoded commands for one socket, with enough beside the bytes to match every reply to its record.
import type { ErrorReply, Reply } from '../resp/reply-reader.ts';

/** Who made the commands and wants to hear of them. */
export interface BatchOwner {
  /** Commands `from` to `to` (exclusive) of the batch were answered +OK. */
  onOk(batch: Batch, from: number, to: number): void;
  /** Command `index` was answered otherwise; not with an error that passes by itself, which is retried. */
  onReply(batch: Batch, index: number, reply: Reply): void;
}

/** What a command writes: one record or, for MSET, several. Records go by the owner's own numbers. */
export type Mark = number | readonly number[];

/** Keys that a command with this mark writes. */
export const keysOf = (mark: Mark): number => (typeof mark === 'number' ? 1 : mark.length);

export class Batch {
  readonly owner: BatchOwner;
  /** The target's database, and the one that the records come from. */
  readonly db: number;
  readonly sourceDb: number;
  /** The commands, one after another: `bytes[0, length)`. */
  readonly bytes: Buffer;
  length = 0;
  /** Where each command ends. */
  readonly ends: number[] = [];
  readonly marks: Mark[] = [];
  /** The slot of each command's key; empty where nothing depends on slots. */
  readonly slots: number[] = [];
  /** The command whose reply comes next. */
  answered = 0;
  /** Up to here the commands were sent before a connection broke: the server may or may not have run them. */
  uncertainTo = 0;
  /** The server that it went to last, by its shown endpoint. */
  sentTo = '';
  /** Its one command goes behind an ASKING: the slot is on its way to that server. */
  asking = false;
  /** How often its one command was sent on to another server. */
  redirects = 0;

  constructor(owner: BatchOwner, dbs: { db: number; sourceDb: number }, bytes: Buffer) {
    this.owner = owner;
    this.db = dbs.db;
    this.sourceDb = dbs.sourceDb;
    this.bytes = bytes;
  }

  get commands(): number {
    return this.ends.length;
  }

  /** Notes that a command now ends at `end`; its slot, where that matters. */
  add(end: number, mark: Mark, slot?: number | undefined): void {
    this.ends.push(end);
    this.marks.push(mark);
    if (slot !== undefined) this.slots.push(slot);
    this.length = end;
  }

  isUncertain(index: number): boolean {
    return index < this.uncertainTo;
  }

  /** The bytes of all commands that have no reply yet. */
  unanswered(): Buffer {
    const from = this.answered === 0 ? 0 : (this.ends[this.answered - 1] as number);
    return this.bytes.subarray(from, this.length);
  }

  /** A batch of one of this one's commands, on bytes of its own. */
  extract(index: number): Batch {
    const span = this.bytes.subarray(index === 0 ? 0 : this.ends[index - 1], this.ends[index]);
    const copy = new Batch(this.owner, this, Buffer.from(span));
    copy.add(span.length, this.marks[index] as Mark, this.slots[index]);
    copy.redirects = this.redirects;
    copy.uncertainTo = this.isUncertain(index) ? 1 : 0;
    return copy;
  }
}

/** True for answers that name, or imply, another server: the command was not run, and goes there. */
export function redirects({ code }: ErrorReply): boolean {
  return code === 'MOVED' || code === 'ASK' || code === 'READONLY';
}

const PASSING = new Set(['LOADING', 'BUSY', 'MASTERDOWN', 'TRYAGAIN', 'CLUSTERDOWN']);

/**
 * True for errors that pass by themselves: the command was not run, and is sent again after a while. A server whose
 * clients are too many says so unasked, and hangs up.
 */
export function passes(error: ErrorReply): boolean {
  return PASSING.has(error.code) || error.text.startsWith('ERR max number of clients');
}
