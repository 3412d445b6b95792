// Single elements of decoded values as JSON: what lines and their parts are made of.
import type {
  ArrayItem,
  HashField,
  HashPath,
  ModuleValue,
  PendingEntry,
  StreamEntry,
  StreamId,
  StreamIdempotence,
  ZsetEntry,
} from '../../rdb/value.ts';
import type { JsonBuffer } from './json-buffer.ts';
import { FIELD, MEMBER, SCORE, VALUE } from './quick-values.ts';

/** Writes one element. */
export type Write<T> = (out: JsonBuffer, element: T) => void;

/** Elements with commas between. @returns how many there were */
export function writeAll<T>(out: JsonBuffer, elements: Iterable<T>, write: Write<T>): number {
  let count = 0;
  for (const element of elements) {
    if (count++ > 0) out.text(',');
    write(out, element);
  }
  return count;
}

/** `"name":[…]`, with `before` in front. */
function writeList<T>(out: JsonBuffer, before: string, elements: Iterable<T>, write: Write<T>): void {
  out.text(`${before}[`);
  writeAll(out, elements, write);
  out.text(']');
}

export function writeString(out: JsonBuffer, bytes: Buffer): void {
  out.string(bytes);
}

export function writeZsetEntry(out: JsonBuffer, { member, score }: ZsetEntry): void {
  out.raw(MEMBER);
  out.string(member);
  out.raw(SCORE);
  out.double(score);
  out.text('}');
}

export function writeField(out: JsonBuffer, { field, value, expireAt }: HashField): void {
  out.raw(FIELD);
  out.string(field);
  out.raw(VALUE);
  out.string(value);
  if (expireAt !== undefined) writeWide(out, ',"expiry":', expireAt);
  out.text('}');
}

export function writePath(out: JsonBuffer, { path, fields }: HashPath): void {
  out.text('{"path":');
  out.string(path);
  writeList(out, ',"fields":', fields, writeField);
  out.text('}');
}

export function writeArrayItem(out: JsonBuffer, { index, value }: ArrayItem): void {
  writeWide(out, '{"index":', index);
  out.text(',"value":');
  if (value.kind === 'string') {
    out.string(value.value);
  } else if (value.kind === 'integer') {
    writeWide(out, '{"int":', value.value);
    out.text('}');
  } else {
    out.text('{"float":');
    out.double(value.value);
    out.text('}');
  }
  out.text('}');
}

export function writeModule(out: JsonBuffer, { name, version, raw }: ModuleValue): void {
  out.text('{"module":');
  out.string(Buffer.from(name, 'latin1'));
  out.text(`,"version":${version},"payload":`);
  out.base64(raw);
  out.text('}');
}

export function writeStreamEntry(out: JsonBuffer, { id, fields }: StreamEntry): void {
  writeId(out, '{"id":', id);
  writeList(out, ',"fields":', fields, writePair);
  out.text('}');
}

/** A stream without its entries, as it stands in a line. Each group is as its encoding has it. */
export interface WrittenState {
  readonly length: bigint;
  readonly lastId: StreamId;
  readonly firstId: StreamId | undefined;
  readonly maxDeletedId: StreamId | undefined;
  readonly entriesAdded: bigint | undefined;
  readonly groups: Iterable<WrittenGroup>;
  readonly idempotence: StreamIdempotence | undefined;
}

export interface WrittenGroup {
  readonly name: Buffer;
  readonly lastId: StreamId;
  readonly entriesRead: bigint | undefined;
  readonly pel: Iterable<PendingEntry>;
  readonly consumers: Iterable<WrittenConsumer>;
  readonly nacked: Iterable<StreamId>;
}

export interface WrittenConsumer {
  readonly name: Buffer;
  readonly seenAt: bigint;
  readonly activeAt: bigint | undefined;
  readonly pel: Iterable<StreamId>;
}

/**
 * The properties of a stream behind its entries, without the braces.
 *
 * @param nacks whether its encoding knows of entries that were given back: Redis 8.8 and above
 */
export function writeStreamState(out: JsonBuffer, state: WrittenState, nacks: boolean): void {
  const { firstId, maxDeletedId, entriesAdded, idempotence } = state;
  writeWide(out, '"length":', state.length);
  writeId(out, ',"lastId":', state.lastId);
  if (firstId !== undefined) writeId(out, ',"firstId":', firstId);
  if (maxDeletedId !== undefined) writeId(out, ',"maxDeletedId":', maxDeletedId);
  if (entriesAdded !== undefined) writeWide(out, ',"entriesAdded":', entriesAdded);
  writeList(out, ',"groups":', state.groups, (_, group) => writeGroup(out, group, nacks));
  if (idempotence !== undefined) writeIdempotence(out, idempotence);
}

function writeGroup(out: JsonBuffer, group: WrittenGroup, nacks: boolean): void {
  out.text('{"name":');
  out.string(group.name);
  writeId(out, ',"lastId":', group.lastId);
  if (group.entriesRead !== undefined) writeWide(out, ',"entriesRead":', group.entriesRead);
  writeList(out, ',"pending":', group.pel, writePending);
  writeList(out, ',"consumers":', group.consumers, writeConsumer);
  if (nacks) writeList(out, ',"nacked":', group.nacked, writeBareId);
  out.text('}');
}

function writePending(out: JsonBuffer, { id, deliveredAt, count }: PendingEntry): void {
  writeId(out, '{"id":', id);
  writeWide(out, ',"deliveredAt":', deliveredAt);
  writeWide(out, ',"count":', count);
  out.text('}');
}

function writeConsumer(out: JsonBuffer, { name, seenAt, activeAt, pel }: WrittenConsumer): void {
  out.text('{"name":');
  out.string(name);
  writeWide(out, ',"seenAt":', seenAt);
  if (activeAt !== undefined) writeWide(out, ',"activeAt":', activeAt);
  writeList(out, ',"pending":', pel, writeBareId);
  out.text('}');
}

function writeIdempotence(out: JsonBuffer, idempotence: StreamIdempotence): void {
  writeWide(out, ',"idempotence":{"duration":', idempotence.duration);
  writeWide(out, ',"maxSize":', idempotence.maxSize);
  writeList(out, ',"producers":', idempotence.producers, (_, { id, messages }) => {
    out.text('{"id":');
    out.string(id);
    writeList(out, ',"messages":', messages, writeMessage);
    out.text('}');
  });
  writeWide(out, ',"added":', idempotence.added);
  writeWide(out, ',"duplicates":', idempotence.duplicates);
  out.text('}');
}

function writeMessage(out: JsonBuffer, { id, entry }: { readonly id: Buffer; readonly entry: StreamId }): void {
  out.text('{"id":');
  out.string(id);
  writeId(out, ',"entry":', entry);
  out.text('}');
}

function writePair(out: JsonBuffer, { field, value }: { readonly field: Buffer; readonly value: Buffer }): void {
  out.text('[');
  out.string(field);
  out.text(',');
  out.string(value);
  out.text(']');
}

function writeWide(out: JsonBuffer, before: string, value: bigint): void {
  out.text(before);
  out.wideInteger(value);
}

function writeId(out: JsonBuffer, before: string, id: StreamId): void {
  out.text(before);
  writeBareId(out, id);
}

function writeBareId(out: JsonBuffer, { ms, seq }: StreamId): void {
  out.text(`"${ms}-${seq}"`);
}
