// Writes lists: as nodes of listpacks where the target has them, else item by item.
import { ValueWriter } from '../encode-primitives.ts';
import { ListpackWriter } from './listpack.ts';
import { writeString } from './primitives.ts';

/** How a node of type 18 holds its items. */
const Container = { PLAIN: 1, PACKED: 2 } as const;

/** Bytes of a node (list-max-listpack-size -2), and what servers count for an item besides its string (quicklist.c). */
const NODE_BYTES = 8192;
const ITEM_OVERHEAD = 8;

/** Whose servers put items into plain nodes by the size of a node, and up to where Redis 7.0 packs them, bytes. */
const PLAIN_NODES_SINCE = 11;
const LARGEST_PACKED_BEFORE = 2 ** 30 - 1;

/** LIST (1). */
export function countedList(items: readonly Buffer[]): Buffer {
  const writer = new ValueWriter().length(items.length);
  for (const item of items) writeString(writer, item);
  return writer.written;
}

/**
 * LIST_QUICKLIST_2 (18): nodes are cut where RPUSH cuts them.
 *
 * @param rdb the target's newest version. Since 11 an item that is larger than a node stands in one as it is; Redis 7.0
 *   does so from 1 GiB on.
 */
export function quicklist(items: readonly Buffer[], rdb: number): Buffer {
  const largestPacked = rdb >= PLAIN_NODES_SINCE ? NODE_BYTES : LARGEST_PACKED_BEFORE;
  const nodes = new ValueWriter();
  const node = new ListpackWriter();
  let count = 0;
  const endNode = () => {
    if (node.count === 0) return;
    nodes.length(Container.PACKED).string(node.finish());
    node.clear();
    count++;
  };
  for (const item of items) {
    if (item.length > largestPacked) {
      endNode();
      nodes.length(Container.PLAIN);
      writeString(nodes, item);
      count++;
      continue;
    }
    if (node.size + item.length + ITEM_OVERHEAD > NODE_BYTES) endNode();
    node.string(item);
  }
  endNode();
  return new ValueWriter().length(count).bytes(nodes.written).written;
}
