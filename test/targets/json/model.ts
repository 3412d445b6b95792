// What keyferry's JSON is to say of a value, and a value put together again from JSON: written from docs/json-format.md.
import { isUtf8 } from 'node:buffer';
import type { HashField, LogicalValue, StreamId } from '../../../lib/rdb/decode.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A Redis string. */
export function text(bytes: Buffer): Json {
  const isText = isUtf8(bytes) && !bytes.includes(0);
  return isText ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
}

/** The bytes of {@link text}. */
export function bytesOf(json: Json): Buffer {
  if (typeof json === 'string') return Buffer.from(json, 'utf8');
  return Buffer.from((json as { base64: string }).base64, 'base64');
}

export function whole(value: bigint): Json {
  return value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : `${value}`;
}

export function score(value: number): Json {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Math.abs(value) > 9007199254740991 ? String(value) : value;
}

/** @param isLast whether the stream's encoding is the one that knows of entries given back */
export function valueJson(value: LogicalValue, isLast: boolean, inParts = false): Json {
  switch (value.kind) {
    case 'string':
      return text(value.bytes);
    case 'list':
      return value.items.map(text);
    case 'set':
      return value.members.map(text);
    case 'zset':
      return value.entries.map((entry) => ({ member: text(entry.member), score: score(entry.score) }));
    case 'hash': {
      const plain = value.fields.every(
        ({ field, expireAt }) => typeof text(field) === 'string' && expireAt === undefined,
      );
      if (!plain || inParts) return value.fields.map(fieldJson);
      return Object.fromEntries(value.fields.map(({ field, value: content }) => [text(field), text(content)]));
    }
    case 'path-hash':
      return { paths: value.paths.map(({ path, fields }) => ({ path: text(path), fields: fields.map(fieldJson) })) };
    case 'array':
      return {
        ...optional('insertIndex', value.insertIndex, whole),
        items: value.items.map(({ index, value: item }) => ({
          index: whole(index),
          value:
            item.kind === 'string'
              ? text(item.value)
              : item.kind === 'integer'
                ? { int: whole(item.value) }
                : { float: score(item.value) },
        })),
      };
    case 'module':
      return { module: value.name, version: value.version, payload: value.raw.toString('base64') };
    case 'stream':
      return {
        entries: value.entries.map(({ id, fields }) => ({
          id: idText(id),
          fields: fields.map((each) => [text(each.field), text(each.value)]),
        })),
        length: whole(value.length),
        lastId: idText(value.lastId),
        ...optional('firstId', value.firstId, idText),
        ...optional('maxDeletedId', value.maxDeletedId, idText),
        ...optional('entriesAdded', value.entriesAdded, whole),
        groups: value.groups.map((group) => ({
          name: text(group.name),
          lastId: idText(group.lastId),
          ...optional('entriesRead', group.entriesRead, whole),
          pending: group.pel.map(({ id, deliveredAt, count }) => ({
            id: idText(id),
            deliveredAt: whole(deliveredAt),
            count: whole(count),
          })),
          consumers: group.consumers.map(({ name, seenAt, activeAt, pel }) => ({
            name: text(name),
            seenAt: whole(seenAt),
            ...optional('activeAt', activeAt, whole),
            pending: pel.map(idText),
          })),
          ...(isLast ? { nacked: group.nacked.map(idText) } : {}),
        })),
        ...optional('idempotence', value.idempotence, (idempotence) => ({
          duration: whole(idempotence.duration),
          maxSize: whole(idempotence.maxSize),
          producers: idempotence.producers.map(({ id, messages }) => ({
            id: text(id),
            messages: messages.map((message) => ({ id: text(message.id), entry: idText(message.entry) })),
          })),
          added: whole(idempotence.added),
          duplicates: whole(idempotence.duplicates),
        })),
      };
  }
}

/** The number of elements as a line says it. */
export function elementsOf(value: LogicalValue): number {
  switch (value.kind) {
    case 'list':
    case 'array':
      return value.items.length;
    case 'set':
      return value.members.length;
    case 'zset':
    case 'stream':
      return value.entries.length;
    case 'hash':
      return value.fields.length;
    case 'path-hash':
      return value.paths.reduce((sum, { fields }) => sum + fields.length, 0);
    default:
      return 1;
  }
}

/** The `value`s of a value's parts as one: strings as bytes, in base64. */
export function joined(type: string, parts: readonly Json[]): Json {
  if (type === 'string') return Buffer.concat(parts.map(bytesOf)).toString('base64');
  if (parts.every(Array.isArray)) return parts.flat() as Json[];
  const objects = parts as readonly { readonly [name: string]: Json }[];
  const list = ['entries', 'items', 'paths'].find((name) => name in (objects[0] as object)) as string;
  return Object.assign({}, ...objects, { [list]: objects.flatMap((part) => part[list]) });
}

function fieldJson({ field, value, expireAt }: HashField): Json {
  return { field: text(field), value: text(value), ...optional('expiry', expireAt, whole) };
}

function idText({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

function optional<T>(name: string, value: T | undefined, json: (value: T) => Json): { [name: string]: Json } {
  return value === undefined ? {} : { [name]: json(value) };
}
