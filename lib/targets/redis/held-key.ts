// Questions to the target about a key that it holds, in requests of bounded size.
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { ControlReply } from '../../redis/control.ts';
import type { KeyControl } from '../../redis/key-control.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';

/** Whether something of ours is on the target, too. Asked when it is called. */
export type Check = () => Promise<boolean>;

/** Compares what the target holds with a value that comes in parts. */
export interface Comparison {
  /** What to check of the next part; in which order that is answered is all one. */
  checks(part: ValuePart): Iterable<Check>;
  /** After all checks have held: the target has nothing more than that. */
  complete(): Promise<boolean>;
}

/** The key is not, or no longer, what was asked about. */
export class NotHeld extends Error {}

/** About how many bytes of elements a request asks about. One element may be more. */
export const REQUEST_BYTES = 1024 * 1024;
/** With name, key and options a request has fewer than 1,000 arguments. */
const MOST_ELEMENTS = 900;
/** What an element counts besides its bytes: framing, and the object that its reply becomes. */
const ELEMENT_BYTES = 64;

export class HeldKey {
  readonly key: Buffer;
  readonly #db: number;
  readonly #control: KeyControl;

  constructor({ key, db, control }: { key: Buffer; db: number; control: KeyControl }) {
    this.key = key;
    this.#db = db;
    this.#control = control;
  }

  /**
   * @param name of a command that changes nothing; the key is not added to its arguments
   * @throws {NotHeld} where there is no such key or group, or the key is of another type
   * @throws {TargetError} what any other refusal means
   */
  async ask(name: string, ...args: (string | Buffer | number)[]): Promise<ControlReply> {
    const reply = await this.#control.answer(this.key, this.#db, name, ...args);
    if (!(reply instanceof ErrorReply)) return reply;
    const { code, text } = reply;
    if (code === 'WRONGTYPE' || code === 'NOGROUP' || text.startsWith('ERR no such key')) throw new NotHeld(text);
    // Asked again, the control says itself what the refusal means, and where it met it.
    return this.#control.call(this.key, this.#db, name, ...args);
  }
}

/** Spreads elements over requests. `most`: elements in one. */
export function* requests<T>(
  elements: readonly T[],
  bytesOf: (element: T) => number,
  most = MOST_ELEMENTS,
): Generator<readonly T[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, element] of elements.entries()) {
    const size = bytesOf(element) + ELEMENT_BYTES;
    if (at > from && (at - from === most || bytes + size > REQUEST_BYTES)) {
      yield elements.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < elements.length) yield elements.slice(from);
}

/** True for a bulk string of just these bytes. */
export function isBytes(reply: ControlReply | undefined, bytes: Buffer): boolean {
  return Buffer.isBuffer(reply) && reply.equals(bytes);
}

/** The n-th of a reply that is a list. */
export function nth(reply: ControlReply | undefined, n: number): ControlReply | undefined {
  return Array.isArray(reply) ? reply[n] : undefined;
}

/** Numbers and bulk strings as text, a character for each byte; `undefined` for all else. */
export function textOf(reply: ControlReply | undefined): string | undefined {
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : typeof reply === 'string' ? reply : undefined;
}

/** A part that the value of this kind can't have: who called mixed up two values. */
export function strayPart(part: ValuePart, kind: string): Error {
  return new Error(`a ${kind} has no part of the kind ${part.kind}`);
}
