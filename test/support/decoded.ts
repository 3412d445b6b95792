// Decoded values in a form that tests compare easily: bytes as latin1 text, containers without order sorted.
import type { LogicalValue, StreamId } from '../../lib/rdb/decode.ts';

export function text(bytes: Buffer): string {
  return bytes.toString('latin1');
}

export function idText({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

/** A value in plain text; sets, hashes, sorted sets and arrays sorted. */
export function plain(value: LogicalValue): unknown {
  switch (value.kind) {
    case 'string':
      return text(value.bytes);
    case 'list':
      return value.items.map(text);
    case 'set':
      return value.members.map(text).sort();
    case 'zset':
      return value.entries.map(({ member, score }) => [text(member), score]).sort();
    case 'hash':
      return value.fields.map(({ field, value, expireAt }) => [text(field), text(value), expireAt]).sort(byName);
    case 'path-hash':
      return value.paths.map(({ path, fields }) => [
        text(path),
        fields.map((each) => [text(each.field), text(each.value)]),
      ]);
    case 'array':
      return value.items.map(({ index, value }) => [
        index,
        Buffer.isBuffer(value.value) ? text(value.value) : value.value,
      ]);
    case 'module':
      return [value.name, value.version, value.raw.toString('hex')];
    case 'stream':
      return {
        entries: value.entries.map(({ id, fields }) => [
          idText(id),
          ...fields.flatMap((each) => [text(each.field), text(each.value)]),
        ]),
        length: value.length,
        lastId: idText(value.lastId),
        firstId: value.firstId && idText(value.firstId),
        maxDeletedId: value.maxDeletedId && idText(value.maxDeletedId),
        entriesAdded: value.entriesAdded,
        groups: value.groups.map((group) => ({
          name: text(group.name),
          lastId: idText(group.lastId),
          entriesRead: group.entriesRead,
          pel: group.pel.map(({ id, deliveredAt, count }) => [idText(id), deliveredAt, count]),
          consumers: group.consumers.map(({ name, seenAt, activeAt, pel }) => [
            text(name),
            seenAt,
            activeAt,
            pel.map(idText),
          ]),
          nacked: group.nacked.map(idText),
        })),
        idempotence: value.idempotence && {
          ...value.idempotence,
          producers: value.idempotence.producers.map(({ id, messages }) => [
            text(id),
            messages.map((each) => [text(each.id), idText(each.entry)]),
          ]),
        },
      };
  }
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
