// What the benches' files hold: data sets, each a seeded sequence of keys as a Redis 7.0 would save them.
import { Random } from '../test/support/random.ts';
import { writeBig, writeTwenty } from './big-keys.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { fillText } from './draws.ts';
import { writeJsonText } from './json-text.ts';
import { type KeySink, Type, writeName } from './key-record.ts';
import { expiresOf, writeMixed } from './mixed-keys.ts';
import { writeString } from './rdb-encode.ts';

export interface DataSet {
  readonly name: DataSetName;
  /** For people. */
  readonly summary: string;
  readonly keys: (scale: number) => number;
  /** How many of the keys have an expiry. */
  readonly expires: (scale: number) => number;
  /** Hands every key to the sink, in the file's order. */
  readonly write: (sink: KeySink, scale: number, seed: number) => void;
}

export type DataSetName = 'mixed' | 'mixed-scan' | 'big' | 'lzf' | 'strings' | 'twenty';

const MIXED_KEYS = 2_500_000;
const MIXED_SCAN_KEYS = 3_100_000;
const BIG_ELEMENTS = 1_000_000;
const LZF_KEYS = 500_000;
const STRING_KEYS = 5_000_000;

const scaled = (count: number, scale: number): number => Math.max(1, Math.round(count * scale));

function mixed(name: DataSetName, keys: number): DataSet {
  const count = (scale: number): number => scaled(keys, scale);
  return {
    name,
    summary: `${keys.toLocaleString('en-US')} keys: 60 % strings; hashes, lists, sets, sorted sets; 20 % expire`,
    keys: count,
    expires: (scale) => expiresOf(count(scale)),
    write: (sink, scale, seed) => writeMixed(sink, count(scale), seed),
  };
}

export const dataSets: Readonly<Record<DataSetName, DataSet>> = {
  mixed: mixed('mixed', MIXED_KEYS),
  'mixed-scan': mixed('mixed-scan', MIXED_SCAN_KEYS),
  big: {
    name: 'big',
    summary: '8 keys of 1,000,000 elements: 3 hashes, 2 sorted sets, 1 set, 2 lists',
    keys: () => 8,
    expires: () => 0,
    write: (sink, scale, seed) => writeBig(sink, scaled(BIG_ELEMENTS, scale), seed),
  },
  lzf: {
    name: 'lzf',
    summary: '500,000 strings: JSON texts of about 1.1 KB, LZF-compressed',
    keys: (scale) => scaled(LZF_KEYS, scale),
    expires: () => 0,
    write: (sink, scale, seed) => writeLzf(sink, scaled(LZF_KEYS, scale), seed),
  },
  strings: {
    name: 'strings',
    summary: '5,000,000 strings of 8 to 24 bytes',
    keys: (scale) => scaled(STRING_KEYS, scale),
    expires: () => 0,
    write: (sink, scale, seed) => writeStrings(sink, scaled(STRING_KEYS, scale), seed),
  },
  twenty: {
    name: 'twenty',
    summary: '20 keys of up to 1,000,000 elements: hashes, sorted sets, sets, lists',
    keys: () => 20,
    expires: () => 0,
    write: (sink, scale, seed) => writeTwenty(sink, scaled(BIG_ELEMENTS, scale), seed),
  },
};

function writeStrings(sink: KeySink, keys: number, seed: number): void {
  const random = new Random(seed);
  const key = new ByteBuffer();
  const value = new ByteBuffer();
  const text = new ByteBuffer();
  for (let index = 0; index < keys; index++) {
    key.clear();
    value.clear();
    text.clear();
    writeName(key, 'user:', index);
    const at = text.grow(random.int(8, 24));
    fillText(random, text.bytes, at, text.length);
    writeString(value, text.bytes, 0, text.length);
    sink({ type: Type.STRING, expireAt: 0, key, value });
  }
}

function writeLzf(sink: KeySink, keys: number, seed: number): void {
  const random = new Random(seed);
  const key = new ByteBuffer();
  const value = new ByteBuffer();
  const text = new ByteBuffer();
  for (let index = 0; index < keys; index++) {
    key.clear();
    value.clear();
    text.clear();
    writeName(key, 'doc:', index);
    writeJsonText(text, random, index);
    writeString(value, text.bytes, 0, text.length);
    sink({ type: Type.STRING, expireAt: 0, key, value });
  }
}
