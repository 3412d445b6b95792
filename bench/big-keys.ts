// The keys of the big data sets: few, each of a great many elements.
import { Random } from '../test/support/random.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { fillText } from './draws.ts';
import { type KeySink, QUICKLIST_PACKED, Type, writeName } from './key-record.ts';
import { beginListpack, endListpack, listpackText, writeLength, writeString } from './rdb-encode.ts';

/** list-max-listpack-size −2: a node is full at 8 KB. */
const QUICKLIST_NODE_BYTES = 8192;
/** The longest element of the big lists as a listpack entry. */
const LIST_ELEMENT_BYTES = 26;

type Kind = 'hash' | 'zset' | 'set' | 'list';

/** Hands eight keys of `elements` elements each to the sink. */
export function writeBig(sink: KeySink, elements: number, seed: number): void {
  const writer = new BigWriter(sink, seed);
  for (const name of ['big:hash:1', 'big:hash:2', 'big:hash:3']) writer.key(name, 'hash', elements);
  for (const name of ['big:zset:1', 'big:zset:2']) writer.key(name, 'zset', elements);
  writer.key('big:set:1', 'set', elements);
  for (const name of ['big:list:1', 'big:list:2']) writer.key(name, 'list', elements);
}

/** Five sizes of each kind, as shares of the largest: what a file with some big keys in it looks like. */
const TWENTY_SHARES = [1, 0.6, 0.3, 0.15, 0.05];

/** Hands twenty keys of up to `elements` elements to the sink. */
export function writeTwenty(sink: KeySink, elements: number, seed: number): void {
  const writer = new BigWriter(sink, seed);
  for (const share of TWENTY_SHARES) {
    const count = Math.max(1, Math.round(elements * share));
    for (const kind of ['hash', 'zset', 'set', 'list'] as const) writer.key(`${kind}:${count}`, kind, count);
  }
}

class BigWriter {
  readonly #sink: KeySink;
  readonly #random: Random;
  readonly #key = new ByteBuffer();
  readonly #value = new ByteBuffer(1 << 20);
  readonly #scratch = new ByteBuffer(1 << 14);

  constructor(sink: KeySink, seed: number) {
    this.#sink = sink;
    this.#random = new Random(seed);
  }

  key(name: string, kind: Kind, elements: number): void {
    const [key, value] = [this.#key, this.#value];
    key.clear();
    value.clear();
    key.ascii(name);
    const [type, write] = KINDS[kind];
    write(value, elements, this.#random, this.#scratch);
    this.#sink({ type, expireAt: 0, key, value });
  }
}

type Write = (value: ByteBuffer, elements: number, random: Random, scratch: ByteBuffer) => void;

const KINDS: Readonly<Record<Kind, readonly [type: number, write: Write]>> = {
  hash: [Type.HASH, bigHash],
  zset: [Type.ZSET_2, bigSortedSet],
  set: [Type.SET, bigSet],
  list: [Type.LIST_QUICKLIST_2, bigList],
};

function bigHash(value: ByteBuffer, elements: number, random: Random, scratch: ByteBuffer): void {
  writeLength(value, elements);
  for (let index = 0; index < elements; index++) {
    scratch.clear();
    writeName(scratch, 'field:', index);
    const end = scratch.length;
    const at = scratch.grow(random.int(12, 28));
    fillText(random, scratch.bytes, at, scratch.length);
    writeString(value, scratch.bytes, 0, end);
    writeString(value, scratch.bytes, end, scratch.length);
  }
}

/** By descending score, as servers save them: each member then loads in front of the others. */
function bigSortedSet(value: ByteBuffer, elements: number, random: Random, scratch: ByteBuffer): void {
  writeLength(value, elements);
  for (let index = 0; index < elements; index++) {
    scratch.clear();
    writeName(scratch, 'player:', index);
    writeString(value, scratch.bytes, 0, scratch.length);
    value.doubleLe((elements - index) * 4 + random.int(0, 7) / 4);
  }
}

function bigSet(value: ByteBuffer, elements: number, _random: Random, scratch: ByteBuffer): void {
  writeLength(value, elements);
  for (let index = 0; index < elements; index++) {
    scratch.clear();
    writeName(scratch, 'visitor:', index);
    writeString(value, scratch.bytes, 0, scratch.length);
  }
}

/** Full nodes of 8 KB; their number goes in front, so the nodes are written elsewhere first. */
function bigList(value: ByteBuffer, elements: number, random: Random, scratch: ByteBuffer): void {
  const nodes = new ByteBuffer(1 << 20);
  let count = 0;
  for (let left = elements; left > 0; count++) {
    scratch.clear();
    const start = beginListpack(scratch);
    let inNode = 0;
    for (; left > 0 && scratch.length + LIST_ELEMENT_BYTES < QUICKLIST_NODE_BYTES; left--, inNode++) {
      const length = random.int(16, LIST_ELEMENT_BYTES - 2);
      const at = listpackText(scratch, length);
      fillText(random, scratch.bytes, at, at + length);
    }
    endListpack(scratch, start, inNode);
    writeLength(nodes, QUICKLIST_PACKED);
    writeString(nodes, scratch.bytes, 0, scratch.length);
  }
  writeLength(value, count);
  value.append(nodes.view());
}
