// The prefix tree as tiles: what the treemap draws and the table beside it lists.
import type { InspectCounts, InspectName, InspectPrefix } from '../lib/targets/inspect/report.ts';

export interface Tile {
  /** Unlike that of any other tile of the same call. */
  readonly id: string;
  /** `rest` are keys that end at the level itself, `other` prefixes that were folded together. */
  readonly kind: 'prefix' | 'rest' | 'other';
  readonly label: InspectName;
  /** The label and all before it; of `rest` and `other` that of the level. */
  readonly prefix: InspectName;
  readonly counts: InspectCounts;
  /** What a click leads to; `null` where nothing is below. */
  readonly node: InspectPrefix | null;
  readonly inner: readonly Tile[];
}

const NAMELESS: InspectName = { text: '' };

/** All that a node's counts are the sum of, each with so many levels below it. */
export function tilesOf(node: InspectPrefix, below = 1, id = ''): Tile[] {
  const tiles: Tile[] = node.children.map((child, index) => {
    const own = `${id}/${index}`;
    return {
      id: own,
      kind: 'prefix',
      label: child.label,
      prefix: child.prefix,
      counts: child,
      node: leadsOn(child) ? child : null,
      inner: below > 0 && leadsOn(child) ? tilesOf(child, below - 1, own) : [],
    };
  });
  for (const kind of ['rest', 'other'] as const) {
    const counts = node[kind];
    if (counts === null) continue;
    tiles.push({ id: `${id}/${kind}`, kind, label: NAMELESS, prefix: node.prefix, counts, node: null, inner: [] });
  }
  return tiles;
}

/** A node whose keys all end in it has no level of its own to show. */
function leadsOn(node: InspectPrefix): boolean {
  return node.children.length > 0;
}

/** How far along the scale of five colours a group is: 0 where none of its keys has an expiry, 4 where all have. */
export function expiryStep({ keys, expiring }: InspectCounts): 0 | 1 | 2 | 3 | 4 {
  if (keys === 0 || expiring === 0) return 0;
  if (expiring === keys) return 4;
  const share = expiring / keys;
  return share < 1 / 3 ? 1 : share < 2 / 3 ? 2 : 3;
}
