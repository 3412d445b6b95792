// A run of encoded commands for one socket, with enough beside the bytes to match every reply to its record.
import type { ErrorReply, Reply } from '../resp/reply-reader.ts';

/** Who made the commands and wants to hear of them. */
export interface BatchOwner {
  /** Commands `from` to `to` (exclusive) of the batch were answered +OK. */
  onOk(batch: Batch, from: number, to: number): void;
  /** Command `index` was answered otherwise; not with an error that passes by itself, which is retried. */
  onReply(batch: Batch, index: number, reply: Reply): void;
}

export class Batch {
  readonly owner: BatchOwner;
  readonly db: number;
  /** The commands, one after another: `bytes[0, length)`. */
  readonly bytes: Buffer;
  length = 0;
  /** Where each command ends. */
  readonly ends: number[] = [];
  /** The owner's mark of each command: the offset of its record. */
  readonly tags: number[] = [];
  /** Keys that each command writes: 1, more for MSET. */
  readonly weights: number[] = [];
  /** The command whose reply comes next. */
  answered = 0;
  /** Up to here the commands were sent before a connection broke: the server may or may not have run them. */
  uncertainTo = 0;

  constructor(owner: BatchOwner, db: number, bytes: Buffer) {
    this.owner = owner;
    this.db = db;
    this.bytes = bytes;
  }

  get commands(): number {
    return this.ends.length;
  }

  /** Notes that a command now ends at `end`. */
  add(end: number, tag: number, weight: number): void {
    this.ends.push(end);
    this.tags.push(tag);
    this.weights.push(weight);
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

  /** A batch of some of this one's commands, on its own bytes. */
  extract(indexes: readonly number[]): Batch {
    const spans = indexes.map((i) => this.bytes.subarray(i === 0 ? 0 : this.ends[i - 1], this.ends[i]));
    const copy = new Batch(this.owner, this.db, Buffer.concat(spans));
    let end = 0;
    indexes.forEach((index, i) => {
      end += (spans[i] as Buffer).length;
      copy.add(end, this.tags[index] as number, this.weights[index] as number);
    });
    copy.uncertainTo = indexes.filter((index) => this.isUncertain(index)).length;
    return copy;
  }
}

/** Errors that pass by themselves: the command was not run, and is sent again after a while. */
const PASSING = new Set(['LOADING', 'BUSY', 'MASTERDOWN', 'TRYAGAIN', 'CLUSTERDOWN']);

export function passes(error: ErrorReply): boolean {
  return PASSING.has(error.code);
}
