// Builds streams in each of their five encodings.
import { redisTypes, type ValueType } from '../../lib/rdb/types.ts';
import {
  type BuiltId,
  type BuiltValue,
  type Bytes,
  counted,
  length,
  lengthId,
  listpack,
  littleEndian,
  type PackedItem,
  rawId,
  string,
} from './rdb-builders.ts';

export interface BuiltEntry {
  id: BuiltId;
  fields: readonly (readonly [PackedItem, PackedItem])[];
  /** A tombstone. */
  deleted?: boolean;
}

export interface BuiltGroup {
  name: Bytes;
  lastId: BuiltId;
  /** -1 for not known. */
  entriesRead: bigint;
  pel: readonly { id: BuiltId; deliveredAt: bigint; count: bigint }[];
  consumers: readonly { name: Bytes; seenAt: bigint; activeAt: bigint; pel: readonly BuiltId[] }[];
  nacked?: readonly BuiltId[];
}

export interface BuiltStream {
  /** Entries by node. The first of a node gives the node its id and fields. */
  nodes: readonly (readonly BuiltEntry[])[];
  lastId: BuiltId;
  firstId: BuiltId;
  maxDeletedId: BuiltId;
  entriesAdded: bigint;
  groups: readonly BuiltGroup[];
  idempotence?: {
    duration: bigint;
    maxSize: bigint;
    producers: readonly { id: Bytes; messages: readonly { id: Bytes; entry: BuiltId }[] }[];
    added: bigint;
    duplicates: bigint;
  };
}

const CODES = { 1: 15, 2: 19, 3: 21, 4: 26, 5: 27 } as const;

/** @param declared a number of entries other than the true one */
export function streamValue(version: 1 | 2 | 3 | 4 | 5, built: BuiltStream, declared?: number): BuiltValue {
  const live = built.nodes.flat().filter((entry) => entry.deleted !== true).length;
  const { idempotence } = built;
  const parts = [
    counted(built.nodes.map((node) => Buffer.concat([string(rawId(nodeId(node))), string(streamNode(node))]))),
    length(declared ?? live),
    lengthId(built.lastId),
    ...(version >= 2 ? [lengthId(built.firstId), lengthId(built.maxDeletedId), length(built.entriesAdded)] : []),
    counted(built.groups.map((group) => streamGroup(version, group))),
  ];
  if (version >= 4) {
    const producers = (idempotence?.producers ?? []).map(({ id, messages }) =>
      Buffer.concat([
        string(id),
        counted(messages.map((each) => Buffer.concat([string(each.id), lengthId(each.entry)]))),
      ]),
    );
    parts.push(length(idempotence?.duration ?? 0), length(idempotence?.maxSize ?? 0), counted(producers));
    parts.push(length(idempotence?.added ?? 0), length(idempotence?.duplicates ?? 0));
  }
  return { type: redisTypes[CODES[version]] as ValueType, value: Buffer.concat(parts) };
}

function nodeId(node: readonly BuiltEntry[]): BuiltId {
  const [first] = node;
  if (first === undefined) throw new Error('a node has entries');
  return first.id;
}

/** A node's listpack. */
export function streamNode(node: readonly BuiltEntry[]): Buffer {
  const master = nodeId(node);
  const names = (node[0] as BuiltEntry).fields.map(([field]) => field);
  const deleted = node.filter((entry) => entry.deleted === true).length;
  const items: PackedItem[] = [node.length - deleted, deleted, names.length, ...names, 0];
  for (const { id, fields, deleted: gone } of node) {
    const same = fields.length === names.length && fields.every(([field], i) => field === names[i]);
    items.push((gone === true ? 1 : 0) | (same ? 2 : 0));
    items.push(BigInt.asIntN(64, BigInt(id.ms) - BigInt(master.ms)));
    items.push(BigInt.asIntN(64, BigInt(id.seq) - BigInt(master.seq)));
    if (!same) items.push(fields.length);
    for (const [field, value] of fields) items.push(...(same ? [value] : [field, value]));
    items.push(same ? fields.length + 3 : 2 * fields.length + 4);
  }
  return listpack(items);
}

function streamGroup(version: number, group: BuiltGroup): Buffer {
  const time = (ms: bigint) => littleEndian(ms, 64);
  return Buffer.concat([
    string(group.name),
    lengthId(group.lastId),
    ...(version >= 2 ? [length(BigInt.asUintN(64, group.entriesRead))] : []),
    counted(
      group.pel.map(({ id, deliveredAt, count }) => Buffer.concat([rawId(id), time(deliveredAt), length(count)])),
    ),
    counted(
      group.consumers.map(({ name, seenAt, activeAt, pel }) =>
        Buffer.concat([string(name), time(seenAt), ...(version >= 3 ? [time(activeAt)] : []), counted(pel.map(rawId))]),
      ),
    ),
    ...(version >= 5 ? [counted((group.nacked ?? []).map(rawId))] : []),
  ]);
}
