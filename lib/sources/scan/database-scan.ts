// Scans one database of one node: asks for the next page of names while the values of the last ones are on their way.
import { parseDumpPayload } from '../../rdb/parse-payload.ts';
import type { TypeTable, ValueKind } from '../../rdb/types.ts';
import { passes } from '../../redis/batch.ts';
import { type Command, type CommandPipe, PipeBroken } from '../../redis/command-pipe.ts';
import type { RateLimit } from '../../redis/rate-limit.ts';
import { refusal } from '../../redis/refusals.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { askKeys, keyCommand } from './ask-keys.ts';
import type { PageSize } from './page-size.ts';
import type { ScanEntry, UnreadKey } from './scan-entry.ts';
import type { ReadValue } from './value-by-type.ts';

/** What one server lets itself be asked, and how. */
export interface NodeTerms {
  /** In errors. */
  readonly name: string;
  readonly types: TypeTable;
  /** The server tells expiries as times (7.0); else what is left of them. */
  readonly absolute: boolean;
  /** What it keeps for eviction and is to be taken along. */
  readonly access: 'idle' | 'freq' | undefined;
  /** Values are asked for their size first: from so many bytes on they are not read by one DUMP. */
  readonly dumpBytes: number | undefined;
  /** The command for a page of names. */
  scan(cursor: string, count: number): Command;
}

export interface DatabaseScanOptions {
  readonly terms: NodeTerms;
  readonly db: number;
  /** At least one; the first also asks for names. */
  readonly pipes: readonly CommandPipe[];
  readonly size: PageSize;
  readonly rate: RateLimit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** True for keys that are wanted, by their name. */
  readonly wants: ((key: Buffer) => boolean) | undefined;
  readonly kinds: ReadonlySet<ValueKind> | undefined;
  /** Reads a value by the commands of its type. */
  readonly readValue: ReadValue;
}

/** Names of a page, and where they came from. */
interface Names {
  readonly from: string;
  readonly to: string;
  readonly asked: readonly Asked[];
  readonly filtered: number;
}

/** A key, and what was asked of it before its value. */
interface Asked {
  readonly key: Buffer;
  /** Idle seconds or frequency. */
  readonly access: number | undefined;
  /** What it takes of the server's memory; 0 where that was not asked. */
  readonly bytes: number;
}

/** A page, or a piece of one: `to` is then its own `from`. */
export interface ReadPage {
  readonly from: string;
  readonly to: string;
  readonly entries: readonly ScanEntry[];
  readonly unread: readonly UnreadKey[];
  readonly filtered: number;
}

/** Where a scan is that has come to its end; a cursor of 0 is its beginning. */
export const SCANNED = 'end';

/** Pieces of pages whose values are on their way: the server always has work, and what is held stays bounded. */
const PIECES_UNDER_WAY = 6;
/** Of one piece. */
const PIECE_KEYS = 512;
const PIECE_BYTES = 1024 * 1024;

const DUMP = keyCommand(['DUMP']);
const PEXPIRETIME = keyCommand(['PEXPIRETIME']);
const PTTL = keyCommand(['PTTL']);
const IDLETIME = keyCommand(['OBJECT', 'IDLETIME']);
const FREQ = keyCommand(['OBJECT', 'FREQ']);
const USAGE = keyCommand(['MEMORY', 'USAGE']);

/** At the end of every DUMP payload. */
const CRC_BYTES = 8;
/** What PEXPIRETIME and PTTL say of a key that never expires, and of none. */
const NO_EXPIRY = -1n;
const NO_KEY = -2n;
/** The key is not this node's any more. */
const ELSEWHERE = new Set(['MOVED', 'ASK']);

export class DatabaseScan {
  readonly #options: DatabaseScanOptions;
  #turn = 0;

  constructor(options: DatabaseScanOptions) {
    this.#options = options;
  }

  /**
   * All pages from a cursor on.
   *
   * @throws {PipeBroken} when the connection is gone: the scan goes on from the last page's `to` over another one, if
   * that reaches the same process
   */
  async *pages(from: string): AsyncGenerator<ReadPage, void, undefined> {
    const reading: Promise<ReadPage>[] = [];
    let asking: Promise<Names> | undefined = this.#names(from);
    while (asking !== undefined) {
      const names: Names = await asking;
      // Before the values: the server then knows what comes next while it is busy with them.
      asking = names.to === SCANNED ? undefined : this.#names(names.to);
      asking?.catch(() => undefined); // it is told where it is awaited
      for (const piece of piecesOf(names)) {
        if (reading.length >= PIECES_UNDER_WAY) yield await (reading.shift() as Promise<ReadPage>);
        const page = this.#read(piece);
        page.catch(() => undefined); // likewise
        reading.push(page);
      }
    }
    for (const page of reading) yield await page;
  }

  /** Reads keys whose names come from elsewhere. */
  async *read(keys: readonly Buffer[], place: { from: string; to: string }): AsyncGenerator<ReadPage, void, undefined> {
    const names = await this.#asked(place.from, place.to, keys);
    for (const piece of piecesOf(names)) yield await this.#read(piece);
  }

  async #names(cursor: string): Promise<Names> {
    const { terms, pipes, size } = this.#options;
    const sentAt = performance.now();
    const [reply] = await (pipes[0] as CommandPipe).send([terms.scan(cursor, size.count)]);
    if (reply instanceof ErrorReply) this.#refused(reply, 'SCAN');
    const [next, keys] = Array.isArray(reply) ? reply : [];
    if (!Buffer.isBuffer(next) || !Array.isArray(keys)) throw new PipeBroken('SCAN was answered by something else');
    size.learn(performance.now() - sentAt);
    const to = next.toString('latin1');
    return this.#asked(cursor, to === '0' ? SCANNED : to, keys as Buffer[]);
  }

  /** Asks what a DUMP would change, and how large the values are. */
  async #asked(from: string, to: string, all: readonly Buffer[]): Promise<Names> {
    const { terms, wants, pipes } = this.#options;
    const keys = wants === undefined ? all : all.filter(wants);
    const place = { from, to, filtered: all.length - keys.length };
    const commands = [
      ...(terms.access === undefined ? [] : [terms.access === 'freq' ? FREQ : IDLETIME]),
      ...(terms.dumpBytes === undefined ? [] : [USAGE]),
    ];
    if (commands.length === 0) return { ...place, asked: keys.map((key) => ({ key, access: undefined, bytes: 0 })) };
    const replies = await (pipes[0] as CommandPipe).sendFramed(askKeys(keys, commands), keys.length * commands.length);
    const asked = keys.map((key, i): Asked => {
      const [first, last] = [replies[i * commands.length], replies[(i + 1) * commands.length - 1]];
      return {
        key,
        access: terms.access !== undefined && typeof first === 'bigint' ? Number(first) : undefined,
        bytes: terms.dumpBytes !== undefined && typeof last === 'bigint' ? Number(last) : 0,
      };
    });
    return { ...place, asked };
  }

  async #read({ asked, ...place }: Names): Promise<ReadPage> {
    const { rate, signal, pipes, terms } = this.#options;
    const page: OpenPage = { ...place, entries: [], unread: [] };
    if (asked.length === 0) return page;
    if (rate.limited) await rate.take(0, asked.length, signal);
    const pipe = pipes[this.#turn++ % pipes.length] as CommandPipe;
    const { dumpBytes = Number.POSITIVE_INFINITY } = terms;
    const bytes = await this.#dump(
      asked.filter((each) => each.bytes < dumpBytes),
      page,
      pipe,
    );
    for (const each of asked)
      if (each.bytes >= dumpBytes) await this.#byType(each, 'too large for one DUMP', page, pipe);
    if (rate.limited) await rate.take(bytes, 0, signal);
    return page;
  }

  /** @returns bytes of the values */
  async #dump(asked: readonly Asked[], page: OpenPage, pipe: CommandPipe): Promise<number> {
    const { absolute } = this.#options.terms;
    const keys = asked.map(({ key }) => key);
    const answered = pipe.sendFramed(askKeys(keys, [DUMP, absolute ? PEXPIRETIME : PTTL]), 2 * keys.length);
    // What is left of an expiry counts from the server's own time: some ms late rather than early.
    const time = absolute ? undefined : await pipe.send([['TIME']]);
    const replies = await answered;
    const now = this.#timeOf(time?.[0]);
    let bytes = 0;
    for (const [i, each] of asked.entries()) {
      const dump = replies[2 * i] as Reply;
      const expiry = this.#expiry(replies[2 * i + 1] as Reply, now);
      if (Buffer.isBuffer(dump) && expiry !== 'gone') {
        bytes += dump.length;
        this.#enter(each, dump, expiry, page);
      } else if (dump instanceof ErrorReply) {
        if (passes(dump)) throw new PipeBroken(dump.text);
        // Meanwhile it may have become another node's key: it is read where it is now.
        if (!ELSEWHERE.has(dump.code)) await this.#byType(each, dump.text, page, pipe);
      }
    }
    return bytes;
  }

  #enter({ key, access }: Asked, dump: Buffer, expireAt: bigint | undefined, page: OpenPage): void {
    const { db, terms, kinds } = this.#options;
    const parsed = parseDumpPayload(dump, terms.types);
    if (parsed === undefined) {
      page.unread.push({ db, key, reason: `its type, ${dump[0]}, is not known` });
      return;
    }
    const { type, value, meta } = parsed;
    if (kinds !== undefined && !kinds.has(type.kind)) {
      page.filtered++;
      return;
    }
    const crcAt = dump.length - CRC_BYTES;
    const [crcLow, crcHigh] = [dump.readUInt32LE(crcAt), dump.readUInt32LE(crcAt + 4)];
    const { idle, freq } = this.#attributes(access);
    page.entries.push({ db, key, type, value, meta, expireAt, idle, freq, crcLow, crcHigh });
  }

  /** The key is read in several steps: what changes it meanwhile may show in one and not in another. */
  async #byType({ key, access }: Asked, why: string, page: OpenPage, pipe: CommandPipe): Promise<void> {
    const { db, terms, kinds, readValue } = this.#options;
    const [now, time] = await pipe.send([['TIME'], [terms.absolute ? 'PEXPIRETIME' : 'PTTL', key]]);
    const expireAt = this.#expiry(time as Reply, this.#timeOf(now));
    if (expireAt === 'gone') return;
    const read = await readValue(pipe, key, kinds);
    if (read === 'gone') return;
    if (read === 'filtered') page.filtered++;
    else if ('unread' in read) page.unread.push({ db, key, reason: `${why}; ${read.unread}` });
    else page.entries.push({ db, key, ...read, expireAt, ...this.#attributes(access), crcLow: 0, crcHigh: 0 });
  }

  #attributes(access: number | undefined): { idle: number | undefined; freq: number | undefined } {
    return this.#options.terms.access === 'freq'
      ? { idle: undefined, freq: access }
      : { idle: access, freq: undefined };
  }

  /** Unix time in ms as TIME tells it; by our clock where it may not be asked. */
  #timeOf(reply: Reply | undefined): bigint {
    if (!Array.isArray(reply)) return BigInt(this.#options.clock.now());
    const [seconds, microseconds] = reply;
    return BigInt(String(seconds)) * 1000n + BigInt(String(microseconds)) / 1000n;
  }

  /** The absolute expiry in ms; `undefined` for none. */
  #expiry(reply: Reply, now: bigint): bigint | undefined | 'gone' {
    if (reply instanceof ErrorReply) {
      if (ELSEWHERE.has(reply.code)) return 'gone';
      this.#refused(reply, this.#options.terms.absolute ? 'PEXPIRETIME' : 'PTTL');
    }
    if (typeof reply !== 'bigint' || reply === NO_KEY) return 'gone';
    if (reply === NO_EXPIRY) return undefined;
    return this.#options.terms.absolute ? reply : now + reply;
  }

  /** @throws always: what passes by itself as a broken connection, the rest for good */
  #refused(reply: ErrorReply, command: string): never {
    if (passes(reply)) throw new PipeBroken(reply.text);
    throw refusal(reply, { where: this.#options.terms.name, command });
  }
}

/** A page that is being read. */
interface OpenPage {
  readonly from: string;
  readonly to: string;
  readonly entries: ScanEntry[];
  readonly unread: UnreadKey[];
  filtered: number;
}

/** A page in pieces that are read one by one. Only behind the last one the page is done with. */
function* piecesOf({ asked, from, to, filtered }: Names): Generator<Names> {
  let at = 0;
  let bytes = 0;
  for (let end = 0; end < asked.length; end++) {
    bytes += (asked[end] as Asked).bytes;
    if (end === at || (end - at < PIECE_KEYS && bytes <= PIECE_BYTES)) continue;
    yield { asked: asked.slice(at, end), from, to: from, filtered: 0 };
    at = end;
    bytes = (asked[end] as Asked).bytes;
  }
  yield { asked: asked.slice(at), from, to, filtered };
}
