// The keys of the mixed data sets: small values of the core types in random order, a share of them with an expiry.
import { Random } from '../test/support/random.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { fillText, Urn } from './draws.ts';
import { type KeySink, QUICKLIST_PACKED, Type, writeName } from './key-record.ts';
import {
  beginListpack,
  endListpack,
  listpackInteger,
  listpackText,
  writeIntset,
  writeLength,
  writeString,
} from './rdb-encode.ts';

/** 2100-01-01: no key expires during a bench. Expiries are spread over the decade that follows. */
const FAR_FUTURE = Date.UTC(2100, 0, 1);
const TEN_YEARS_MS = 3650 * 86_400_000;

/** What is not a string: shares in twentieths, the strings have the other twelve. */
const collectionKinds: readonly { share: number; prefix: string; type: number; write: ValueWriter }[] = [
  { share: 2, prefix: 'profile:', type: Type.HASH_LISTPACK, write: smallHash },
  { share: 2, prefix: 'recent:', type: Type.LIST_QUICKLIST_2, write: smallList },
  { share: 1, prefix: 'groups:', type: Type.SET_INTSET, write: smallIntset },
  { share: 1, prefix: 'labels:', type: Type.SET, write: smallSet },
  { share: 2, prefix: 'scores:', type: Type.ZSET_LISTPACK, write: smallSortedSet },
];

type ValueWriter = (value: ByteBuffer, random: Random, scratch: ByteBuffer) => void;

/** How many of so many keys have an expiry: one in five. */
export const expiresOf = (keys: number): number => Math.round(keys / 5);

/** Hands `keys` keys to the sink. */
export function writeMixed(sink: KeySink, keys: number, seed: number): void {
  const random = new Random(seed);
  const shares = collectionKinds.map(({ share }) => Math.floor((keys * share) / 20));
  const strings = keys - shares.reduce((sum, share) => sum + share, 0);
  const kinds = new Urn([strings, ...shares]);
  const expiry = new Urn([keys - expiresOf(keys), expiresOf(keys)]);
  const key = new ByteBuffer();
  const value = new ByteBuffer();
  const scratch = new ByteBuffer();
  for (let index = 0; index < keys; index++) {
    key.clear();
    value.clear();
    scratch.clear();
    const kind = collectionKinds[kinds.draw(random) - 1];
    writeName(key, kind?.prefix ?? 'session:', index);
    if (kind === undefined) smallString(value, random, scratch);
    else kind.write(value, random, scratch);
    const expireAt = expiry.draw(random) === 0 ? 0 : FAR_FUTURE + random.int(0, TEN_YEARS_MS);
    sink({ type: kind?.type ?? Type.STRING, expireAt, key, value });
  }
}

/** One in eight a number, the others 40 to 80 incompressible characters. */
function smallString(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  if (random.chance(1 / 8)) {
    // half of them beyond 32 bits: those stay text in the file
    scratch.ascii(String(random.chance(0.5) ? random.int(0, 2 ** 31 - 1) : random.int(2 ** 40, 2 ** 52)));
  } else {
    const at = scratch.grow(random.int(40, 80));
    fillText(random, scratch.bytes, at, scratch.length);
  }
  writeString(value, scratch.bytes, 0, scratch.length);
}

const FIELDS = ['name', 'email', 'city', 'plan', 'visits'].map((field) => Buffer.from(field, 'latin1'));

function smallHash(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  const start = beginListpack(scratch);
  const fields = random.int(2, 4);
  const first = random.int(0, FIELDS.length - 1);
  for (let index = 0; index < fields; index++) {
    const field = FIELDS[(first + index) % FIELDS.length]!;
    scratch.bytes.set(field, listpackText(scratch, field.length));
    listpackElement(scratch, random, index);
  }
  endListpack(scratch, start, fields * 2);
  writeString(value, scratch.bytes, 0, scratch.length);
}

function smallList(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  const start = beginListpack(scratch);
  const elements = random.int(2, 6);
  for (let index = 0; index < elements; index++) listpackElement(scratch, random, index);
  endListpack(scratch, start, elements);
  writeLength(value, 1);
  writeLength(value, QUICKLIST_PACKED);
  writeString(value, scratch.bytes, 0, scratch.length);
}

/** A quarter numbers, the others 4 to 10 characters. */
function listpackElement(scratch: ByteBuffer, random: Random, index: number): void {
  if (random.chance(0.25)) {
    listpackInteger(scratch, random.int(0, 2 ** random.int(4, 30) - 1));
  } else {
    const length = random.int(4, 10);
    const at = listpackText(scratch, length);
    fillText(random, scratch.bytes, at, at + length, index);
  }
}

function smallIntset(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  const members: number[] = [];
  const step = random.chance(0.5) ? 1000 : 1_000_000;
  let member = random.int(0, step - 1);
  for (let left = random.int(3, 12); left > 0; left--) {
    members.push(member);
    member += random.int(1, step);
  }
  writeIntset(scratch, members);
  writeString(value, scratch.bytes, 0, scratch.length);
}

function smallSet(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  const members = random.int(2, 5);
  writeLength(value, members);
  for (let index = 0; index < members; index++) {
    scratch.clear();
    const at = scratch.grow(random.int(6, 14));
    fillText(random, scratch.bytes, at, scratch.length, index);
    writeString(value, scratch.bytes, 0, scratch.length);
  }
}

/** Members by ascending score; a quarter of the scores have a fraction and are therefore text. */
function smallSortedSet(value: ByteBuffer, random: Random, scratch: ByteBuffer): void {
  const start = beginListpack(scratch);
  const members = random.int(2, 4);
  let score = 0;
  for (let index = 0; index < members; index++) {
    const length = random.int(4, 10);
    const at = listpackText(scratch, length);
    fillText(random, scratch.bytes, at, at + length, index);
    score += random.int(1, 1000);
    if (random.chance(0.25)) {
      const text = `${score}.5`;
      const scoreAt = listpackText(scratch, text.length);
      scratch.bytes.write(text, scoreAt, 'latin1');
    } else {
      listpackInteger(scratch, score);
    }
  }
  endListpack(scratch, start, members * 2);
  writeString(value, scratch.bytes, 0, scratch.length);
}
