// Reads RESP2 replies from a stream of bytes, whatever way it is cut, fast where replies are +OK one after another.
import { KeyferryError } from '../errors.ts';

/** An error reply, without its leading `-`: `BUSYKEY Target key name already exists.` */
export class ErrorReply {
  readonly text: string;
  /** @param text the server's words; what would steer a terminal is taken out */
  constructor(text: string) {
    this.text = text.replace(/\p{C}/gu, '?');
  }
  /** The first word, such as `BUSYKEY`. */
  get code(): string {
    const space = this.text.indexOf(' ');
    return space < 0 ? this.text : this.text.slice(0, space);
  }
}

/** Simple strings and bulk strings come as Buffers, integers as bigint, nil as null. */
export type Reply = Buffer | bigint | null | ErrorReply | Reply[];

export interface ReplyHandler {
  /** `count` replies in a row were `+OK`. */
  ok(count: number): void;
  /** Any other reply. */
  reply(reply: Reply): void;
}

/** The peer sent what is no RESP. */
export class ProtocolError extends KeyferryError {}

const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
/** A number of so many digits is exact as a double. */
const SHORT_DIGITS = 15;
const MAX_DEPTH = 8;
/** A simple reply line longer than this is no reply of a server; bytes. */
const MAX_LINE_BYTES = 64 * 1024;
/** proto-max-bulk-len's default, which bounds what a server can hold in one string; bytes. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;

/** A parser that is fed and calls back. */
export class ReplyReader {
  readonly #handler: ReplyHandler;
  #rest: Buffer | undefined;
  /** Bytes that the pending reply needs at least, counted from its beginning. */
  #needed = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #at = 0;

  constructor(handler: ReplyHandler) {
    this.#handler = handler;
  }

  /** @throws {ProtocolError} `RESP_PROTOCOL` when the bytes are no RESP2 */
  feed(piece: Buffer): void {
    let bytes = piece;
    if (this.#rest !== undefined) {
      // A large bulk reply arrives in many pieces: they are joined once it can be complete, not each time.
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
      if (this.#rest.length + this.#waitingBytes < this.#needed) return;
      bytes = Buffer.concat([this.#rest, ...this.#waiting]);
      this.#rest = undefined;
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
    let at = 0;
    const end = bytes.length;
    while (at < end) {
      let oks = 0;
      while (
        at + 5 <= end &&
        bytes[at] === 0x2b &&
        bytes[at + 1] === 0x4f &&
        bytes[at + 2] === 0x4b &&
        bytes[at + 3] === CR &&
        bytes[at + 4] === LF
      ) {
        at += 5;
        oks++;
      }
      if (oks > 0) this.#handler.ok(oks);
      if (at >= end) return;
      this.#at = at;
      this.#needed = 0;
      const reply = this.#parse(bytes, 0);
      if (reply === undefined) {
        this.#rest = at === 0 ? bytes : bytes.subarray(at);
        this.#needed = Math.max(this.#needed - at, 0);
        return;
      }
      at = this.#at;
      if (reply instanceof Buffer && reply.length === 2 && reply[0] === 0x4f && reply[1] === 0x4b) this.#handler.ok(1);
      else this.#handler.reply(reply);
    }
  }

  /** Parses the reply at #at and moves behind it; `undefined` when it is not complete. */
  #parse(bytes: Buffer, depth: number): Reply | undefined {
    const start = this.#at;
    const kind = bytes[start] as number;
    const number = kind === INTEGER || kind === BULK || kind === ARRAY ? this.#takeShort(bytes) : undefined;
    if (number === undefined) return this.#parseLine(bytes, start, kind, depth);
    if (kind === INTEGER) return BigInt(number);
    return kind === BULK ? this.#bulk(bytes, number) : this.#array(bytes, number, depth);
  }

  /** The number of a line that is all there, and short: most are, and need no view of their own. Moves behind the line. */
  #takeShort(bytes: Buffer): number | undefined {
    let at = this.#at + 1;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    const end = Math.min(bytes.length, first + SHORT_DIGITS);
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === first || bytes[at] !== CR || bytes[at + 1] !== LF) return undefined;
    this.#at = at + 2;
    return negative ? -value : value;
  }

  #parseLine(bytes: Buffer, start: number, kind: number, depth: number): Reply | undefined {
    const eol = bytes.indexOf(LF, start);
    if (eol < 0) {
      if (bytes.length - start > MAX_LINE_BYTES) throw protocol('a line without an end');
      return undefined;
    }
    if (eol < start + 1 || bytes[eol - 1] !== CR) throw protocol('a line without CR');
    const line = bytes.subarray(start + 1, eol - 1);
    this.#at = eol + 1;
    switch (kind) {
      case 0x2b:
        return line;
      case 0x2d:
        return new ErrorReply(line.toString('utf8'));
      case INTEGER:
        return integer(line);
      case BULK:
        return this.#bulk(bytes, Number(integer(line)));
      case ARRAY:
        return this.#array(bytes, Number(integer(line)), depth);
    }
    throw protocol(`a reply that begins with 0x${kind.toString(16)}`);
  }

  #bulk(bytes: Buffer, length: number): Reply | undefined {
    if (length === -1) return null;
    if (length < 0 || length > MAX_BULK_BYTES + 1024) throw protocol(`a bulk length of ${length}`);
    const end = this.#at + length + 2;
    if (end > bytes.length) {
      this.#needed = end;
      return undefined;
    }
    const bulk = bytes.subarray(this.#at, end - 2);
    this.#at = end;
    return bulk;
  }

  #array(bytes: Buffer, count: number, depth: number): Reply | undefined {
    if (count === -1) return null;
    if (count < 0 || depth >= MAX_DEPTH) throw protocol(`an array of ${count} at depth ${depth}`);
    const items: Reply[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.#parse(bytes, depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

function integer(line: Buffer): bigint {
  const text = line.toString('latin1');
  if (!/^-?\d{1,19}$/.test(text)) throw protocol(`the number ${JSON.stringify(text.slice(0, 32))}`);
  return BigInt(text);
}

function protocol(what: string): ProtocolError {
  return new ProtocolError('RESP_PROTOCOL', `the server sent ${what}, which is no RESP2.`, {
    remedy: 'Is this the port of a Redis or Valkey server, without TLS?',
  });
}
