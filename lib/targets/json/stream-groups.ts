// Gathers a stream's groups from its parts: in a line a group has its pending entries by id, in parts they come by owner.
import type { PendingEntry, StreamId } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { WrittenConsumer, WrittenGroup } from './elements.ts';

/** Parts of a stream that are not its entries. */
export type GroupPart = Extract<ValuePart, { kind: 'stream-group' | 'stream-consumer' | 'stream-pending' }>;

interface Consumer extends WrittenConsumer {
  readonly pel: StreamId[];
}

interface Group extends WrittenGroup {
  readonly pel: PendingEntry[];
  readonly consumers: Consumer[];
  readonly nacked: StreamId[];
}

export class StreamGroups {
  readonly #groups: Group[] = [];

  /** Takes the next part. A part belongs to the group and consumer that came last. */
  add(part: GroupPart): void {
    if (part.kind === 'stream-group') {
      const { name, lastId, entriesRead } = part;
      this.#groups.push({ name, lastId, entriesRead, pel: [], consumers: [], nacked: [] });
      return;
    }
    const group = this.#groups.at(-1) as Group;
    if (part.kind === 'stream-consumer') {
      const { name, seenAt, activeAt } = part;
      group.consumers.push({ name, seenAt, activeAt, pel: [] });
      return;
    }
    const owned = part.consumer === undefined ? group.nacked : (group.consumers.at(-1) as Consumer).pel;
    for (const entry of part.entries) {
      group.pel.push(entry);
      owned.push(entry.id);
    }
  }

  /** All groups, when every part has come. */
  finish(): readonly WrittenGroup[] {
    for (const { pel } of this.#groups) pel.sort((a, b) => compareIds(a.id, b.id));
    return this.#groups;
  }
}

function compareIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0;
}
