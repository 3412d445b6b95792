// Tells whether two encoded values are the same to a client, whatever encodings and servers they come from.
import { arrayValue } from './decode/array.ts';
import { Elements } from './decode/elements.ts';
import { hashFields, hashPaths } from './decode/hash.ts';
import * as identity from './decode/identity.ts';
import { listItems } from './decode/list.ts';
import { moduleItems, moduleValue } from './decode/module.ts';
import { setMembers } from './decode/set.ts';
import { streamValue } from './decode/stream.ts';
import type { TemplateLookup } from './decode/template-hash.ts';
import { ValueCursor } from './decode/value-cursor.ts';
import { zsetEntries } from './decode/zset.ts';
import { sameMembers } from './same-members.ts';
import { sameSequence } from './same-sequence.ts';
import { sameStream } from './same-stream.ts';
import { isVectorSet, sameVectorSet } from './same-vector-set.ts';
import type { ValueType } from './types.ts';
import type { HashField, HashPath, ModuleValue, ZsetEntry } from './value.ts';

export { type ParsedPayload, parseDumpPayload } from './parse-payload.ts';

export interface EncodedValue {
  readonly type: ValueType;
  /** Exactly the value's bytes, without the type byte. */
  readonly value: Buffer;
  /** The templates of the file that it comes from, for the types 30 and 32. */
  readonly templates?: TemplateLookup;
}

export interface SameValueOptions {
  /** Hash fields whose time has come by then (ms since the epoch) count as gone, on both sides: servers drop them. */
  now?: bigint | undefined;
}

/**
 * True when both hold the same logical value.
 *
 * Lists and stream entries are compared in order; sets, hashes and sorted sets without. Field expiries count. Scores
 * are compared as numbers: servers lose the sign of -0 when they turn a small sorted set into a listpack. What an older
 * stream encoding does not know is not compared. Modules are compared item by item, as they wrote them, vector sets by
 * their elements.
 *
 * Memory: 20 to 40 bytes for each member of one side; the elements themselves are not kept.
 *
 * @throws {RdbError} when one of the two is damaged and no difference showed before
 */
export function sameValue(a: EncodedValue, b: EncodedValue, options: SameValueOptions = {}): boolean {
  if (a.type === b.type && a.templates === b.templates && a.value.equals(b.value)) return true;
  const { kind } = a.type;
  if (kind !== b.type.kind) return false;
  const [left, right] = [new ValueCursor(a.value), new ValueCursor(b.value)];
  switch (kind) {
    case 'string':
      return left.string().equals(right.string());
    case 'list':
      return sameSequence(listItems(a.type, left), listItems(b.type, right), sameBytes);
    case 'set':
      return sameMembers(setMembers(a.type, left), setMembers(b.type, right), identity.ofMember);
    case 'zset':
      return sameMembers(zsetEntries(a.type, left), zsetEntries(b.type, right), identity.ofEntry, sameScore);
    case 'hash':
      return sameHash(a, b, options.now);
    case 'stream':
      return sameStream(streamValue(a.type, left), streamValue(b.type, right));
    case 'module': {
      const [ours, theirs] = [moduleValue(left), moduleValue(right)];
      return ours.id === theirs.id && sameModule(ours, theirs);
    }
    case 'array': {
      const [ours, theirs] = [arrayValue(left), arrayValue(right)];
      const sameItems = () =>
        sameMembers(ours.items, theirs.items, identity.ofItem, (x, y) => sameScalar(x.value, y.value));
      return ours.insertIndex === theirs.insertIndex && sameItems();
    }
  }
}

function sameModule(ours: ModuleValue, theirs: ModuleValue): boolean {
  const asVectors = isVectorSet(ours) ? sameVectorSet(ours, theirs) : undefined;
  return asVectors ?? sameSequence(moduleItems(ours.raw), moduleItems(theirs.raw), sameScalar);
}

function sameHash(a: EncodedValue, b: EncodedValue, now: bigint | undefined): boolean {
  const [left, right] = [new ValueCursor(a.value), new ValueCursor(b.value)];
  if (a.type.name === 'PATH_HASH' || b.type.name === 'PATH_HASH') {
    return a.type === b.type && sameMembers(hashPaths(left), hashPaths(right), identity.ofPath, samePath);
  }
  const [ours, theirs] = [hashFields(a.type, left, a.templates), hashFields(b.type, right, b.templates)];
  const lives = ({ expireAt }: HashField): boolean => now === undefined || expireAt === undefined || expireAt > now;
  return sameMembers(ours, theirs, identity.ofField, sameField, lives);
}

function samePath(a: HashPath, b: HashPath): boolean {
  return sameMembers(Elements.over(a.fields), Elements.over(b.fields), identity.ofField, sameField);
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.equals(b);
}

function sameScore(a: ZsetEntry, b: ZsetEntry): boolean {
  return a.score === b.score || (Number.isNaN(a.score) && Number.isNaN(b.score));
}

function sameField(a: HashField, b: HashField): boolean {
  return a.expireAt === b.expireAt && a.value.equals(b.value);
}

interface Scalar {
  readonly kind: string;
  readonly value: Buffer | bigint | number;
}

function sameScalar(a: Scalar, b: Scalar): boolean {
  if (a.kind !== b.kind) return false;
  return Buffer.isBuffer(a.value) ? a.value.equals(b.value as Buffer) : Object.is(a.value, b.value);
}
