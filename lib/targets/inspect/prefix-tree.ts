// A tree of key prefixes in bounded memory. Keys are cut behind separators, or after every byte where there are none.
//
// Prefixes are found by a hash of all their bytes, so that a key costs one look-up for its longest prefix. When there are
// too many, those that take the least memory are folded into their parents: no key is ever lost between two levels.

import { randomBytes } from 'node:crypto';
import type { InspectedKey } from './counts.ts';
import { byMemory } from './counts.ts';
import type { Namer } from './names.ts';
import type { InspectCounts, InspectPrefix } from './report.ts';

export interface PrefixTreeOptions {
  /** Bytes behind which a prefix ends; none: behind every byte. */
  separators: Uint8Array;
  /** Levels below the root. */
  depth: number;
  /** Nodes that are kept while keys are added; half of it when they have to be reduced. */
  working?: number;
  /** Nodes of the result, at most. */
  nodes?: number;
}

const WORKING_NODES = 40_000;
export const REPORT_NODES = 2000;
/** Longer prefixes end here: keys may be 512 MB long. */
const LONGEST_PREFIX = 512;

/** FNV-1a, 32 bits. It begins with a number of chance: nobody can make a file of prefixes that all have one hash. */
const FNV_PRIME = 0x01000193;
const FNV_BASIS = randomBytes(4).readInt32LE();

interface Sums {
  keys: number;
  bytes: number;
  memory: number;
  expiring: number;
}

interface Node {
  readonly prefix: Buffer;
  readonly hash: number;
  readonly parent: Node | undefined;
  /** Nodes of the same hash, one after the other. */
  next: Node | undefined;
  children: number;
  /** Keys that have no longer prefix. */
  readonly rest: Sums;
  readonly other: Sums;
}

const newSums = (): Sums => ({ keys: 0, bytes: 0, memory: 0, expiring: 0 });

export class PrefixTree {
  readonly #separators: Uint8Array;
  readonly #isSeparator = new Uint8Array(256);
  readonly #depth: number;
  readonly #working: number;
  readonly #most: number;
  readonly #root: Node = node(Buffer.alloc(0), 0, undefined);
  /** By hash. */
  readonly #nodes = new Map<number, Node>();
  #count = 0;
  /** Of the key at hand: where its prefixes end, and their hashes. */
  readonly #ends: Int32Array;
  readonly #hashes: Int32Array;

  constructor({ separators, depth, working = WORKING_NODES, nodes = REPORT_NODES }: PrefixTreeOptions) {
    this.#separators = separators;
    for (let byte = 0; byte < 256; byte++) {
      this.#isSeparator[byte] = separators.length === 0 || separators.includes(byte) ? 1 : 0;
    }
    this.#depth = Math.min(depth, LONGEST_PREFIX);
    this.#working = working;
    this.#most = nodes;
    this.#ends = new Int32Array(this.#depth + 1);
    this.#hashes = new Int32Array(this.#depth + 1);
  }

  add(key: InspectedKey): void {
    const { bytes, start } = key;
    // What stands behind the last separator is no prefix of other keys.
    const end = Math.min(key.end, start + LONGEST_PREFIX) - (this.#separators.length === 0 ? 1 : 0);
    const isSeparator = this.#isSeparator;
    const depth = this.#depth;
    let level = 0;
    let hash = FNV_BASIS;
    for (let at = start; at < end && level < depth; at++) {
      const byte = bytes[at] as number;
      hash = Math.imul(hash ^ byte, FNV_PRIME);
      if (isSeparator[byte] === 1) {
        this.#ends[level] = at + 1;
        this.#hashes[level] = hash;
        level++;
      }
    }
    const found = level === 0 ? this.#root : this.#nodeAt(bytes, start, level - 1);
    const { rest } = found;
    rest.keys++;
    rest.bytes += key.recordBytes;
    rest.memory += key.memory;
    if (!Number.isNaN(key.expireAt)) rest.expiring++;
    if (this.#count > this.#working) this.#reduce(this.#working >> 1);
  }

  /** The tree as it stands, reduced to what is worth showing; to be asked for once. */
  result(name: Namer): InspectPrefix {
    this.#reduce(this.#most);
    const children = new Map<Node, Node[]>();
    for (const each of this.#all()) {
      const parent = each.parent as Node;
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [each]);
      else siblings.push(each);
    }
    return shown(this.#root, 0, children, name);
  }

  /** The node of the key's prefix at a level, made with all above it where there is none. */
  #nodeAt(bytes: Buffer, start: number, level: number): Node {
    const hash = this.#hashes[level] as number;
    const end = this.#ends[level] as number;
    const first = this.#nodes.get(hash);
    for (let each = first; each !== undefined; each = each.next) {
      if (isAt(each.prefix, bytes, start, end)) return each;
    }
    const parent = level === 0 ? this.#root : this.#nodeAt(bytes, start, level - 1);
    // Asked for again: the parent may have come to stand in the same place.
    const made = node(Buffer.from(bytes.subarray(start, end)), hash, parent);
    made.next = this.#nodes.get(hash);
    this.#nodes.set(hash, made);
    parent.children++;
    this.#count++;
    return made;
  }

  *#all(): Generator<Node> {
    for (const first of this.#nodes.values())
      for (let each: Node | undefined = first; each; each = each.next) yield each;
  }

  /** Folds the lightest nodes into their parents, leaves first, until no more than `most` are left. */
  #reduce(most: number): void {
    if (this.#count <= most) return;
    // The weight of a node with all below it is never less than that of one below: leaves are lighter than their parents.
    const weights = new Map<Node, number>();
    const longestFirst = [...this.#all()].sort((a, b) => b.prefix.length - a.prefix.length);
    for (const each of longestFirst) {
      const weight = (weights.get(each) ?? 0) + each.rest.memory + each.other.memory;
      weights.set(each, weight);
      if (each.parent !== undefined) weights.set(each.parent, (weights.get(each.parent) ?? 0) + weight);
    }
    const lightest = longestFirst.sort((a, b) => {
      const difference = (weights.get(a) as number) - (weights.get(b) as number);
      return difference !== 0 ? difference : b.prefix.length - a.prefix.length;
    });
    for (const each of lightest) {
      if (this.#count <= most) return;
      if (each.children === 0) this.#fold(each);
    }
  }

  #fold(folded: Node): void {
    const parent = folded.parent as Node;
    for (const sums of [folded.rest, folded.other]) addSums(parent.other, sums);
    parent.children--;
    this.#count--;
    const first = this.#nodes.get(folded.hash) as Node;
    if (first === folded) {
      if (folded.next === undefined) this.#nodes.delete(folded.hash);
      else this.#nodes.set(folded.hash, folded.next);
      return;
    }
    let before = first;
    while (before.next !== folded) before = before.next as Node;
    before.next = folded.next;
  }
}

function node(prefix: Buffer, hash: number, parent: Node | undefined): Node {
  return { prefix, hash, parent, next: undefined, children: 0, rest: newSums(), other: newSums() };
}

/** A node with its children; one that has nothing but a single child is one with it. */
function shown(from: Node, parentBytes: number, children: ReadonlyMap<Node, Node[]>, name: Namer): InspectPrefix {
  let at = from;
  for (;;) {
    const below = children.get(at);
    const only = below?.length === 1 && at.parent !== undefined && at.rest.keys === 0 && at.other.keys === 0;
    if (!only) break;
    at = below[0] as Node;
  }
  const all = (children.get(at) ?? []).map((child) => shown(child, at.prefix.length, children, name)).sort(byMemory);
  const sums = newSums();
  for (const each of [at.rest, at.other, ...all]) addSums(sums, each);
  return {
    prefix: name(at.prefix),
    label: name(at.prefix.subarray(parentBytes)),
    ...sums,
    children: all,
    rest: at.rest.keys === 0 ? null : { ...at.rest },
    other: at.other.keys === 0 ? null : { ...at.other },
  };
}

/** Prefixes are short: a loop beats a call of `compare`. */
function isAt(prefix: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const { length } = prefix;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) if (prefix[i] !== bytes[start + i]) return false;
  return true;
}

function addSums(to: Sums, { keys, bytes, memory, expiring }: InspectCounts): void {
  to.keys += keys;
  to.bytes += bytes;
  to.memory += memory;
  to.expiring += expiring;
}
