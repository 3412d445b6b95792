// The keys of the big data set: few, each of a great many elements.
import { Random } from '../test/support/random.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { fillText } from './draws.ts';
import { type KeySink, QUICKLIST_PACKED, Type, writeName } from './key-record.ts';
import { beginListpack, endListpack, listpackText, writeLength, writeString } from './rdb-encode.ts';

/** list-max-listpack-size −2: a node is full at 8 KB. */
const QUICKLIST_NODE_BYTES = 8192;
/** The longest element of the big lists as a listpack entry. */
const LIST_ELEMENT_BYTES = 26;

/** Hands eight keys of `elements` elements each to the sink. */
export function writeBig(sink: KeySink, elements: number, seed: number): void {
  const random = new Random(seed);
  const key = new ByteBuffer();
  const value = new ByteBuffer(1 << 20);
  const scratch = new ByteBuffer(1 << 14);
  const big = (name: string, type: number, write: () => void): void => {
    key.clear();
    value.clear();
    key.ascii(name);
    write();
    sink({ type, expireAt: 0, key, value });
  };
  for (const name of ['big:hash:1', 'big:hash:2', 'big:hash:3']) {
    big(name, Type.HASH, () => bigHash(value, elements, random, scratch));
  }
  for (const name of ['big:zset:1', 'big:zset:2']) {
    big(name, Type.ZSET_2, () => bigSortedSet(value, elements, random, scratch));
  }
  big('big:set:1', Type.SET, () => bigSet(value, elements, scratch));
  for (const name of ['big:list:1', 'big:list:2']) {
    big(name, Type.LIST_QUICKLIST_2, () => bigList(value, elements, random, scratch));
  }
}

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

function bigSet(value: ByteBuffer, elements: number, scratch: ByteBuffer): void {
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
