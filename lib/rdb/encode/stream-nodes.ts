// Writes a stream's entries as servers keep them: listpacks of up to 100 entries, each opened by a master entry.
import type { ValueWriter } from '../encode-primitives.ts';
import type { StreamEntry } from '../value.ts';
import { ListpackWriter } from './listpack.ts';
import { rawStreamId } from './primitives.ts';

/** Where a node ends unless configured otherwise (stream-node-max-entries, stream-node-max-bytes). */
const MOST_ENTRIES = 100;
const MOST_BYTES = 4096;

/** The flag of an entry that has the master entry's fields, whose names it does not repeat (stream.h). */
const SAME_FIELDS = 2;
/** Elements of an entry besides fields and values, without the last, which counts them. */
const SAME_FIELDS_OVERHEAD = 3;
const OWN_FIELDS_OVERHEAD = 4;

/**
 * Writes the nodes with their number in front. They are cut where XADD of Redis ≥ 7.0 cuts them.
 *
 * @see streamAppendItem in t_stream.c
 */
export function writeNodes(writer: ValueWriter, entries: readonly StreamEntry[]): void {
  const nodes = cut(entries);
  writer.length(nodes.length);
  for (const { key, listpack } of nodes) writer.string(key).string(listpack);
}

function cut(entries: readonly StreamEntry[]): { key: Buffer; listpack: Buffer }[] {
  const nodes: { key: Buffer; listpack: Buffer }[] = [];
  const listpack = new ListpackWriter();
  let master: StreamEntry | undefined;
  let count = 0;
  const endNode = () => {
    if (master === undefined) return;
    // The count of a node that is full is still below 128.
    nodes.push({ key: rawStreamId(master.id), listpack: Buffer.from(listpack.replaceFirst(count).finish()) });
  };
  for (const entry of entries) {
    if (master === undefined || count === MOST_ENTRIES || listpack.size + stringBytes(entry) >= MOST_BYTES) {
      endNode();
      master = entry;
      count = 0;
      listpack.clear();
      openNode(listpack, entry);
    }
    appendEntry(listpack, entry, master);
    count++;
  }
  endNode();
  return nodes;
}

/** The master entry: how many entries, how many of them deleted, the names of the fields, and a 0. */
function openNode(listpack: ListpackWriter, { fields }: StreamEntry): void {
  listpack.integer(1).integer(0).integer(fields.length);
  for (const { field } of fields) listpack.string(field);
  listpack.integer(0);
}

function appendEntry(listpack: ListpackWriter, entry: StreamEntry, master: StreamEntry): void {
  const { id, fields } = entry;
  const same = hasSameFields(entry, master);
  listpack
    .integer(same ? SAME_FIELDS : 0)
    .integer(BigInt.asIntN(64, id.ms - master.id.ms))
    .integer(BigInt.asIntN(64, id.seq - master.id.seq));
  if (!same) listpack.integer(fields.length);
  for (const { field, value } of fields) {
    if (!same) listpack.string(field);
    listpack.string(value);
  }
  listpack.integer(same ? fields.length + SAME_FIELDS_OVERHEAD : 2 * fields.length + OWN_FIELDS_OVERHEAD);
}

function hasSameFields({ fields }: StreamEntry, master: StreamEntry): boolean {
  if (fields.length !== master.fields.length) return false;
  return fields.every(({ field }, i) => field === master.fields[i]?.field || field.equals(master.fields[i]!.field));
}

function stringBytes({ fields }: StreamEntry): number {
  return fields.reduce((sum, { field, value }) => sum + field.length + value.length, 0);
}
