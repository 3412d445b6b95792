// Measures a value: how many elements it has and what it takes in memory, from the lengths that its bytes declare.
import type { ValueType } from '../../rdb/types.ts';
import type { PackedKind } from './entry-counter.ts';
import type { Footprint, MemoryModel, TableKind } from './memory-model.ts';
import { RaxSize } from './rax-size.ts';
import type { ValueWindow } from './value-window.ts';

/**
 * What measuring asks for: the window moved to where it stands (`undefined`), or the number of entries of a container
 * whose header does not tell it.
 */
export type Request = { readonly count: PackedKind; readonly from: number; readonly to: number } | undefined;

export type Measuring = Generator<Request, void, number | undefined>;

/** Limits up to which servers keep containers packed, as they come (redis.conf): more elements, or longer ones. */
const MOST_PACKED = { hash: 512, zset: 128, set: 128, intset: 512 } as const;
const LONGEST_PACKED = 64;
/** `list-max-listpack-size -2`: a list of one node of up to so many bytes is a listpack (Redis ≥ 7.2). */
const PACKED_LIST_BYTES = 8192;

/** The count in a listpack's or ziplist's header that means: too many. */
const UNKNOWN_COUNT = 0xffff;

/** How a container's elements are written, one after the other. */
type Part = 'name' | 'value' | 'length' | 'score' | 'time' | 'ttl';

const TABLES: Readonly<Record<string, { kind: TableKind; parts: readonly Part[] }>> = {
  SET: { kind: 'set', parts: ['name'] },
  ZSET: { kind: 'zset', parts: ['name', 'score'] },
  ZSET_2: { kind: 'zset', parts: ['name', 'time'] },
  HASH: { kind: 'hash', parts: ['name', 'value'] },
  HASH_2: { kind: 'hash', parts: ['name', 'value', 'time'] },
  HASH_METADATA_PRE_GA: { kind: 'hash', parts: ['ttl', 'name', 'value'] },
  HASH_METADATA: { kind: 'hash', parts: ['ttl', 'name', 'value'] },
};

/** Containers in one string: how entries are counted, and how many make an element. */
const PACKED: Readonly<Record<string, { kind: PackedKind | 'intset'; per: number }>> = {
  HASH_ZIPMAP: { kind: 'zipmap', per: 1 },
  LIST_ZIPLIST: { kind: 'ziplist', per: 1 },
  SET_INTSET: { kind: 'intset', per: 1 },
  ZSET_ZIPLIST: { kind: 'ziplist', per: 2 },
  HASH_ZIPLIST: { kind: 'ziplist', per: 2 },
  HASH_LISTPACK: { kind: 'listpack', per: 2 },
  ZSET_LISTPACK: { kind: 'listpack', per: 2 },
  SET_LISTPACK: { kind: 'listpack', per: 1 },
  HASH_LISTPACK_EX_PRE_GA: { kind: 'listpack', per: 3 },
  HASH_LISTPACK_EX: { kind: 'listpack', per: 3 },
  HASH_TMPL_LP_REF: { kind: 'listpack', per: 1 },
};

const STREAM_VERSIONS: Readonly<Record<string, number>> = {
  STREAM_LISTPACKS: 1,
  STREAM_LISTPACKS_2: 2,
  STREAM_LISTPACKS_3: 3,
  STREAM_LISTPACKS_4: 4,
  STREAM_LISTPACKS_5: 5,
};

export class Measurer implements Footprint {
  // Of the value measured last.
  elements = 0;
  usage = 0;
  unseen = 0;
  readonly #window: ValueWindow;
  readonly #model: MemoryModel;
  #key = 0;
  #expires = false;
  /** The end of the value. */
  #end = 0;

  constructor(window: ValueWindow, model: MemoryModel) {
    this.#window = window;
    this.#model = model;
  }

  /**
   * Measures the value that the window stands before.
   *
   * @param key   its key's length in bytes
   * @param end   where the value ends, offset in the file; everything in between has been scanned
   * @param fields how many fields the value's template has, where it is a hash of one that names it
   * @returns what is left to do, where that is not everything yet
   */
  measure(type: ValueType, key: number, expires: boolean, end: number, fields: number): Measuring | undefined {
    this.#key = key;
    this.#expires = expires;
    this.#end = end;
    if (type.code === 0) {
      this.#string();
      return undefined;
    }
    const packed = PACKED[type.name];
    if (packed !== undefined) return this.#packed(type, packed.kind, packed.per);
    const table = TABLES[type.name];
    if (table !== undefined) return this.#table(type, table.kind, table.parts);
    if (type.kind === 'list') return this.#list(type);
    if (type.kind === 'stream') return this.#stream(STREAM_VERSIONS[type.name] ?? 1);
    if (type.name === 'HASH_TMPL_ARRAY_REF') return this.#templateValues(fields);
    this.elements = type.kind === 'array' ? this.#window.length() : type.kind === 'module' ? 1 : 0;
    if (type.name === 'PATH_HASH') return this.#pathHash();
    this.#model.opaque(this, key, expires, end - this.#window.at);
    return undefined;
  }

  #string(): void {
    const window = this.#window;
    const length = window.string();
    const integer = window.isNumber(length);
    const number = window.integer ? window.number() : -1;
    this.elements = 1;
    this.#model.string(this, this.#key, this.#expires, length, integer, number >= 0 && number < 10_000);
  }

  #packed(type: ValueType, kind: PackedKind | 'intset', per: number): Measuring | undefined {
    const window = this.#window;
    const expiries = type.name === 'HASH_LISTPACK_EX' || type.name === 'HASH_LISTPACK_EX_PRE_GA';
    if (type.name === 'HASH_LISTPACK_EX') window.skip(8);
    const bytes = window.string();
    const count = Math.min(countOf(kind, window), bytes);
    if (type.name === 'LIST_ZIPLIST') {
      const node = this.#model.blob(bytes);
      this.#model.quicklist(this, this.#key, this.#expires, 1, node, bytes);
    } else {
      this.#model.packed(this, this.#key, this.#expires, bytes, expiries);
    }
    // In front of a template's values stands its id.
    const extra = type.name === 'HASH_TMPL_LP_REF' ? 1 : 0;
    if (count >= 0) {
      this.elements = Math.max(0, Math.floor(count / per) - extra);
      return undefined;
    }
    return this.#counted(kind as PackedKind, kind === 'zipmap' ? 2 : per, extra);
  }

  *#counted(count: PackedKind, per: number, extra: number): Measuring {
    const { start, at } = this.#window;
    this.elements = Math.max(0, Math.floor(((yield { count, from: start, to: at }) ?? 0) / per) - extra);
  }

  *#table(type: ValueType, kind: TableKind, parts: readonly Part[]): Measuring {
    const window = this.#window;
    const model = this.#model;
    if (type.name === 'HASH_METADATA') window.skip(8);
    const count = window.length();
    this.elements = count;
    let payload = 0;
    let longest = 0;
    let lengths = 0;
    let name = 0;
    let value = 0;
    let ttl = false;
    let numbers = kind === 'set' && count <= MOST_PACKED.intset;
    let widest = 2;
    for (let left = count; left > 0; left--) {
      for (const part of parts) {
        if (window.at >= window.safe) yield undefined;
        switch (part) {
          case 'name':
            name = window.string();
            if (numbers) {
              numbers = window.isNumber(name);
              widest = Math.max(widest, window.at - window.start > 5 ? 8 : window.at - window.start > 3 ? 4 : 2);
            }
            break;
          case 'value':
            value = window.string();
            break;
          case 'ttl':
            ttl = window.length() !== 0;
            break;
          case 'score':
            window.skipTextDouble();
            break;
          default:
            // The expiry of a Valkey field, -1 for none; else a score.
            ttl = kind === 'hash' && window.bytes[window.at - window.base + 7] !== 0xff;
            window.skip(8);
        }
      }
      if (kind === 'hash') payload += model.field(name, value, ttl);
      else payload += kind === 'set' ? model.member(name) : model.scored(name);
      if (name > longest) longest = name;
      if (value > longest) longest = value;
      lengths += name + value;
    }
    const small = longest <= LONGEST_PACKED && count > 0;
    if (numbers && count > 0) {
      model.packed(this, this.#key, this.#expires, 8 + count * widest);
    } else if (small && count <= this.#mostPacked(kind) && parts.length <= 2) {
      const entries = kind === 'set' ? 1 : 2;
      model.packed(this, this.#key, this.#expires, 7 + lengths + count * entries * 2 + (kind === 'zset' ? count : 0));
    } else {
      model.table(this, this.#key, this.#expires, kind, count, payload);
    }
  }

  #mostPacked(kind: TableKind): number {
    return kind === 'set' && !this.#model.packsAll ? 0 : MOST_PACKED[kind];
  }

  *#list(type: ValueType): Measuring {
    const window = this.#window;
    const model = this.#model;
    const nodes = window.length();
    let elements = 0;
    let payload = 0;
    let bytes = 0;
    let containers = nodes;
    let plain = type.name === 'LIST';
    for (let left = nodes; left > 0; left--) {
      if (window.at >= window.safe) yield undefined;
      if (type.name === 'LIST_QUICKLIST_2') plain = window.length() === 1;
      if (window.at >= window.safe) yield undefined;
      const length = window.string();
      bytes += length;
      if (plain) {
        elements++;
        payload += type.name === 'LIST' ? 0 : model.blob(length);
        continue;
      }
      payload += model.blob(length);
      const kind = type.name === 'LIST_QUICKLIST' ? 'ziplist' : 'listpack';
      const count = Math.min(countOf(kind, window), length);
      elements += count >= 0 ? count : ((yield { count: kind, from: window.start, to: window.at }) ?? 0);
    }
    this.elements = elements;
    if (type.name === 'LIST') {
      // Written before Redis 3.2: a server packs the elements into nodes of 8 KiB.
      bytes += elements * 2;
      containers = Math.ceil(bytes / PACKED_LIST_BYTES);
      payload = containers * model.blob(Math.ceil(bytes / Math.max(1, containers)));
    }
    if (model.packsAll && containers === 1 && !plain && bytes <= PACKED_LIST_BYTES) {
      model.packed(this, this.#key, this.#expires, bytes);
    } else {
      model.quicklist(this, this.#key, this.#expires, containers, payload, bytes);
    }
  }

  *#stream(version: number): Measuring {
    const window = this.#window;
    const model = this.#model;
    const rax = new RaxSize(model.blob);
    let listpacks = 0;
    let bytes = 0;
    for (let left = window.length(); left > 0; left--) {
      if (window.at >= window.safe) yield undefined;
      if (window.string() === 16 && !window.compressed) rax.add(window.bytes, window.content - window.base);
      if (window.at >= window.safe) yield undefined;
      const length = window.string();
      listpacks += model.blob(length);
      bytes += length;
    }
    if (window.at >= window.safe) yield undefined;
    this.elements = window.length();
    model.stream(this, this.#key, this.#expires, rax.end(), listpacks, bytes);
    for (let left = version >= 2 ? 7 : 2; left > 0; left--) {
      window.length();
      if (window.at >= window.safe) yield undefined;
    }
    for (let left = window.length(); left > 0; left--) yield* this.#group(version);
    // What Redis 8.6 remembers of producers is not much, and not known to any server that is modelled.
    window.at = this.#end;
  }

  *#group(version: number): Measuring {
    const window = this.#window;
    const model = this.#model;
    for (const part of ['name', 'ms', 'seq', 'read', 'pending']) {
      if (window.at >= window.safe) yield undefined;
      if (part === 'name') window.string();
      else if (part === 'pending') break;
      else if (part !== 'read' || version >= 2) window.length();
    }
    const pending = new RaxSize(model.blob);
    for (let left = window.length(); left > 0; left--) {
      if (window.at >= window.safe) yield undefined;
      pending.add(window.bytes, window.at - window.base);
      window.skip(16 + 8);
      window.length();
    }
    model.group(this, pending.end());
    if (window.at >= window.safe) yield undefined;
    for (let left = window.length(); left > 0; left--) {
      if (window.at >= window.safe) yield undefined;
      const name = window.string();
      if (window.at >= window.safe) yield undefined;
      window.skip(version >= 3 ? 16 : 8);
      const owned = new RaxSize(model.blob);
      for (let more = window.length(); more > 0; more--) {
        if (window.at >= window.safe) yield undefined;
        owned.add(window.bytes, window.at - window.base);
        window.skip(16);
      }
      model.consumer(this, name, owned.end());
    }
    if (version < 5) return;
    if (window.at >= window.safe) yield undefined;
    window.skip(16 * window.length());
    if (window.at >= window.safe) yield undefined;
  }

  *#templateValues(fields: number): Measuring {
    const window = this.#window;
    window.length();
    let payload = 0;
    for (let left = fields; left > 0; left--) {
      if (window.at >= window.safe) yield undefined;
      payload += this.#model.sds(window.string()) + 8;
    }
    this.elements = fields;
    this.#model.opaque(this, this.#key, this.#expires, payload);
  }

  *#pathHash(): Measuring {
    const window = this.#window;
    let elements = 0;
    let payload = 0;
    for (let paths = window.length(); paths > 0; paths--) {
      if (window.at >= window.safe) yield undefined;
      payload += this.#model.sds(window.string());
      if (window.at >= window.safe) yield undefined;
      for (let fields = window.length(); fields > 0; fields--, elements++) {
        if (window.at >= window.safe) yield undefined;
        const field = window.string();
        if (window.at >= window.safe) yield undefined;
        payload += this.#model.field(field, window.string(), false);
      }
    }
    this.elements = elements;
    this.#model.opaque(this, this.#key, this.#expires, payload);
  }
}

/**
 * The number of entries that the header of the container tells that was passed last; -1 where it was too large for it. The
 * inside of a container has not been checked: whoever asks bounds it by the container's bytes.
 */
function countOf(kind: PackedKind | 'intset', window: ValueWindow): number {
  const length = window.head();
  const { headBytes: bytes, headAt: at } = window;
  switch (kind) {
    case 'listpack':
      return length < 6 ? 0 : known(bytes.readUInt16LE(at + 4));
    case 'ziplist':
      return length < 10 ? 0 : known(bytes.readUInt16LE(at + 8));
    case 'intset':
      return length < 8 ? 0 : bytes.readUInt32LE(at + 4);
    case 'zipmap':
      return length < 1 ? 0 : (bytes[at] as number) < 254 ? (bytes[at] as number) : -1;
  }
}

const known = (count: number): number => (count === UNKNOWN_COUNT ? -1 : count);
