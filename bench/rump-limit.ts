// What a rump can be at best: SCAN, DUMP, PEXPIRETIME and RESTORE, pipelined, bytes handed on as they come, and no question
// asked. `node bench/rump-limit.ts SOURCE_PORT TARGET_PORT`, on loopback, database 0.
import { connect, type Socket } from 'node:net';

const COUNT = 1000;
/** Unanswered bytes from which on the target is waited for. */
const IN_FLIGHT_BYTES = 2 * 1024 * 1024;

const CRLF = '\r\n';
const bulk = (text: string): string => `$${text.length}${CRLF}${text}${CRLF}`;

/** Reads replies of the few shapes that come: what it needs of each is where it begins and ends. */
class Replies {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  feed(piece: Buffer): void {
    this.#bytes = this.#at === this.#bytes.length ? piece : Buffer.concat([this.#bytes.subarray(this.#at), piece]);
    this.#at = 0;
  }

  /** The next reply, `undefined` when not all of it is there: a bulk string, a number as text, or an array. */
  next(): Buffer | Buffer[] | null | undefined {
    const start = this.#at;
    const reply = this.#parse();
    if (reply === undefined) this.#at = start;
    return reply;
  }

  #parse(): Buffer | Buffer[] | null | undefined {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) return undefined;
    const kind = this.#bytes[this.#at];
    let number = 0;
    for (let at = this.#at + 1; at < end - 1; at++) number = number * 10 + (this.#bytes[at] as number) - 0x30;
    const line = this.#bytes.subarray(this.#at + 1, end - 1);
    this.#at = end + 1;
    if (kind === 0x24) {
      if (line[0] === 0x2d) return null;
      if (this.#at + number + 2 > this.#bytes.length) return undefined;
      const value = this.#bytes.subarray(this.#at, this.#at + number);
      this.#at += number + 2;
      return value;
    }
    if (kind !== 0x2a) return line;
    const items: Buffer[] = [];
    for (let left = number; left > 0; left--) {
      const item = this.#parse();
      if (item === undefined) return undefined;
      if (Array.isArray(item)) items.push(...item);
      else if (item !== null) items.push(item);
    }
    return items;
  }
}

class Copy {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #replies = new Replies();
  /** Keys whose answers are owed, `scan` where a page is. */
  readonly #owed: (Buffer | 'scan')[] = [];
  #dump: Buffer | null | undefined;
  #out: Buffer[] = [];
  #outBytes = 0;
  #sent = 0;
  #answered = 0;
  #inFlight: number[] = [];
  #inFlightBytes = 0;
  #partial = 0;
  #scanned = false;

  constructor(source: Socket, target: Socket) {
    this.#source = source;
    this.#target = target;
    source.on('data', (piece) => this.#read(piece));
    target.on('data', (piece) => this.#confirm(piece));
    this.#ask('0', []);
  }

  /** The next page goes ahead of the values of this one, so that the source has work meanwhile. */
  #ask(cursor: string, keys: readonly Buffer[]): void {
    const pieces: string[] = [];
    if (cursor !== '') {
      pieces.push(`*4${CRLF}${bulk('SCAN')}${bulk(cursor)}${bulk('COUNT')}${bulk(String(COUNT))}`);
      this.#owed.push('scan');
    }
    for (const key of keys) {
      const name = bulk(key.toString('latin1'));
      pieces.push(`*2${CRLF}${bulk('DUMP')}${name}*2${CRLF}${bulk('PEXPIRETIME')}${name}`);
      this.#owed.push(key);
    }
    this.#source.write(pieces.join(''), 'latin1');
  }

  #read(piece: Buffer): void {
    this.#replies.feed(piece);
    for (let reply = this.#replies.next(); reply !== undefined; reply = this.#replies.next()) {
      const owed = this.#owed[0];
      if (owed === 'scan') {
        this.#owed.shift();
        const [cursor, ...keys] = reply as Buffer[];
        const next = String(cursor);
        this.#scanned = next === '0';
        this.#ask(this.#scanned ? '' : next, keys);
      } else if (this.#dump === undefined) {
        this.#dump = reply as Buffer | null;
      } else {
        this.#owed.shift();
        if (this.#dump !== null) this.#restore(owed as Buffer, this.#dump, String(reply));
        this.#dump = undefined;
      }
    }
    this.#flush();
    this.#endIfDone();
  }

  #restore(key: Buffer, dump: Buffer, expiry: string): void {
    const volatile = expiry !== '-1';
    const head = `*${volatile ? 5 : 4}${CRLF}${bulk('RESTORE')}$${key.length}${CRLF}`;
    const middle = `${CRLF}${bulk(volatile ? expiry : '0')}$${dump.length}${CRLF}`;
    const tail = volatile ? `${CRLF}${bulk('ABSTTL')}` : CRLF;
    const frame = Buffer.allocUnsafe(head.length + key.length + middle.length + dump.length + tail.length);
    let at = frame.write(head, 0, 'latin1');
    at += key.copy(frame, at);
    at += frame.write(middle, at, 'latin1');
    at += dump.copy(frame, at);
    frame.write(tail, at, 'latin1');
    this.#out.push(frame);
    this.#outBytes += frame.length;
    this.#inFlight.push(frame.length);
    this.#sent++;
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    this.#target.write(Buffer.concat(this.#out, this.#outBytes));
    this.#inFlightBytes += this.#outBytes;
    this.#out = [];
    this.#outBytes = 0;
    if (this.#inFlightBytes > IN_FLIGHT_BYTES) this.#source.pause();
  }

  /** All answers are +OK, five bytes each. */
  #confirm(piece: Buffer): void {
    if (piece.includes(0x2d)) throw new Error(piece.toString());
    this.#partial += piece.length;
    const count = Math.floor(this.#partial / 5);
    this.#partial -= 5 * count;
    for (let i = 0; i < count; i++) this.#inFlightBytes -= this.#inFlight[this.#answered++] as number;
    if (this.#inFlightBytes < IN_FLIGHT_BYTES / 2) this.#source.resume();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#scanned || this.#owed.length > 0 || this.#answered < this.#sent) return;
    this.#source.end();
    this.#target.end();
  }
}

const [source, target] = process.argv
  .slice(2)
  .map((port) => connect({ host: '127.0.0.1', port: Number(port), noDelay: true }));
new Copy(source as Socket, target as Socket);
