// Reads a value by the commands of its type, where DUMP is refused or would be too large, and encodes it.
import { KeyferryError } from '../../errors.ts';
import { encodeValue } from '../../rdb/encode.ts';
import type { TypedValue, TypeSupport } from '../../rdb/reencode.ts';
import type { ValueKind } from '../../rdb/types.ts';
import type { HashField, LogicalValue, ZsetEntry } from '../../rdb/value.ts';
import { passes } from '../../redis/batch.ts';
import { type Command, type CommandPipe, PipeBroken } from '../../redis/command-pipe.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';
import { readStream } from './stream-by-type.ts';

/** `unread`: why it can't be read. */
export type ValueRead = (TypedValue & { readonly value: Buffer }) | 'gone' | 'filtered' | { readonly unread: string };

export type ReadValue = (
  pipe: CommandPipe,
  key: Buffer,
  kinds: ReadonlySet<ValueKind> | undefined,
) => Promise<ValueRead>;

/** Elements that are asked for at once. */
export const PAGE_ELEMENTS = 500;
const STRING_PIECE_BYTES = 4 * 1024 * 1024;

/** A command was refused that is needed. */
export class Refused extends Error {}

/** Asks one question after another about one key. */
export type Ask = (...command: Command) => Promise<Reply>;

/**
 * Reads a value whole, in bounded replies. It is no value of one moment where somebody writes to it meanwhile.
 *
 * @param support what the server knows of types: the value is written as it would write it
 * @throws {PipeBroken}
 */
export async function readByType(
  pipe: CommandPipe,
  key: Buffer,
  { kinds, support }: { kinds: ReadonlySet<ValueKind> | undefined; support: TypeSupport | undefined },
): Promise<ValueRead> {
  const ask: Ask = async (...command) => {
    const [reply] = await pipe.send([command]);
    if (!(reply instanceof ErrorReply)) return reply as Reply;
    if (passes(reply)) throw new PipeBroken(reply.text);
    throw new Refused(`${command[0]}: ${reply.text}`);
  };
  try {
    const kind = String(await ask('TYPE', key));
    if (kind === 'none') return 'gone';
    if (kinds !== undefined && !kinds.has(kind as ValueKind)) return 'filtered';
    const read = READERS[kind];
    if (read === undefined) return { unread: `no command reads a value of type ${kind}` };
    const value = await read(ask, key);
    return value === undefined ? 'gone' : { ...encodeValue(value, { support }) };
  } catch (error) {
    if (error instanceof Refused) return { unread: error.message };
    // The value has changed while it was read, so that its parts do not fit.
    if (error instanceof KeyferryError || error instanceof RangeError) return { unread: error.message };
    throw error;
  }
}

const READERS: Readonly<Record<string, (ask: Ask, key: Buffer) => Promise<LogicalValue | undefined>>> = {
  string: readString,
  list: readList,
  set: readSet,
  zset: readZset,
  hash: readHash,
  stream: readStream,
};

async function readString(ask: Ask, key: Buffer): Promise<LogicalValue> {
  const pieces: Buffer[] = [];
  const length = Number(await ask('STRLEN', key));
  for (let at = 0; at < length; at += STRING_PIECE_BYTES) {
    const end = Math.min(length, at + STRING_PIECE_BYTES) - 1;
    pieces.push((await ask('GETRANGE', key, String(at), String(end))) as Buffer);
  }
  return { kind: 'string', bytes: Buffer.concat(pieces) };
}

async function readList(ask: Ask, key: Buffer): Promise<LogicalValue | undefined> {
  const items: Buffer[] = [];
  for (;;) {
    const page = (await ask('LRANGE', key, String(items.length), String(items.length + PAGE_ELEMENTS - 1))) as Buffer[];
    for (const item of page) items.push(Buffer.from(item));
    if (page.length < PAGE_ELEMENTS) break;
  }
  return items.length === 0 ? undefined : { kind: 'list', items };
}

/** Pages of SSCAN, ZSCAN or HSCAN, copied: an element may come twice. */
async function* scanned(ask: Ask, name: string, key: Buffer): AsyncGenerator<Buffer[], void, undefined> {
  let cursor = '0';
  do {
    const [next, page] = (await ask(name, key, cursor, 'COUNT', String(PAGE_ELEMENTS))) as [Buffer, Buffer[]];
    yield page.map((item) => Buffer.from(item));
    cursor = next.toString('latin1');
  } while (cursor !== '0');
}

async function readSet(ask: Ask, key: Buffer): Promise<LogicalValue | undefined> {
  const members = new Map<string, Buffer>();
  for await (const page of scanned(ask, 'SSCAN', key)) {
    for (const member of page) members.set(member.toString('latin1'), member);
  }
  return members.size === 0 ? undefined : { kind: 'set', members: [...members.values()] };
}

async function readZset(ask: Ask, key: Buffer): Promise<LogicalValue | undefined> {
  const entries = new Map<string, ZsetEntry>();
  for await (const page of scanned(ask, 'ZSCAN', key)) {
    for (let i = 0; i + 1 < page.length; i += 2) {
      const member = page[i] as Buffer;
      entries.set(member.toString('latin1'), { member, score: scoreOf(String(page[i + 1])) });
    }
  }
  return entries.size === 0 ? undefined : { kind: 'zset', entries: [...entries.values()] };
}

/** Servers write 17 digits, which are exact, or `inf`. */
function scoreOf(text: string): number {
  if (/^[+-]?inf/.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

async function readHash(ask: Ask, key: Buffer): Promise<LogicalValue | undefined> {
  const fields = new Map<string, HashField>();
  let expires = true;
  for await (const page of scanned(ask, 'HSCAN', key)) {
    const names = page.filter((_, i) => i % 2 === 0);
    const times: bigint[] | undefined = expires ? await fieldTimes(ask, key, names) : undefined;
    expires = times !== undefined;
    for (const [i, field] of names.entries()) {
      const time = times?.[i] ?? NO_EXPIRY;
      if (time === NO_FIELD) continue;
      const expireAt = time === NO_EXPIRY ? undefined : time;
      fields.set(field.toString('latin1'), { field, value: page[2 * i + 1] as Buffer, expireAt });
    }
  }
  return fields.size === 0 ? undefined : { kind: 'hash', fields: [...fields.values()] };
}

/** What HPEXPIRETIME says of a field that never expires, and of none. */
const NO_EXPIRY = -1n;
const NO_FIELD = -2n;

/** `undefined` where the server's fields do not expire. */
async function fieldTimes(ask: Ask, key: Buffer, names: readonly Buffer[]): Promise<bigint[] | undefined> {
  if (names.length === 0) return [];
  try {
    const times = await ask('HPEXPIRETIME', key, 'FIELDS', String(names.length), ...names);
    return times === null ? names.map(() => NO_FIELD) : (times as bigint[]);
  } catch (error) {
    if (error instanceof Refused && /unknown command/i.test(error.message)) return undefined;
    throw error;
  }
}
