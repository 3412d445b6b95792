// Encodes a key's record as the command that writes it: SET for plain strings where nothing is lost by it, else RESTORE.
import { writeCrc64 } from '../../bytes/crc64.ts';
import type { Dialect } from '../../rdb/dialect.ts';
import { hasFieldExpiries, mapFieldExpiries } from '../../rdb/hash-fields.ts';
import { FOOTER_BYTES, footerVersion, KEY_META_SINCE } from '../../rdb/payload.ts';
import { type Loss, reencode, type TypeSupport, takes } from '../../rdb/reencode.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import { EncodedString, readString } from '../../rdb/strings.ts';
import { asDumpForm, TEMPLATE_REFERENCES, type TemplateNames } from '../../rdb/templates.ts';
import type { TypeTable, ValueType } from '../../rdb/types.ts';
import { keySlot } from '../../redis/slots.ts';
import { ascii, type FrameWriter } from '../../resp/frame-writer.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { ConflictPolicy, ExpiryRule } from './policy.ts';

export interface EncoderOptions {
  readonly policy: ConflictPolicy;
  readonly expiry: ExpiryRule;
  readonly dialect: Dialect;
  /** The types of the target's own DUMP payloads. */
  readonly targetTypes: TypeTable;
  /** The value types that the target takes; `undefined` where that is not known, and all are tried. */
  readonly support: TypeSupport | undefined;
  readonly clock: Clock;
  /** RESTORE goes as a script, for a proxy that does not know it, or not all of it. */
  readonly scripted?: boolean | undefined;
  /** Field names of hash templates, where the file has such. */
  readonly templates?: TemplateNames | undefined;
}

/** A value that is not sent as it stands in the file, and what it loses by it. */
export interface Rewritten {
  readonly type: ValueType;
  readonly value: Buffer;
  readonly losses: readonly Loss[];
}

/** Where a string's bytes are. */
interface StringSpan {
  bytes: Buffer;
  start: number;
  end: number;
}

const STRING_TYPE = 0;
const NO_LOSSES: readonly Loss[] = [];
const META_LOST: readonly Loss[] = ['key-metadata'];

/** RESTORE, four arguments at least: by the number of further ones. */
const RESTORE_HEADS = [0, 1, 2, 3, 4].map((more) => ascii(`*${4 + more}\r\n$7\r\nRESTORE\r\n`));
/** The same behind a proxy: the script goes to the server of its key, and what RESTORE answers comes back as it is. */
const RESTORE_SCRIPT = "return redis.pcall('RESTORE',KEYS[1],unpack(ARGV))";
const SCRIPTED_HEADS = [0, 1, 2, 3, 4].map((more) =>
  ascii(`*${6 + more}\r\n$4\r\nEVAL\r\n$${RESTORE_SCRIPT.length}\r\n${RESTORE_SCRIPT}\r\n$1\r\n1\r\n`),
);
const SET_HEAD = ascii('*3\r\n$3\r\nSET\r\n');
const SET_NX_HEAD = ascii('*4\r\n$3\r\nSET\r\n');
const NO_TTL = ascii('$1\r\n0\r\n');
const REPLACE = ascii('$7\r\nREPLACE\r\n');
const ABSTTL = ascii('$6\r\nABSTTL\r\n');
const IDLETIME = ascii('$8\r\nIDLETIME\r\n');
const FREQ = ascii('$4\r\nFREQ\r\n');
const NX = ascii('$2\r\nNX\r\n');

/** All that a command adds to key and value; bytes. */
export const COMMAND_OVERHEAD_BYTES = 320;

/** Encodes the records of one chunk, whose bytes are at hand. */
export class EntryEncoder {
  readonly #options: EncoderOptions;
  readonly #key: StringSpan = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  readonly #text: StringSpan = { bytes: Buffer.alloc(0), start: 0, end: 0 };

  /** By type code: asked for every key. */
  readonly #rewrites: readonly boolean[];
  readonly #keepsMeta: boolean;

  constructor(options: EncoderOptions) {
    this.#options = options;
    const { expiry, support, dialect } = options;
    const movesFields = expiry.shiftMs !== 0 || expiry.drop;
    this.#rewrites = dialect.types.map(
      (type) =>
        type !== undefined &&
        (type.name in TEMPLATE_REFERENCES ||
          (movesFields && hasFieldExpiries(type)) ||
          (support !== undefined && !takes(type, support))),
    );
    this.#keepsMeta = support === undefined || (support.family === 'redis' && support.rdb >= KEY_META_SINCE);
  }

  /**
   * The absolute expiry to write in ms, `NaN` for none; beyond 2^53 the exact digits are what {@link restore} writes.
   */
  expiryOf(entry: RdbScanner): number {
    const { drop, shiftMs } = this.#options.expiry;
    return drop ? Number.NaN : entry.expireAt + shiftMs;
  }

  /** The types of the target's own DUMP payloads. */
  get targetTypes(): TypeTable {
    return this.#options.targetTypes;
  }

  /** The absolute expiry to write in ms, exact; `undefined` for none. */
  exactExpiry(entry: RdbScanner): bigint | undefined {
    const { drop, shiftMs } = this.#options.expiry;
    const at = drop ? undefined : entry.expiryMs();
    return at === undefined ? undefined : at + BigInt(shiftMs);
  }

  /** True when values of this type are not sent as they stand in the file. */
  rewrites(type: ValueType): boolean {
    return this.#rewrites[type.code] as boolean;
  }

  /** True when this record is not sent as it stands in the file. */
  rewritesRecord(entry: RdbScanner): boolean {
    return this.rewrites(entry.type as ValueType) || (entry.metaEnd > 0 && !this.#keepsMeta);
  }

  /** True when the key's time has passed, also where its expiry is dropped. */
  hasExpired(entry: RdbScanner, now: number): boolean {
    const { drop, shiftMs } = this.#options.expiry;
    return (drop ? entry.expireAt : entry.expireAt + shiftMs) <= now; // false for NaN, no expiry
  }

  /** Bytes by which the key is longer than its record: keys can be compressed. */
  keyGrowth(entry: RdbScanner, bytes: Buffer, base: number): number {
    const at = entry.keyStart - base;
    return (bytes[at] as number) < 0x80 ? 0 : readString(bytes, at).value.length;
  }

  /**
   * True when a SET says all that there is to say of this key, and costs the server less than a RESTORE. That holds for
   * strings without expiry: with one, SET … PXAT takes 7.0 a tenth longer than RESTORE, and 8.0 about as long.
   */
  isPlainString(entry: RdbScanner, bytes: Buffer, base: number): boolean {
    if (entry.type?.code !== STRING_TYPE || entry.idle >= 0 || entry.freq >= 0 || entry.metaEnd > 0) return false;
    // Compressed: RESTORE moves fewer bytes and the server unpacks it as fast as we could.
    return bytes[entry.valueStart - base] !== EncodedString.LZF && Number.isNaN(this.expiryOf(entry));
  }

  /** Writes `SET key value`, with NX but under rewrite. The record and {@link COMMAND_OVERHEAD_BYTES} must fit. */
  set(entry: RdbScanner, bytes: Buffer, base: number, frame: FrameWriter): void {
    const replaces = this.#options.policy === 'rewrite';
    frame.raw(replaces ? SET_HEAD : SET_NX_HEAD);
    this.pair(entry, bytes, base, frame);
    if (!replaces) frame.raw(NX);
  }

  /** Writes `key value` as two arguments of an MSET. The same room is needed. */
  pair(entry: RdbScanner, bytes: Buffer, base: number, frame: FrameWriter): void {
    const key = locate(bytes, entry.keyStart - base, this.#key);
    const text = locate(bytes, entry.valueStart - base, this.#text);
    frame.bulk(key.bytes, key.start, key.end);
    frame.bulk(text.bytes, text.start, text.end);
  }

  /**
   * What a RESTORE of this record would carry, where that is not what the file has: field TTLs are moved, templates
   * written out, types that the target lacks written as older ones.
   *
   * @returns `'expired'` for a hash of which only fields would be left whose time has passed, `'unknown type'` where the
   * target has no type that could hold the value
   */
  rewritten(entry: RdbScanner, bytes: Buffer, base: number): Rewritten | 'expired' | 'unknown type' | undefined {
    const type = entry.type as ValueType;
    if (!this.rewritesRecord(entry)) return undefined;
    const losses = entry.metaEnd > 0 && !this.#keepsMeta ? META_LOST : NO_LOSSES;
    const { dialect, templates, support } = this.#options;
    let rewritten = { type, value: bytes.subarray(entry.valueStart - base, entry.recordEnd - base) };
    if (type.name in TEMPLATE_REFERENCES) rewritten = asDumpForm(type, rewritten.value, dialect, templates);
    const now = BigInt(this.#options.clock.now());
    const map = this.fieldExpiryMap(now);
    if (map !== undefined) rewritten = mapFieldExpiries(rewritten.type, rewritten.value, map, dialect.name);
    if (support === undefined) return { ...rewritten, losses };
    const fitting = reencode(rewritten.type, rewritten.value, support, { now, templates });
    if (fitting === undefined) return 'unknown type';
    return fitting.expired ? 'expired' : { ...fitting, losses: [...losses, ...fitting.losses] };
  }

  /** What becomes of the expiry of a hash's field; `undefined` where all stay as they are. */
  fieldExpiryMap(now: bigint): ((at: bigint) => bigint | undefined) | undefined {
    const { drop, shiftMs } = this.#options.expiry;
    // A field whose time has passed keeps it, and the server drops the field: it must not come back to life.
    if (drop) return (at) => (at <= now ? at : undefined);
    return shiftMs === 0 ? undefined : (at) => at + BigInt(shiftMs);
  }

  /** The field names of the file's templates. */
  get templates(): TemplateNames | undefined {
    return this.#options.templates;
  }

  /** Writes `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME n | FREQ n]`. */
  restore(entry: RdbScanner, bytes: Buffer, base: number, frame: FrameWriter, rewritten?: Rewritten | undefined): void {
    const metaBytes = this.#keepsMeta ? entry.metaEnd - entry.metaStart : 0;
    const valueBytes = rewritten?.value.length ?? entry.recordEnd - entry.valueStart;
    this.restoreHead(entry, bytes, base, frame, metaBytes + 1 + valueBytes + FOOTER_BYTES);
    const type = rewritten?.type ?? (entry.type as ValueType);
    const payload = frame.at;
    if (metaBytes > 0) frame.copy(bytes, entry.metaStart - base, entry.metaEnd - base);
    frame.buffer[frame.at++] = type.code;
    if (rewritten === undefined) frame.copy(bytes, entry.valueStart - base, entry.recordEnd - base);
    else frame.raw(rewritten.value);
    const version = footerVersion(type, metaBytes > 0);
    frame.buffer[frame.at++] = version & 0xff;
    frame.buffer[frame.at++] = version >> 8;
    writeCrc64(frame.buffer, frame.at, payload, frame.at);
    frame.at += 8;
    this.restoreTail(entry, frame);
  }

  /** Everything of a RESTORE before its payload of `payloadBytes`. */
  restoreHead(entry: RdbScanner, bytes: Buffer, base: number, frame: FrameWriter, payloadBytes: number): void {
    const key = locate(bytes, entry.keyStart - base, this.#key);
    const expires = !Number.isNaN(this.expiryOf(entry));
    const more =
      (this.#options.policy === 'rewrite' ? 1 : 0) + (expires ? 1 : 0) + (entry.idle >= 0 || entry.freq >= 0 ? 2 : 0);
    frame.raw((this.#options.scripted ? SCRIPTED_HEADS : RESTORE_HEADS)[more] as Buffer);
    frame.bulk(key.bytes, key.start, key.end);
    if (!expires) frame.raw(NO_TTL);
    else this.#expiry(entry, frame);
    frame.bulkHead(payloadBytes);
  }

  /** Everything of a RESTORE behind its payload. */
  restoreTail(entry: RdbScanner, frame: FrameWriter): void {
    frame.crlf();
    if (this.#options.policy === 'rewrite') frame.raw(REPLACE);
    if (!Number.isNaN(this.expiryOf(entry))) frame.raw(ABSTTL);
    if (entry.idle >= 0) {
      frame.raw(IDLETIME);
      frame.bulkNumber(entry.idle);
    } else if (entry.freq >= 0) {
      frame.raw(FREQ);
      frame.bulkNumber(entry.freq);
    }
  }

  /** The RDB version in the footer of the record's payload. */
  footerVersion(entry: RdbScanner): number {
    return footerVersion(entry.type as ValueType, entry.metaEnd > 0);
  }

  /** The cluster slot of the key. */
  slot(entry: RdbScanner, bytes: Buffer, base: number): number {
    const { bytes: from, start, end } = locate(bytes, entry.keyStart - base, this.#key);
    return keySlot(from, start, end);
  }

  /** The key's bytes, decoded. */
  key(entry: RdbScanner, bytes: Buffer, base: number): Buffer {
    const { bytes: from, start, end } = locate(bytes, entry.keyStart - base, this.#key);
    return from.subarray(start, end);
  }

  #expiry(entry: RdbScanner, frame: FrameWriter): void {
    const expiry = this.expiryOf(entry);
    if (Number.isSafeInteger(expiry)) frame.bulkNumber(expiry);
    else frame.bulkText(String(this.exactExpiry(entry)));
  }
}

/** Finds a string's bytes: in place where it is written plainly, else decoded. */
function locate(bytes: Buffer, at: number, span: StringSpan): StringSpan {
  const first = bytes[at] as number;
  if (first < 0x40) {
    span.bytes = bytes;
    span.start = at + 1;
    span.end = at + 1 + first;
  } else if (first < 0x80) {
    span.bytes = bytes;
    span.start = at + 2;
    span.end = at + 2 + (((first & 0x3f) << 8) | (bytes[at + 1] as number));
  } else {
    const { value } = readString(bytes, at);
    span.bytes = value;
    span.start = 0;
    span.end = value.length;
  }
  return span;
}
