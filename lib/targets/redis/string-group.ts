// Plain strings gathered into one MSET or MSETNX, which costs a server half of what it costs to take them one by one.
import type { RdbScanner } from '../../rdb/scanner.ts';
import { ascii, FrameWriter } from '../../resp/frame-writer.ts';
import { COMMAND_OVERHEAD_BYTES, type EntryEncoder } from './entry-encoder.ts';

/** Strings in one command, at most: more save the server nothing, and hold up its other clients. */
const MOST_KEYS = 50;
/** Bytes of one command's arguments, at most. */
const MOST_BYTES = 16 * 1024;

/** A record from here on goes on its own; bytes, {@link COMMAND_OVERHEAD_BYTES} included. */
export const GROUPED_RECORD_BYTES = MOST_BYTES / 4;

/** What a group's command takes at most; bytes. */
export const GROUP_BYTES = MOST_BYTES + COMMAND_OVERHEAD_BYTES;

export class StringGroup {
  readonly #head: Buffer;
  readonly #arguments = new FrameWriter(Buffer.allocUnsafe(MOST_BYTES));
  #records: number[] = [];

  constructor(command: 'MSET' | 'MSETNX') {
    this.#head = ascii(`$${command.length}\r\n${command}\r\n`);
  }

  get empty(): boolean {
    return this.#records.length === 0;
  }

  /** True when a record of that size has to wait for the next group. */
  isFullFor(size: number): boolean {
    return this.#records.length >= MOST_KEYS || this.#arguments.room < size;
  }

  /** Adds a record, which stands at `at` in the chunk. There must be room for it. */
  add(entry: RdbScanner, encoder: EntryEncoder, bytes: Buffer, base: number, at: number): void {
    encoder.pair(entry, bytes, base, this.#arguments);
    this.#records.push(at);
  }

  /** Writes the command and begins anew. Gives where its records stand. */
  writeTo(frame: FrameWriter): number[] {
    const records = this.#records;
    this.#records = [];
    frame.array(1 + 2 * records.length);
    frame.raw(this.#head);
    frame.copy(this.#arguments.buffer, 0, this.#arguments.at);
    this.#arguments.at = 0;
    return records;
  }
}
