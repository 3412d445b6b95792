// The prefix tree as tiles: a level's tiles are all of the level, and none is mistaken for another.
import { expect, test } from 'vitest';
import type { InspectCounts, InspectPrefix } from '../../lib/targets/inspect/report.ts';
import { expiryStep, type Tile, tilesOf } from '../../report-page/prefix-tiles.ts';
import { hostileInspectReport } from '../support/odd-inspect-reports.ts';
import { sampleInspectReport } from '../support/sample-inspect-report.ts';

test('the tiles of each level add up to it', () => {
  const check = (node: InspectPrefix) => {
    const tiles = tilesOf(node);
    for (const field of ['keys', 'bytes', 'memory', 'expiring'] as const) {
      expect(
        tiles.reduce((sum, { counts }) => sum + counts[field], 0),
        `${node.prefix.text} ${field}`,
      ).toBe(node[field]);
    }
    for (const { node: below } of tiles) if (below !== null) check(below);
  };
  check(sampleInspectReport().prefixes);
});

test('equal and odd names give tiles of different ids, none of which is a name', () => {
  const all = (tiles: readonly Tile[]): Tile[] => tiles.flatMap((tile) => [tile, ...all(tile.inner)]);
  const tiles = all(tilesOf(hostileInspectReport().prefixes));
  expect(new Set(tiles.map(({ id }) => id)).size).toBe(tiles.length);
  for (const { id } of tiles) expect(id).toMatch(/^(?:\/(?:\d+|rest|other))+$/);
});

test('a prefix whose keys all end in it leads nowhere', () => {
  const lock = tilesOf(sampleInspectReport().prefixes).find(({ label }) => label.text === 'lock:');
  expect(lock).toMatchObject({ kind: 'prefix', node: null, inner: [] });
});

test('the ends of the colour scale are kept for none and all', () => {
  const step = (expiring: number) => expiryStep({ keys: 1000, expiring, bytes: 0, memory: 0 } satisfies InspectCounts);
  expect([0, 1, 500, 999, 1000].map(step)).toEqual([0, 1, 2, 3, 4]);
});
