// Lists, sets, sorted sets and hashes in parts.
//
// A counted container is cut between elements, and each cut is decoded as a small value of the same type: what stands
// before the elements of the whole is put before those of the cut, with a count of its own. Containers that are one blob
// have to be held for as long as their elements are read.
import { hashFields } from '../decode/hash.ts';
import { listItems } from '../decode/list.ts';
import { setMembers } from '../decode/set.ts';
import type { TemplateLookup } from '../decode/template-hash.ts';
import type { ValueCursor } from '../decode/value-cursor.ts';
import { zsetEntries } from '../decode/zset.ts';
import { ValueWriter } from '../encode-primitives.ts';
import type { ValueType } from '../types.ts';
import type { ValuePart } from '../value-parts.ts';
import type { ArrivingBytes } from './arriving-bytes.ts';
import { batches, fieldBytes, scoredBytes, stringBytes } from './batches.ts';
import type { Shape } from './shape.ts';

/** The elements of counted containers. */
const ELEMENTS: Readonly<Record<string, Shape>> = {
  LIST: ['string'],
  LIST_QUICKLIST: ['string'],
  LIST_QUICKLIST_2: ['length', 'string'],
  SET: ['string'],
  ZSET: ['string', 'text-double'],
  ZSET_2: ['string', 8],
  HASH: ['string', 'string'],
  HASH_2: ['string', 'string', 8],
  HASH_METADATA_PRE_GA: ['length', 'string', 'string'],
  HASH_METADATA: ['length', 'string', 'string'],
};

/** Bytes before the count: the earliest expiry, to which those of the fields are relative. */
const PREFIX_BYTES: Readonly<Record<string, number>> = { HASH_METADATA: 8 };

/** @throws {RdbError} for damage */
export async function* containerParts(
  type: ValueType,
  bytes: ArrivingBytes,
  partBytes: number,
  templates: TemplateLookup,
): AsyncGenerator<ValuePart, void, undefined> {
  for await (const cut of cuts(type, bytes)) yield* cutParts(type, cut, partBytes, templates);
}

/** Cursors over values of the same type, which hold the elements in turn. */
export async function* cuts(type: ValueType, bytes: ArrivingBytes): AsyncGenerator<ValueCursor, void, undefined> {
  const element = ELEMENTS[type.name];
  if (element === undefined) {
    yield await bytes.rest();
    return;
  }
  const prefix = Buffer.from((await bytes.one([PREFIX_BYTES[type.name] ?? 0])).bytes);
  const head = (count: number): Buffer => new ValueWriter().bytes(prefix).length(count).written;
  for await (const { cursor } of bytes.runs(element, await bytes.length(), head)) yield cursor;
  await bytes.expectEnd(`the ${type.kind}`);
}

function* cutParts(
  type: ValueType,
  cut: ValueCursor,
  partBytes: number,
  templates: TemplateLookup,
): Generator<ValuePart, void, undefined> {
  switch (type.kind) {
    case 'list':
      for (const items of batches(listItems(type, cut), stringBytes, partBytes)) yield { kind: 'list', items };
      break;
    case 'set':
      for (const members of batches(setMembers(type, cut), stringBytes, partBytes)) yield { kind: 'set', members };
      break;
    case 'zset':
      for (const entries of batches(zsetEntries(type, cut), scoredBytes, partBytes)) yield { kind: 'zset', entries };
      break;
    case 'hash': {
      const all = hashFields(type, cut, templates);
      for (const fields of batches(all, fieldBytes, partBytes)) yield { kind: 'hash', fields };
    }
  }
}
