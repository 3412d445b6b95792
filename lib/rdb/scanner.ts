// Finds where every record of an RDB begins and ends, without decoding it, however the bytes are sliced into reads.
//
// The scanner is fed blocks and asked for the next event. It is an interpreter of the layouts in layouts.ts: all that it
// knows between two blocks is where it stands in a layout and how often each open loop still runs, so that it can stop
// at any byte. Positions outside are absolute offsets from the magic; inside they are indexes into the current block.
import { Crc64 } from '../bytes/crc64.ts';
import { RdbError } from '../errors.ts';
import { formatCount } from '../text/count.ts';
import { Listpack } from './decode/listpack.ts';
import { ValueCursor } from './decode/value-cursor.ts';
import {
  CHECKSUM_SINCE,
  type ChecksumVerdict,
  type Dialect,
  type DialectName,
  dialectFromMagic,
  dialectOf,
  MAGIC_BYTES,
  refineDialect,
} from './dialect.ts';
import { type Layout, Op, recordLayouts } from './layouts.ts';
import { Opcode } from './opcodes.ts';
import { readString } from './strings.ts';
import type { ValueType } from './types.ts';

/** What {@link RdbScanner.next} found. */
export const ScanEvent = {
  /** The block is used up: feed the next one, or call {@link RdbScanner.finish} when there is none. */
  MORE: 0,
  KEY: 1,
  AUX: 2,
  FUNCTION: 3,
  FUNCTION_PRE_GA: 4,
  MODULE_AUX: 5,
  SELECTDB: 6,
  RESIZEDB: 7,
  SLOT_INFO: 8,
  SLOT_IMPORT: 9,
  HASH_TEMPLATE: 10,
  /** Redis Enterprise's slot marker. */
  SLOT_NUM: 11,
  /** The end of the RDB, its checksum verified. */
  END: 12,
} as const;
export type ScanEvent = (typeof ScanEvent)[keyof typeof ScanEvent];

/** Where a scan stands between two records: enough to go on from there with another scanner. */
export interface ScanState {
  readonly dialect: DialectName;
  readonly version: number;
  /** Absolute offset of the next record. */
  readonly offset: number;
  readonly db: number;
  /** CRC64 of all bytes before `offset`; `undefined` when the scan did not compute it. */
  readonly crc: bigint | undefined;
  /** Number of fields of each hash template seen so far, by template id. */
  readonly templates: ReadonlyMap<bigint, number>;
}

export interface ScanOptions {
  /** Total size in bytes of the input, where it is known: lengths that go beyond it are refused at once. */
  size?: number | undefined;
  /** Goes on from a saved state instead of the magic. */
  from?: ScanState | undefined;
  /** Computes and verifies the CRC64. Default `true`. */
  crc?: boolean | undefined;
}

/**
 * A record is kept whole in one block up to this size in bytes, so that its key and value can be looked at in place;
 * of a larger one only the offsets are sure.
 */
export const HELD_RECORD_BYTES = 64 * 1024;

/** The most bytes of a template's field-name blob: its element count is needed to find the record's end. */
const FIELD_NAMES_BYTES = 16 * 1024 * 1024;

const MAX_LOOP_DEPTH = 4;

const Phase = { MAGIC: 0, RECORD: 1, LAYOUT: 2, CHECKSUM: 3, ENDED: 4 } as const;

/** No expiry. */
export const NO_EXPIRY = Number.NaN;

const TWO_32 = 2 ** 32;
/** High words from here on make a length that a double can't hold. */
const UNSAFE_HIGH = 2 ** 21;

export class RdbScanner {
  /** How the file is to be read; `undefined` before the magic was seen. */
  dialect: Dialect | undefined;
  /** The database of the current record. */
  db = 0;

  // The current record; offsets are absolute. Valid after an event until the next call of `next`.
  /** Where the record begins: at the first attribute of a key, else at its opcode. */
  recordStart = 0;
  /** Where the record ends. For a key: where its value ends. */
  recordEnd = 0;
  /** The type of a key's value. */
  type: ValueType | undefined;
  keyStart = 0;
  /** Where the key ends and the value begins. In an AUX record: where the name ends; in a HASH_TEMPLATE: the id. */
  valueStart = 0;
  /** Redis ≥ 8.6: the span of the key's metadata, its opcode included; both 0 when there is none. */
  metaStart = 0;
  metaEnd = 0;
  /** Absolute expiry in ms, `NaN` for none. Beyond 2^53 it is rounded: see {@link expiryMs}. */
  expireAt: number = NO_EXPIRY;
  /** LRU idle time in seconds, -1 where the file has none. */
  idle = -1;
  /** LFU counter, -1 where the file has none. */
  freq = -1;
  /** The numbers of a RESIZEDB record. */
  resizeKeys = 0;
  resizeExpires = 0;
  /** The id in a MODULE_AUX record or of a module value's key, 64 bits. */
  moduleId = 0n;
  /** Set at END: how the checksum fared, and where the end mark stands. */
  checksum: ChecksumVerdict | undefined;
  bodyEnd = 0;

  #phase: number = Phase.MAGIC;
  readonly #size: number;
  readonly #crc: Crc64 | undefined;
  /** Up to where the CRC has been computed, absolute. */
  #crcTo = 0;
  /** The CRC at the last boundary before it: where the record began that a block's end cut through, or the end mark. */
  #crcCut = { offset: -1, value: 0n };
  readonly #templates: Map<bigint, number>;
  #templateId = 0n;

  // The block: #bytes[#at] is the next byte, and stands at #base + #at in the file. #at may be beyond #end.
  #bytes: Buffer = Buffer.alloc(0);
  #base = 0;
  #at = 0;
  #end = 0;

  // The layout that is being run.
  #layout: Layout = recordLayouts.length;
  #pc = 0;
  #depth = 0;
  readonly #remaining: number[] = new Array(MAX_LOOP_DEPTH).fill(0);
  #fields = 0;
  /** The event that the running layout ends in; MORE when it is an attribute and the key is still to come. */
  #event: ScanEvent = ScanEvent.MORE;
  /** Attributes were read and wait for their key. */
  #pending = false;
  #partStart = 0;
  #expiryLow = 0;
  #expiryHigh = 0;
  #keyForErrors: Buffer | undefined;

  // The last length read.
  #length = 0;
  #lengthLow = 0;
  #lengthHigh = 0;

  constructor(options: ScanOptions = {}) {
    this.#size = options.size ?? Number.POSITIVE_INFINITY;
    const { from } = options;
    this.#crc = (options.crc ?? true) ? new Crc64(from?.crc) : undefined;
    this.#templates = new Map(from?.templates);
    if (from !== undefined) {
      this.dialect = dialectOf(from.dialect, from.version);
      this.db = from.db;
      this.#base = from.offset;
      this.#crcTo = from.offset;
      this.#phase = Phase.RECORD;
    }
  }

  /** Absolute offset of the next byte to be fed. */
  get fedTo(): number {
    return this.#base + this.#end;
  }

  /**
   * Gives the next bytes of the file: `block[start, end)`. What is left of the previous block is copied in front of
   * `start` where it fits, so a reader that leaves {@link HELD_RECORD_BYTES} of room there spares a copy of the rest.
   * The block belongs to the scanner until it asks for more.
   */
  feed(block: Buffer, start = 0, end: number = block.length): void {
    const read = Math.min(this.#at, this.#end);
    this.#rememberCrc(this.recordStart);
    this.#computeCrcTo(read);
    const kept = this.#keepFrom(read);
    const left = this.#end - kept;
    const nextBase = this.#base + this.#end - start;
    if (left <= start) {
      this.#bytes.copy(block, start - left, kept, this.#end);
      this.#bytes = block;
      this.#at += this.#base - nextBase;
      this.#base = nextBase;
      this.#end = end;
    } else {
      this.#bytes = Buffer.concat([this.#bytes.subarray(kept, this.#end), block.subarray(start, end)]);
      this.#base += kept;
      this.#at -= kept;
      this.#end = this.#bytes.length;
    }
  }

  /** The bytes of the file from `start` to `end` (absolute), in place; `undefined` when the block does not hold them. */
  bytes(start: number, end: number): Buffer | undefined {
    const from = start - this.#base;
    const to = end - this.#base;
    return from >= 0 && to <= this.#end ? this.#bytes.subarray(from, to) : undefined;
  }

  /** The name of an AUX record; `undefined` when the record was too large to be held. */
  auxName(): string | undefined {
    return this.#name()?.toString('latin1');
  }

  /** The template that a HASH_TEMPLATE record defined: its id, number of fields, and the span of count and names. */
  template(): { id: bigint; fields: number; offset: number; bytes: number } {
    const fields = this.#templates.get(this.#templateId) ?? 0;
    return { id: this.#templateId, fields, offset: this.valueStart, bytes: this.recordEnd - this.valueStart };
  }

  /** The current key, decoded; `undefined` when the record was too large to be held. */
  key(): Buffer | undefined {
    return this.#name();
  }

  /** The current key also where its record was too large to be held; `undefined` where the key itself was. */
  heldKey(): Buffer | undefined {
    return this.#name(this.#keyForErrors);
  }

  #name(span = this.bytes(this.keyStart, this.valueStart)): Buffer | undefined {
    try {
      return span === undefined ? undefined : readString(span, 0, this.keyStart).value;
    } catch (error) {
      throw this.#placed(error);
    }
  }

  /** The exact absolute expiry in ms; `undefined` for none. */
  expiryMs(): bigint | undefined {
    if (Number.isNaN(this.expireAt)) return undefined;
    if (Number.isSafeInteger(this.expireAt)) return BigInt(this.expireAt);
    return (BigInt(this.#expiryHigh) << 32n) | BigInt(this.#expiryLow);
  }

  /**
   * CRC64 of the file up to a boundary: where the current record begins or ends, or the end mark. Ask in rising order.
   */
  crcAt(offset: number): bigint {
    if (this.#crc === undefined) throw new Error('this scan computes no CRC');
    if (offset === this.#crcCut.offset) return this.#crcCut.value;
    if (offset < this.#crcTo) throw new Error(`the CRC at ${offset} was passed`);
    this.#computeCrcTo(offset - this.#base);
    return this.#crc.value;
  }

  /** Where the scan stands, right after an event that is not MORE and before an attribute. */
  save(): ScanState {
    const offset = this.#base + this.#at;
    const { name, version } = this.#knownDialect();
    const crc = this.#crc === undefined ? undefined : this.crcAt(offset);
    return { dialect: name, version, offset, db: this.db, crc, templates: new Map(this.#templates) };
  }

  /** True when the scan stands between two records, with no attribute waiting for its key. */
  get betweenRecords(): boolean {
    return this.#phase === Phase.RECORD && !this.#pending && this.#at <= this.#end;
  }

  /** True inside a function library's record. */
  get inFunction(): boolean {
    return this.#phase === Phase.LAYOUT && this.#event === ScanEvent.FUNCTION;
  }

  /** True inside a key's record, be it before or behind the key. */
  get inKey(): boolean {
    return this.#pending || (this.#phase === Phase.LAYOUT && this.#event === ScanEvent.KEY);
  }

  /** The bytes at hand: `block[0, blockEnd)`; it changes with {@link feed}. */
  get block(): Buffer {
    return this.#bytes;
  }

  get blockEnd(): number {
    return this.#end;
  }

  /** Where in the block the next record begins; only between two records. */
  get nextRecord(): number {
    return this.#at;
  }

  /** The offset of an index in the block. */
  offsetOf(index: number): number {
    return this.#base + index;
  }

  /** Goes on at this index of the block: the caller has read whole key records up to there itself. */
  passTo(index: number): void {
    this.#at = index;
    this.recordStart = this.#base + index;
    this.recordEnd = this.recordStart;
  }

  /**
   * Says that no more bytes come after {@link next} answered MORE.
   *
   * @throws {RdbError} `RDB_TRUNCATED`: always, since the END event was not reached
   */
  finish(): never {
    const offset = this.#base + this.#end;
    const what =
      this.#phase === Phase.MAGIC
        ? 'before its magic is complete'
        : this.#phase === Phase.CHECKSUM
          ? 'inside the checksum'
          : this.#phase === Phase.LAYOUT
            ? `inside ${this.#describeRecord()}`
            : 'before the end mark';
    throw this.#error('RDB_TRUNCATED', `the file ends ${what}.`, offset - this.#base, INCOMPLETE_COPY);
  }

  /**
   * Goes to the end of the next record.
   *
   * @throws {RdbError} on bytes that break the format's rules: code, offset, database and key say where
   */
  next(): ScanEvent {
    for (;;) {
      if (this.#phase === Phase.LAYOUT) {
        if (!this.#run()) return ScanEvent.MORE;
        this.#phase = Phase.RECORD;
        const event = this.#event;
        this.recordEnd = this.#base + this.#at;
        if (event === ScanEvent.KEY) {
          this.#pending = false;
          return event;
        }
        if (event !== ScanEvent.MORE) {
          this.#finishRecord(event);
          return event;
        }
        if (this.#layout === recordLayouts.keyMeta) this.metaEnd = this.recordEnd;
      } else if (this.#phase === Phase.RECORD) {
        const event = this.#startRecord();
        if (event !== undefined) return event;
      } else if (this.#phase === Phase.MAGIC) {
        if (this.#end - this.#at < MAGIC_BYTES) return ScanEvent.MORE;
        this.dialect = dialectFromMagic(this.#bytes.subarray(this.#at, this.#at + MAGIC_BYTES));
        this.#at += MAGIC_BYTES;
        this.#phase = Phase.RECORD;
      } else if (this.#phase === Phase.CHECKSUM) {
        return this.#verifyChecksum() ? ScanEvent.END : ScanEvent.MORE;
      } else {
        return ScanEvent.END;
      }
    }
  }

  /** Reads one opcode or type byte and what is fixed behind it. An event, or `undefined` to go on. */
  #startRecord(): ScanEvent | undefined {
    const at = this.#at;
    if (at >= this.#end) return ScanEvent.MORE;
    const opcode = this.#bytes[at] as number;
    const start = this.#base + at;
    if (!this.#pending) {
      this.recordStart = start;
      this.expireAt = NO_EXPIRY;
      this.idle = -1;
      this.freq = -1;
      this.metaStart = 0;
      this.metaEnd = 0;
      this.#keyForErrors = undefined;
    }
    this.#partStart = start;
    const dialect = this.#knownDialect();
    const type = dialect.types[opcode];
    if (type !== undefined) {
      this.type = type;
      this.keyStart = start + 1;
      this.valueStart = 0;
      this.#keyForErrors = undefined; // metadata in front may have taken the key before for this one
      return this.#enter(type.layout, ScanEvent.KEY);
    }
    switch (opcode) {
      case Opcode.EXPIRETIME_MS: {
        if (this.#end - at < 9) return ScanEvent.MORE;
        this.#expiryLow = this.#bytes.readUInt32LE(at + 1);
        this.#expiryHigh = this.#bytes.readInt32LE(at + 5);
        this.expireAt = this.#expiryHigh * TWO_32 + this.#expiryLow;
        return this.#attribute(9);
      }
      case Opcode.EXPIRETIME:
        if (this.#end - at < 5) return ScanEvent.MORE;
        this.expireAt = this.#bytes.readInt32LE(at + 1) * 1000;
        return this.#attribute(5);
      case Opcode.FREQ:
        if (this.#end - at < 2) return ScanEvent.MORE;
        this.freq = this.#bytes[at + 1] as number;
        return this.#attribute(2);
      case Opcode.IDLE: {
        const size = this.#readLength(at + 1);
        if (size === 0) return ScanEvent.MORE;
        this.idle = this.#length;
        return this.#attribute(1 + size);
      }
      case Opcode.RAM_LRU:
        if (dialect.name !== 'redis') break;
        this.#pending = true;
        return this.#enter(recordLayouts.length, ScanEvent.MORE);
      case Opcode.AUX:
        this.#expectName();
        return this.#enter(recordLayouts.aux, ScanEvent.AUX);
      case Opcode.KEY_META: // or SLOT_IMPORT
        if (dialect.name === 'valkey') return this.#enterAlone(recordLayouts.slotImport, ScanEvent.SLOT_IMPORT);
        if (dialect.name !== 'redis' || dialect.version < 13) break;
        this.#pending = true;
        this.metaStart = start;
        return this.#enter(recordLayouts.keyMeta, ScanEvent.MORE);
      case Opcode.HASH_TEMPLATE: // or UPDATE
        if (dialect.name !== 'redis' || dialect.version < 15) break;
        return this.#enterAlone(recordLayouts.hashTemplate, ScanEvent.HASH_TEMPLATE);
      case Opcode.FUNCTION2:
        return this.#enterAlone(recordLayouts.string, ScanEvent.FUNCTION);
      case Opcode.FUNCTION_PRE_GA:
        return this.#enterAlone(recordLayouts.functionPreGa, ScanEvent.FUNCTION_PRE_GA);
      case Opcode.SLOT_INFO:
        return this.#enterAlone(recordLayouts.threeLengths, ScanEvent.SLOT_INFO);
      case Opcode.SLOT_NUM:
        if (dialect.name !== 'redis') break;
        return this.#enterAlone(recordLayouts.length, ScanEvent.SLOT_NUM);
      case Opcode.MODULE_AUX: {
        const size = this.#readLength(at + 1);
        if (size === 0) return ScanEvent.MORE;
        this.moduleId = this.#lengthAsBigint();
        return this.#enterAlone(recordLayouts.moduleAux, ScanEvent.MODULE_AUX);
      }
      case Opcode.SELECTDB: {
        const size = this.#readLength(at + 1);
        if (size === 0) return ScanEvent.MORE;
        this.#refusePending();
        if (this.#length > MAX_DB) throw this.#error('RDB_LENGTH', `database ${this.#length} is out of range.`, at + 1);
        this.db = this.#length;
        return this.#whole(1 + size, ScanEvent.SELECTDB);
      }
      case Opcode.RESIZEDB: {
        const first = this.#readLength(at + 1);
        const keys = this.#length;
        const second = first === 0 ? 0 : this.#readLength(at + 1 + first);
        if (second === 0) return ScanEvent.MORE;
        this.#refusePending();
        this.resizeKeys = keys;
        this.resizeExpires = this.#length;
        return this.#whole(1 + first + second, ScanEvent.RESIZEDB);
      }
      case Opcode.EOF:
        this.#refusePending();
        this.bodyEnd = start;
        this.#at = at + 1;
        this.#phase = Phase.CHECKSUM;
        return undefined;
    }
    throw this.#unknown(opcode, at);
  }

  #attribute(size: number): undefined {
    this.#pending = true;
    this.#at += size;
  }

  #whole(size: number, event: ScanEvent): ScanEvent {
    this.#at += size;
    this.recordEnd = this.#base + this.#at;
    return event;
  }

  #enter(layout: Layout, event: ScanEvent): undefined {
    this.#layout = layout;
    this.#pc = 0;
    this.#depth = 0;
    this.#event = event;
    this.#at += 1;
    this.#phase = Phase.LAYOUT;
  }

  #enterAlone(layout: Layout, event: ScanEvent): undefined {
    this.#refusePending();
    return this.#enter(layout, event);
  }

  /** AUX may stand between a key's attributes and the key (KeyDB): it borrows the key's offsets, then gives way. */
  #expectName(): void {
    this.keyStart = this.#partStart + 1;
    this.valueStart = 0;
  }

  #refusePending(): void {
    if (!this.#pending) return;
    throw this.#error('RDB_OPCODE', 'an expiry, idle time or frequency is not followed by its key.', this.#at);
  }

  #finishRecord(event: ScanEvent): void {
    if (event === ScanEvent.AUX) {
      const dialect = this.#knownDialect();
      if (dialect.name !== 'redis') return;
      const record = this.bytes(this.keyStart, this.recordEnd);
      if (record === undefined) return;
      try {
        const name = readString(record, 0, this.keyStart);
        const value = readString(record, name.end, this.keyStart);
        this.dialect = refineDialect(dialect, name.value.toString('latin1'), value.value.toString('latin1'));
      } catch (error) {
        throw this.#placed(error);
      }
    }
  }

  /** Runs the current layout. False when the block ends before the record does. */
  #run(): boolean {
    const bytes = this.#bytes;
    const layout = this.#layout;
    const end = this.#end;
    const limit = this.#size - this.#base;
    let at = this.#at;
    let pc = this.#pc;
    for (;;) {
      // A skipped body may lie beyond the block.
      if (at > end) {
        if (at > limit) throw this.#beyondEnd(at, at);
        break;
      }
      const op = layout[pc] as number;
      if (op === Op.STRING) {
        if (at >= end) break;
        const first = bytes[at] as number;
        if (first < 0x40) {
          at += 1 + first;
        } else {
          const size = this.#stringBytes(at);
          if (size === 0) break;
          at += size;
        }
        pc += 2;
      } else if (op === Op.END) {
        const open = this.#depth - 1;
        const left = (this.#remaining[open] as number) - 1;
        this.#remaining[open] = left;
        if (left > 0) {
          pc = layout[pc + 1] as number;
        } else {
          this.#depth = open;
          pc += 2;
        }
      } else if (op === Op.BYTES) {
        at += layout[pc + 1] as number;
        pc += 2;
      } else if (op === Op.VALUE) {
        this.valueStart = this.#base + at;
        pc += 2;
      } else if (op === Op.DONE) {
        this.#at = at;
        this.#pc = pc;
        return true;
      } else {
        // The rest is rarer: it works on the fields.
        this.#at = at;
        this.#pc = pc;
        if (!this.#step(op)) return false;
        at = this.#at;
        pc = this.#pc;
      }
    }
    this.#at = at;
    this.#pc = pc;
    return false;
  }

  /** Runs one of the rarer instructions. False when it needs more bytes; nothing has moved then. */
  #step(op: number): boolean {
    const at = this.#at;
    switch (op) {
      case Op.LENGTH: {
        const size = this.#readLength(at);
        if (size === 0) return false;
        // Right behind the key this is the id of a module.
        if (this.#base + at === this.valueStart) this.moduleId = this.#lengthAsBigint();
        return this.#advance(size);
      }
      case Op.LOOP: {
        const size = this.#readLength(at);
        return size !== 0 && this.#open(this.#length, size);
      }
      case Op.LOOP_FIELDS:
        return this.#open(this.#fields, 0);
      case Op.LOOP_NAMES: {
        const size = this.#readLength(at);
        if (size === 0) return false;
        this.#templates.set(this.#templateId, this.#length);
        return this.#open(this.#length, size);
      }
      case Op.TEXT_DOUBLE: {
        if (at >= this.#end) return false;
        const first = this.#bytes[at] as number;
        return this.#advance(first >= 253 ? 1 : 1 + first);
      }
      case Op.OPTIONAL_STRING: {
        const size = this.#readLength(at);
        if (size === 0) return false;
        if (this.#length === 0) return this.#advance(size);
        const string = this.#stringBytes(at + size);
        return string !== 0 && this.#advance(size + string);
      }
      case Op.MODULE:
        return this.#moduleItem();
      case Op.ARRAY_HEAD: {
        const count = this.#readLength(at);
        const items = this.#length;
        const flag = count === 0 ? 0 : this.#readLength(at + count);
        if (flag === 0) return false;
        const insert = this.#length === 0 ? 0 : this.#readLength(at + count + flag);
        if (this.#length !== 0 && insert === 0) return false;
        this.#fields = items;
        return this.#advance(count + flag + insert);
      }
      case Op.ARRAY_ITEM:
        return this.#arrayItem();
      case Op.DEFINE_TEMPLATE: {
        const size = this.#readLength(at);
        if (size === 0) return false;
        this.#templateId = this.#lengthAsBigint();
        return this.#advance(size);
      }
      case Op.TEMPLATE_ID: {
        const size = this.#readLength(at);
        if (size === 0) return false;
        const fields = this.#templates.get(this.#lengthAsBigint());
        if (fields === undefined) {
          throw this.#error('RDB_TEMPLATE', `hash template ${this.#lengthAsBigint()} is used but not defined.`, at);
        }
        this.#fields = fields;
        return this.#advance(size);
      }
      case Op.FIELD_NAMES:
        return this.#fieldNames();
    }
    throw new Error(`layout instruction ${op} has no meaning`);
  }

  #advance(size: number): true {
    this.#at += size;
    this.#pc += 2;
    return true;
  }

  /** Begins a loop of `count` rounds whose count took `size` bytes. */
  #open(count: number, size: number): true {
    const at = this.#at + size;
    // Every round takes a byte at least, so a forged count is found before it is believed.
    if (count > this.#size - this.#base - at) {
      throw this.#error(
        'RDB_TRUNCATED',
        `${this.#describeRecord()} declares ${formatCount(count)} elements, more than the bytes that are left.`,
        this.#at,
        INCOMPLETE_COPY,
      );
    }
    this.#at = at;
    if (count === 0) {
      this.#pc = (this.#layout[this.#pc + 1] as number) + 2;
    } else {
      this.#remaining[this.#depth++] = count;
      this.#pc += 2;
    }
    return true;
  }

  #moduleItem(): boolean {
    const at = this.#at;
    const size = this.#readLength(at);
    if (size === 0) return false;
    switch (this.#length) {
      case 0:
        return this.#advance(size);
      case 1:
      case 2: {
        const value = this.#readLength(at + size);
        if (value === 0) return false;
        this.#at += size + value;
        return true;
      }
      case 3:
        this.#at += size + 4;
        return true;
      case 4:
        this.#at += size + 8;
        return true;
      case 5: {
        const string = this.#stringBytes(at + size);
        if (string === 0) return false;
        this.#at += size + string;
        return true;
      }
    }
    throw this.#error('RDB_MODULE', `a module's value has an item of unknown tag ${this.#length}.`, at);
  }

  #arrayItem(): boolean {
    const size = this.#readLength(this.#at);
    if (size === 0) return false;
    if (this.#length === 1 || this.#length === 2) return this.#advance(size + 8);
    if (this.#length !== 0 && this.#length !== 3) {
      throw this.#error('RDB_ARRAY', `an array's item has the unknown tag ${this.#length}.`, this.#at);
    }
    const string = this.#stringBytes(this.#at + size);
    return string !== 0 && this.#advance(size + string);
  }

  /** The field names in front of a template-coded hash in DUMP form: a listpack (0) or strings (1). */
  #fieldNames(): boolean {
    const at = this.#at;
    const size = this.#readLength(at);
    if (size === 0) return false;
    let cursor = at + size;
    if (this.#length === 1) {
      const countBytes = this.#readLength(cursor);
      if (countBytes === 0) return false;
      const count = this.#length;
      cursor += countBytes;
      for (let i = 0; i < count; i++) {
        const string = cursor < this.#end ? this.#stringBytes(cursor) : 0;
        if (string === 0) return this.#wait(at, cursor);
        cursor += string;
      }
      if (cursor > this.#end) return this.#wait(at, cursor);
      this.#fields = count;
      return this.#advance(cursor - at);
    }
    if (this.#length !== 0) throw this.#error('RDB_TEMPLATE', `unknown format ${this.#length} of field names.`, at);
    const string = this.#stringBytes(cursor);
    if (string === 0) return false;
    if (cursor + string > this.#end) return this.#wait(at, cursor + string);
    const names = new ValueCursor(this.#bytes.subarray(cursor, cursor + string), { base: this.#base + cursor });
    try {
      this.#fields = new Listpack(names.blob('RDB_LISTPACK')).count;
    } catch (error) {
      throw this.#placed(error);
    }
    return this.#advance(size + string);
  }

  /** Refuses to hold more than {@link FIELD_NAMES_BYTES} while waiting for the rest. */
  #wait(from: number, to: number): false {
    if (to - from <= FIELD_NAMES_BYTES) return false;
    throw this.#error('RDB_LIMIT', `field names of over ${FIELD_NAMES_BYTES} bytes.`, from);
  }

  /**
   * Reads a length. Gives the bytes that it took, 0 when the block ends inside it; the value is in #length, and exactly
   * in #lengthHigh and #lengthLow.
   */
  #readLength(at: number): number {
    const available = this.#end - at;
    if (available < 1) return 0;
    const bytes = this.#bytes;
    const first = bytes[at] as number;
    this.#lengthHigh = 0;
    switch (first >> 6) {
      case 0:
        this.#length = this.#lengthLow = first;
        return 1;
      case 1:
        if (available < 2) return 0;
        this.#length = this.#lengthLow = ((first & 0x3f) << 8) | (bytes[at + 1] as number);
        return 2;
      case 2:
        if (first === 0x80) {
          if (available < 5) return 0;
          this.#length = this.#lengthLow = bytes.readUInt32BE(at + 1);
          return 5;
        }
        if (first === 0x81) {
          if (available < 9) return 0;
          this.#lengthHigh = bytes.readUInt32BE(at + 1);
          this.#lengthLow = bytes.readUInt32BE(at + 5);
          this.#length = this.#lengthHigh * TWO_32 + this.#lengthLow;
          return 9;
        }
    }
    throw this.#error('RDB_LENGTH', `0x${first.toString(16)} begins no length.`, at);
  }

  #lengthAsBigint(): bigint {
    return (BigInt(this.#lengthHigh) << 32n) | BigInt(this.#lengthLow);
  }

  /** The bytes of a string, head and body; 0 when the block ends inside its head. */
  #stringBytes(at: number): number {
    if (at >= this.#end) return 0;
    const first = this.#bytes[at] as number;
    let size: number;
    if (first < 0xc0) {
      size = this.#readLength(at);
      if (size === 0) return 0;
      size += this.#length;
    } else if (first === 0xc0) {
      size = 2;
    } else if (first === 0xc1) {
      size = 3;
    } else if (first === 0xc2) {
      size = 5;
    } else if (first === 0xc3) {
      const packed = this.#readLength(at + 1);
      if (packed === 0) return 0;
      size = 1 + packed + this.#length;
      const unpacked = this.#readLength(at + 1 + packed);
      if (unpacked === 0) return 0;
      size += unpacked;
    } else {
      throw this.#error('RDB_STRING', `0x${first.toString(16)} begins no string.`, at);
    }
    if (this.#base + at + size > this.#size || this.#lengthHigh >= UNSAFE_HIGH) throw this.#beyondEnd(at + size, at);
    return size;
  }

  #verifyChecksum(): boolean {
    const at = this.#at;
    this.#rememberCrc(this.bodyEnd);
    if (this.#knownDialect().version < CHECKSUM_SINCE) {
      this.checksum = 'absent';
      this.recordEnd = this.#base + at;
    } else {
      if (this.#end - at < 8) return false;
      const stored = this.#bytes.readBigUInt64LE(at);
      if (stored === 0n) {
        this.checksum = 'disabled';
      } else if (this.#crc !== undefined) {
        const computed = this.crcAt(this.#base + at);
        if (computed !== stored) {
          throw new RdbError(
            'RDB_CHECKSUM',
            `the file's checksum is ${hex64(stored)}, but its bytes give ${hex64(computed)}: something in it is damaged.`,
            { offset: this.#base + at, size: this.#knownSize() },
            { remedy: 'Fetch or copy the file again, or take another backup; a transfer in text mode does this too.' },
          );
        }
        this.checksum = 'ok';
      }
      this.#at = at + 8;
      this.recordEnd = this.#base + this.#at;
    }
    this.#phase = Phase.ENDED;
    return true;
  }

  /** Keeps the CRC at a boundary that the running CRC is about to pass. */
  #rememberCrc(offset: number): void {
    if (this.#crc === undefined || offset < this.#crcTo) return;
    this.#crcCut = { offset, value: this.crcAt(offset) };
  }

  #computeCrcTo(index: number): void {
    if (this.#crc === undefined) return;
    const from = this.#crcTo - this.#base;
    if (index <= from) return;
    this.#crc.update(this.#bytes, from, index);
    this.#crcTo = this.#base + index;
  }

  /** The index from which the current block is kept when the next one comes. */
  #keepFrom(read: number): number {
    if (this.#phase !== Phase.LAYOUT && !this.#pending) return read;
    const start = this.recordStart - this.#base;
    if (start >= 0 && read - start <= HELD_RECORD_BYTES) return start;
    const keyEnd = this.valueStart - this.#base;
    if (this.#keyForErrors === undefined && this.valueStart > this.keyStart && keyEnd <= this.#end) {
      const span = this.bytes(this.keyStart, this.valueStart);
      if (span !== undefined && span.length <= HELD_RECORD_BYTES) this.#keyForErrors = Buffer.from(span);
    }
    return read;
  }

  #knownDialect(): Dialect {
    if (this.dialect === undefined) throw new Error('the magic has not been read');
    return this.dialect;
  }

  #knownSize(): number | undefined {
    return Number.isFinite(this.#size) ? this.#size : undefined;
  }

  #describeRecord(): string {
    if (this.#event === ScanEvent.KEY && this.type !== undefined) {
      return this.valueStart > this.keyStart ? `a value of type ${this.type.name}` : 'a key';
    }
    return 'a record';
  }

  /** A length that leads beyond the file: `to` is where it leads, `at` where it stands. Indexes into the block. */
  #beyondEnd(to: number, at: number): RdbError {
    const declared = formatCount(this.#base + to);
    const what = `${this.#describeRecord()} declares bytes up to ${declared}`;
    const size = this.#knownSize();
    const message = size === undefined ? `${what}, which no file has.` : `${what}, beyond the end of the file.`;
    return this.#error('RDB_TRUNCATED', message, Math.min(at, this.#size - this.#base), INCOMPLETE_COPY);
  }

  #unknown(opcode: number, at: number): RdbError {
    const dialect = this.#knownDialect();
    const shown = `0x${opcode.toString(16).padStart(2, '0')}`;
    if (opcode === 6) {
      return this.#error(
        'RDB_MODULE_PRE_GA',
        'a module value as release candidates of Redis 4.0 wrote it: its end cannot be found without the module.',
        at,
        'Load the file into the server that wrote it, and save it with a released version.',
      );
    }
    if (opcode === Opcode.UPDATE && dialect.name === 'valkey') {
      return this.#error(
        'RDB_OPCODE',
        'an inline replication command of a forkless save (Valkey 9.2), which keyferry does not read.',
        at,
        'Save the file with BGSAVE without the forkless option.',
      );
    }
    return this.#error(
      'RDB_OPCODE',
      `${shown} is neither a value type nor an opcode of a ${dialect.name} file of version ${dialect.version}.`,
      at,
      'Either the file is damaged here or its writer is newer than, or foreign to, this release of keyferry.',
    );
  }

  /** An error of a reader that looked inside a record, with the database and key that it did not know of. */
  #placed(error: unknown): unknown {
    return error instanceof RdbError ? this.#error(error.code, error.message, error.offset - this.#base) : error;
  }

  #error(code: string, message: string, index: number, remedy?: string): RdbError {
    let key: Buffer | undefined;
    if (this.#event === ScanEvent.KEY && this.#phase === Phase.LAYOUT && this.valueStart > this.keyStart) {
      const span = this.#keyForErrors ?? this.bytes(this.keyStart, this.valueStart);
      try {
        key = span === undefined ? undefined : readString(span, 0).value;
      } catch {
        key = undefined; // the key's own string is damaged: the offset has to do
      }
    }
    const place = { offset: this.#base + index, db: this.db, key, size: this.#knownSize() };
    return new RdbError(code, message, place, remedy === undefined ? {} : { remedy });
  }
}

const MAX_DB = 2 ** 31 - 1;

const INCOMPLETE_COPY =
  'The copy is probably incomplete: compare its size with the source, fetch it again, and run the same command.';

const hex64 = (value: bigint): string => value.toString(16).padStart(16, '0');
