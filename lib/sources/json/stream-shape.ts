// Streams as docs/json-format.md has them.
import type {
  LoadedConsumer,
  LoadedGroup,
  LogicalValue,
  PendingEntry,
  StreamEntry,
  StreamIdempotence,
} from '../../rdb/value.ts';
import { misshapen } from './line-problem.ts';
import type { Json } from './parse-json.ts';
import { list, optional, properties, signed, streamId, string, unsigned } from './shapes.ts';

type Stream = Extract<LogicalValue, { kind: 'stream' }>;

export function stream(json: Json): Stream {
  const found = properties(
    json,
    'the stream',
    ['entries', 'length', 'lastId', 'groups'],
    ['firstId', 'maxDeletedId', 'entriesAdded', 'idempotence'],
  );
  return {
    kind: 'stream',
    entries: list(found.entries, '"entries"', 'an entry', entry),
    length: unsigned(found.length, '"length"'),
    lastId: streamId(found.lastId, '"lastId"'),
    firstId: optional(found.firstId, '"firstId"', streamId),
    maxDeletedId: optional(found.maxDeletedId, '"maxDeletedId"', streamId),
    entriesAdded: optional(found.entriesAdded, '"entriesAdded"', unsigned),
    groups: list(found.groups, '"groups"', 'a group', group),
    idempotence: optional(found.idempotence, '"idempotence"', idempotence),
  };
}

/** What a part before the last has of a stream. */
export function streamEntries(json: Json): StreamEntry[] {
  return list(properties(json, 'the part of a stream', ['entries']).entries, '"entries"', 'an entry', entry);
}

function entry(json: Json, what: string): StreamEntry {
  const { id, fields } = properties(json, what, ['id', 'fields']);
  return { id: streamId(id, 'the id of an entry'), fields: list(fields, '"fields" of an entry', 'a field', pair) };
}

function pair(json: Json, what: string): { field: Buffer; value: Buffer } {
  if (!Array.isArray(json) || json.length !== 2) throw misshapen(`${what} of an entry is to be [field,value]`);
  return { field: string(json[0], "an entry's field"), value: string(json[1], "an entry's value") };
}

function group(json: Json, what: string): LoadedGroup {
  const required = ['name', 'lastId', 'pending', 'consumers'] as const;
  const found = properties(json, what, required, ['entriesRead', 'nacked']);
  return {
    name: string(found.name, 'the name of a group'),
    lastId: streamId(found.lastId, '"lastId" of a group'),
    entriesRead: optional(found.entriesRead, '"entriesRead"', signed),
    pel: list(found.pending, '"pending" of a group', 'a pending entry', pending),
    consumers: list(found.consumers, '"consumers"', 'a consumer', consumer),
    nacked: found.nacked === undefined ? [] : list(found.nacked, '"nacked"', 'an id in "nacked"', streamId),
  };
}

function pending(json: Json, what: string): PendingEntry {
  const { id, deliveredAt, count } = properties(json, what, ['id', 'deliveredAt', 'count']);
  return {
    id: streamId(id, 'the id of a pending entry'),
    deliveredAt: signed(deliveredAt, '"deliveredAt"'),
    count: unsigned(count, '"count"'),
  };
}

function consumer(json: Json, what: string): LoadedConsumer {
  const found = properties(json, what, ['name', 'seenAt', 'pending'], ['activeAt']);
  return {
    name: string(found.name, 'the name of a consumer'),
    seenAt: signed(found.seenAt, '"seenAt"'),
    activeAt: optional(found.activeAt, '"activeAt"', signed),
    pel: list(found.pending, '"pending" of a consumer', 'the id of a pending entry', streamId),
  };
}

function idempotence(json: Json, what: string): StreamIdempotence {
  const found = properties(json, what, ['duration', 'maxSize', 'producers', 'added', 'duplicates']);
  return {
    duration: unsigned(found.duration, '"duration"'),
    maxSize: unsigned(found.maxSize, '"maxSize"'),
    producers: list(found.producers, '"producers"', 'a producer', producer),
    added: unsigned(found.added, '"added"'),
    duplicates: unsigned(found.duplicates, '"duplicates"'),
  };
}

function producer(json: Json, what: string): StreamIdempotence['producers'][number] {
  const { id, messages } = properties(json, what, ['id', 'messages']);
  return { id: string(id, 'the id of a producer'), messages: list(messages, '"messages"', 'a message', message) };
}

function message(json: Json, what: string): StreamIdempotence['producers'][number]['messages'][number] {
  const { id, entry } = properties(json, what, ['id', 'entry']);
  return { id: string(id, 'the id of a message'), entry: streamId(entry, '"entry" of a message') };
}
