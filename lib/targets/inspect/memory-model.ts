// What keys take in a server's memory: the sizes of its structures, and how it lays keys and elements out.
//
// Sources: object.c, sds.h, dict.h, quicklist.h, server.h, stream.h, t_hash.c, entry.c and hashtable.c of the releases
// named in servers.ts. Each figure is checked against the real server in test/integration/inspect-memory.test.ts.
import { type Allocate, type AllocatorName, allocatorOf } from './allocator.ts';
import type { ModelledServer } from './servers.ts';

/** Bytes of structures that all releases share. */
const OBJECT = 16;
const ENTRY = 24;
const POINTER = 8;
const ZSET = 16;
const SKIPLIST = 32;
const SKIPLIST_LEVEL = 16;
const SKIPLIST_LEVELS = 32;
const QUICKLIST = 40;
const NACK = 24;
const RAX = 24;
/** What MEMORY USAGE of Redis takes a node of a radix tree for: its header and 30 pointers. */
const RAX_NODE_TOLD = 4 + 30 * POINTER;
const STREAM_ID = 16;
const LISTPACK_EX = 32;
/** In front of a hash's field that expires (Redis ≥ 7.4). */
const FIELD_EXPIRY = 16;

/** Longest string in one allocation with its object, bytes (OBJ_ENCODING_EMBSTR_SIZE_LIMIT). */
const EMBEDDED_STRING = 44;

/** Valkey: most bytes of a hash's entry that holds its value (EMBED_VALUE_MAX_ALLOC_SIZE). */
const LARGEST_ENTRY = 128;

/** Valkey 9: about what the set of fields that expire takes for each of them (vset.c); measured. */
const TRACKED_FIELD = 16;

/** What differs between releases. */
interface Traits {
  readonly dict: number;
  readonly quicklistNode: number;
  readonly stream: number;
  readonly group: number;
  readonly consumer: number;
  /** MEMORY USAGE tells the bytes that were asked for, not those that the allocator gave (Redis 6). */
  readonly tellsRequests: boolean;
  /** Members of sets stand in the table itself, or in entries without a value (Redis ≥ 7.2). */
  readonly lightSets: boolean;
  /** Small sets, and lists of one node, are listpacks (Redis ≥ 7.2). */
  readonly packsAll: boolean;
  /** Valkey ≥ 8.1: keys inside their objects, hash tables of buckets. The most bytes of an object that holds its string. */
  readonly embedded: 0 | 64 | 128;
}

const REDIS_6: Traits = {
  dict: 96,
  quicklistNode: 32,
  stream: 0,
  group: 32,
  consumer: 24,
  tellsRequests: true,
  lightSets: false,
  packsAll: false,
  embedded: 0,
};
const REDIS_7: Traits = { ...REDIS_6, dict: 56, quicklistNode: 40, stream: 80, group: 40, tellsRequests: false };
const REDIS_8: Traits = { ...REDIS_7, consumer: 32, lightSets: true, packsAll: true };

const TRAITS: Readonly<Record<ModelledServer, Traits>> = {
  'redis-6.0': REDIS_6,
  'redis-7.0': REDIS_7,
  'redis-8.0': REDIS_8,
  'valkey-8.1': { ...REDIS_8, embedded: 64 },
  'valkey-9.1': { ...REDIS_8, embedded: 128 },
};

/** Bytes of a key: what MEMORY USAGE tells, and what it really takes more (or less). */
export interface Footprint {
  usage: number;
  unseen: number;
}

/** A radix tree: see rax-size.ts. */
export interface RaxCounts {
  readonly keys: number;
  readonly nodes: number;
  /** Bytes of its nodes; not of the tree itself. */
  readonly bytes: number;
}

export type TableKind = 'set' | 'hash' | 'zset';

export class MemoryModel {
  readonly server: ModelledServer;
  readonly allocator: AllocatorName;
  readonly packsAll: boolean;
  readonly #traits: Traits;
  readonly #allocate: Allocate;
  /** Mean bytes of a skiplist's node without its string, over its random height. */
  readonly #skiplistNode: number;
  readonly #embedded: boolean;

  constructor(server: ModelledServer, allocator: AllocatorName) {
    this.server = server;
    this.allocator = allocator;
    this.#traits = TRAITS[server];
    this.#allocate = allocatorOf(allocator);
    this.#embedded = this.#traits.embedded > 0;
    this.packsAll = this.#traits.packsAll;
    this.#skiplistNode = this.#overHeights((levels) => this.#allocate(24 + SKIPLIST_LEVEL * levels));
  }

  /** A string of its own. */
  sds(length: number): number {
    return this.#allocate(sdsBytes(length));
  }

  /** The allocation of a packed container or a node of a list. */
  get blob(): Allocate {
    return this.#allocate;
  }

  /** A member of a set that is a table. */
  member(length: number): number {
    return this.sds(length);
  }

  /** A member of a sorted set that is a skiplist, with its node. */
  scored(length: number): number {
    if (this.#traits.embedded < 128) return this.sds(length) + this.#skiplistNode;
    // Valkey 9: the member stands in the node.
    return this.#overHeights((levels) => this.#allocate(17 + SKIPLIST_LEVEL * levels + sdsBytes(length)));
  }

  /** A field of a hash that is a table, with its value. */
  field(field: number, value: number, expires: boolean): number {
    if (!this.#embedded) {
      if (!expires) return this.sds(field) + this.sds(value);
      return this.#allocate(FIELD_EXPIRY + sdsBytes(field)) + this.sds(value);
    }
    const expiry = expires ? 8 : 0;
    const tracked = expires ? TRACKED_FIELD : 0;
    const whole = expiry + sdsBytes(field) + 3 + value + 1;
    if (whole <= LARGEST_ENTRY) return tracked + this.#allocate(whole);
    return tracked + this.#allocate(expiry + POINTER + Math.max(field + 4, sdsBytes(field))) + this.sds(value);
  }

  /** @param shared one of the integers that the server keeps once for all keys: 0 to 9999 */
  string(to: Footprint, key: number, expires: boolean, length: number, integer: boolean, shared: boolean): void {
    if (this.#embedded) {
      const object = this.#objectBytes(key, expires);
      const whole = object + 3 + length + 1;
      // Valkey 9 leaves the pointer out where the string stands in the object.
      const saved = this.#traits.embedded === 128 ? POINTER : 0;
      to.unseen = 0;
      if (integer) to.usage = this.#allocate(object);
      else if (whole - saved <= this.#traits.embedded) to.usage = this.#allocate(whole - saved);
      else to.usage = this.#allocate(object) + this.sds(length);
      return;
    }
    this.#key(to, key);
    if (integer) {
      to.usage += OBJECT;
      if (shared) to.unseen -= OBJECT;
    } else if (length > EMBEDDED_STRING) {
      to.usage += OBJECT + this.sds(length);
    } else {
      const allocated = this.#allocate(OBJECT + 3 + length + 1);
      const told = this.#traits.tellsRequests ? OBJECT + 2 + length : allocated;
      to.usage += told;
      to.unseen += allocated - told;
    }
  }

  /** A container in one allocation: listpack, ziplist, intset, zipmap. */
  packed(to: Footprint, key: number, expires: boolean, bytes: number, withExpiries = false): void {
    this.#object(to, key, expires);
    this.#told(to, bytes);
    if (withExpiries) to.usage += this.#allocate(LISTPACK_EX);
  }

  /** @param payload what the nodes' contents take: the sum of {@link blob}; @param bytes the sum of what they are */
  quicklist(to: Footprint, key: number, expires: boolean, nodes: number, payload: number, bytes: number): void {
    const { quicklistNode, tellsRequests } = this.#traits;
    this.#object(to, key, expires);
    const told = tellsRequests ? bytes : payload;
    to.usage += QUICKLIST + nodes * quicklistNode + told;
    to.unseen += this.#rounded(QUICKLIST) + nodes * this.#rounded(quicklistNode) + payload - told;
  }

  /** @param payload the sum of {@link member}, {@link field} or {@link scored} */
  table(to: Footprint, key: number, expires: boolean, kind: TableKind, count: number, payload: number): void {
    this.#object(to, key, expires);
    to.usage += payload;
    if (kind === 'zset') {
      const levels = this.#traits.embedded === 128 ? 16 : 24;
      to.usage += ZSET + SKIPLIST + this.#allocate(levels + SKIPLIST_LEVEL * SKIPLIST_LEVELS);
    }
    if (this.#embedded) {
      // Valkey 9 remembers which fields of a hash expire.
      to.usage += HASHTABLE + bucketBytes(count) + (kind === 'hash' && this.#traits.embedded === 128 ? 16 : 0);
      return;
    }
    const slots = tableSlots(count);
    to.usage += this.#traits.dict + slots * POINTER + count * ENTRY;
    to.unseen += this.#rounded(this.#traits.dict);
    if (kind === 'set' && this.#traits.lightSets) {
      // The last member of each slot stands in the table itself, the others in entries of 16 bytes.
      const chained = count - slots * (1 - Math.exp(-count / slots));
      to.unseen += chained * this.#allocate(16) - count * ENTRY;
    } else {
      to.unseen += count * this.#rounded(ENTRY);
    }
  }

  /** @param listpacks the sum of {@link blob} over its nodes; @param bytes the sum of what they are */
  stream(to: Footprint, key: number, expires: boolean, rax: RaxCounts, listpacks: number, bytes: number): void {
    this.#object(to, key, expires);
    const told = this.#traits.tellsRequests ? bytes : listpacks;
    to.usage += this.#traits.stream + told;
    to.unseen += listpacks - told;
    this.#rax(to, rax);
  }

  group(to: Footprint, pending: RaxCounts): void {
    to.usage += this.#traits.group + NACK * pending.keys;
    to.unseen += this.#rounded(NACK) * pending.keys;
    this.#rax(to, pending);
  }

  consumer(to: Footprint, name: number, pending: RaxCounts): void {
    to.usage += this.#traits.consumer + name;
    to.unseen += this.sds(name) - name;
    this.#rax(to, pending);
  }

  /** A module's value, of which nothing is known but its bytes in the file. */
  opaque(to: Footprint, key: number, expires: boolean, bytes: number): void {
    this.#object(to, key, expires);
    to.usage += bytes;
  }

  /** The tables of a database of so many keys, so many of them with an expiry, as they are after a load. */
  tables(keys: number, expiring: number): number {
    if (this.#embedded) return bucketBytes(keys) + bucketBytes(expiring);
    const expiries = expiring === 0 ? 0 : tableSlots(expiring) * POINTER + expiring * this.#allocate(ENTRY);
    return keys === 0 ? 0 : tableSlots(keys) * POINTER + expiries;
  }

  /** What the allocator gives beyond a request. */
  #rounded(bytes: number): number {
    return this.#allocate(bytes) - bytes;
  }

  #told(to: Footprint, bytes: number): void {
    const allocated = this.#allocate(bytes);
    const told = this.#traits.tellsRequests ? bytes : allocated;
    to.usage += told;
    to.unseen += allocated - told;
  }

  /** The key and an object that points to its value. */
  #object(to: Footprint, key: number, expires: boolean): void {
    if (this.#embedded) {
      to.usage = this.#allocate(this.#objectBytes(key, expires));
      to.unseen = 0;
    } else {
      this.#key(to, key);
      to.usage += OBJECT;
    }
  }

  #key(to: Footprint, key: number): void {
    to.usage = this.sds(key) + ENTRY;
    to.unseen = this.#rounded(ENTRY);
  }

  /** An object of Valkey with its key in it. Long keys have room for an expiry in any case. */
  #objectBytes(key: number, expires: boolean): number {
    return OBJECT + (expires || key >= 128 ? 8 : 0) + 1 + sdsBytes(key);
  }

  #rax(to: Footprint, { keys, nodes, bytes }: RaxCounts): void {
    const real = this.#allocate(RAX) + bytes;
    const told = this.#embedded ? real : keys * STREAM_ID + nodes * RAX_NODE_TOLD;
    to.usage += told;
    to.unseen += real - told;
  }

  /** Each level of a skiplist has a quarter of the nodes of the one below. */
  #overHeights(bytes: (levels: number) => number): number {
    let mean = 0;
    for (let levels = 1, share = 0.75; levels <= 8; levels++, share /= 4) mean += share * bytes(levels);
    return mean;
  }
}

/** A string with its header and the zero behind it (sds.h). */
function sdsBytes(length: number): number {
  if (length < 32) return length === 0 ? 4 : length + 2;
  return length + (length < 256 ? 4 : length < 65_536 ? 6 : length < 2 ** 32 ? 10 : 18);
}

/** Slots of a dictionary that was made for so many entries: a power of two. */
export function tableSlots(count: number): number {
  return count <= 4 ? 4 : 2 ** Math.ceil(Math.log2(count));
}

/** Valkey's hashtable itself. */
const HASHTABLE = 72;
const BUCKET = 64;
const BUCKET_ENTRIES = 7;

/** Buckets of a Valkey hashtable that was made for so many entries, those that overflow included, in bytes. */
function bucketBytes(count: number): number {
  if (count === 0) return 0;
  const buckets = 2 ** Math.ceil(Math.log2(Math.ceil((count * 5) / 32)));
  return BUCKET * (buckets === 1 ? 1 : buckets * (1 + overflowing(count / buckets)));
}

/** Buckets that follow another because that is full, on average a bucket, where each has `mean` entries on average. */
function overflowing(mean: number): number {
  let share = Math.exp(-mean);
  let more = 0;
  for (let entries = 1; entries < 40; entries++) {
    share *= mean / entries;
    // A full bucket gives one of its seven places to the pointer to the next.
    if (entries > BUCKET_ENTRIES) more += share * Math.ceil((entries - BUCKET_ENTRIES) / (BUCKET_ENTRIES - 1));
  }
  return more;
}
