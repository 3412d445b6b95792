// The error family: every failure that keyferry foresees has a class, a stable code, a place and a remedy.
import { formatCount } from './text/count.ts';

/** What each error carries besides its message. */
export interface ErrorDetails {
  /** Where it happened, in words: a byte offset, a key, a database, a server's address. Never a secret. */
  where?: string | undefined;
  /** What the reader should do next. One or two sentences. */
  remedy?: string | undefined;
  /** The error underneath. */
  cause?: unknown;
}

/**
 * The base of the family. `message` says what went wrong; `code` is stable across releases and is what scripts
 * compare with; `where` and `remedy` complete the sentence that a person reads.
 */
export class KeyferryError extends Error {
  readonly code: string;
  readonly where: string | undefined;
  readonly remedy: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.where = details.where;
    this.remedy = details.remedy;
  }

  /** The whole error as a person reads it: code, place, what happened, and on the next line what to do. */
  describe(): string {
    const head = this.where === undefined ? this.code : `${this.code} at ${this.where}`;
    const text = `${head}: ${this.message}`;
    return this.remedy === undefined ? text : `${text}\n${this.remedy}`;
  }
}

/** A command line or configuration that cannot be carried out as it stands. Exit code 1. */
export class UsageError extends KeyferryError {}

/** The local machine got in the way: a folder that is not writable, a full disk, a broken ledger. Exit code 1. */
export class LocalError extends KeyferryError {}

/** An input that cannot be opened, read, or told to be what it should be. Exit code 2. */
export class InputError extends KeyferryError {}

/** Where an RDB error was met. */
export interface RdbPlace {
  /** Byte offset in the RDB, counted from its magic. */
  offset: number;
  db?: number | undefined;
  /** The key whose record was being read, where it is known. */
  key?: Uint8Array | undefined;
  /** Total size of the RDB in bytes, where it is known. */
  size?: number | undefined;
}

/** RDB bytes that break the format's rules. Exit code 2. */
export class RdbError extends InputError {
  readonly offset: number;
  readonly db: number | undefined;
  readonly key: Uint8Array | undefined;

  constructor(code: string, message: string, place: RdbPlace, details: Omit<ErrorDetails, 'where'> = {}) {
    super(code, message, { ...details, where: describePlace(place) });
    this.offset = place.offset;
    this.db = place.db;
    this.key = place.key;
  }
}

/** The target refused: it is full, read-only, of the wrong role, forbids a command, or holds a conflicting key. Exit code 3. */
export class TargetError extends KeyferryError {}

/** The target could not be reached, or stayed out of reach beyond the deadline. Exit code 3. */
export class ConnectionError extends TargetError {}

/** The server that is read from refused, broke off, or sent what it should not. Exit code 3. */
export class SourceError extends KeyferryError {}

/** An object in S3 cannot be written. Nothing of it is visible under its name. Exit code 1. */
export class OutputError extends KeyferryError {}

/** The DynamoDB table in which jobs remember how far they got cannot be used, or says no. Exit code 1. */
export class StoreError extends KeyferryError {}

/** The job was told to stop before its end. Exit code 130. */
export class InterruptedError extends KeyferryError {}

function describePlace({ offset, db, key, size }: RdbPlace): string {
  const at = `byte ${formatCount(offset)}`;
  const of = size === undefined ? '' : ` of ${formatCount(size)}`;
  const context = [];
  if (db !== undefined) context.push(`db ${db}`);
  if (key !== undefined) context.push(`key ${quoteKey(key)}`);
  return context.length === 0 ? `${at}${of}` : `${at}${of} (${context.join(', ')})`;
}

const SHOWN_KEY_BYTES = 120;

/**
 * A key as text that is safe to print on one line: quoted, bytes outside printable ASCII and valid UTF-8 escaped as
 * `\xNN`, long ones cut.
 */
export function quoteKey(key: Uint8Array): string {
  const shown = key.length > SHOWN_KEY_BYTES ? key.subarray(0, characterEnd(key, SHOWN_KEY_BYTES)) : key;
  const tail = key.length > SHOWN_KEY_BYTES ? `… (${formatCount(key.length)} bytes)` : '';
  return `"${escapeBytes(shown)}"${tail}`;
}

/** The last place up to `at` where a character of UTF-8 ends; `at` in what is no UTF-8. */
function characterEnd(key: Uint8Array, at: number): number {
  let end = at;
  while (end > at - 3 && ((key[end] as number) & 0xc0) === 0x80) end--;
  return end;
}

function escapeBytes(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return [...text].map((character) => (isPlain(character) ? character : escapeCharacter(character))).join('');
  } catch {
    let text = '';
    for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? escapeAscii(byte) : hex(byte);
    return text;
  }
}

/** True for what prints as itself on one line: no control, format, surrogate or line-separating character. */
function isPlain(character: string): boolean {
  return character !== '"' && character !== '\\' && !/[\p{C}\p{Zl}\p{Zp}]/u.test(character);
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return [...Buffer.from(character)].map(hex).join('');
}

function escapeAscii(byte: number): string {
  const character = String.fromCharCode(byte);
  return character === '"' || character === '\\' ? `\\${character}` : character;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
