// The tree of prefixes: what it finds, and that it loses nothing however little room it has.
import { expect, test } from 'vitest';
import { plainName } from '../../../lib/targets/inspect/names.ts';
import { PrefixTree, type PrefixTreeOptions } from '../../../lib/targets/inspect/prefix-tree.ts';
import type { InspectCounts, InspectPrefix } from '../../../lib/targets/inspect/report.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { inspectedKey } from './keys.ts';

function treeOf(keys: readonly string[], options: Partial<PrefixTreeOptions> = {}): InspectPrefix {
  const tree = new PrefixTree({ separators: Buffer.from(':'), depth: 8, ...options });
  for (const key of keys) tree.add(inspectedKey(key, { memory: key.length }));
  return tree.result(plainName);
}

/** A tree as `prefix: keys` lines, nested by spaces. */
const outline = (node: InspectPrefix, level = 0): string[] => [
  `${' '.repeat(level)}${node.label.text}=${node.keys}${node.rest === null ? '' : ` rest ${node.rest.keys}`}${node.other === null ? '' : ` other ${node.other.keys}`}`,
  ...node.children.flatMap((child) => outline(child, level + 1)),
];

test('keys gather under what stands before their separators', () => {
  const tree = treeOf(['user:1:name', 'user:1:mail', 'user:22', 'cart:9', 'plain', 'user:1:address:street']);
  expect(outline(tree)).toEqual([
    '=6 rest 1',
    ' user:=4 rest 1',
    '  1:=3 rest 2',
    '   address:=1 rest 1',
    ' cart:=1 rest 1',
  ]);
});

test('a chain of prefixes without anything else is one node', () => {
  const tree = treeOf(['app:prod:user:1', 'app:prod:user:2']);
  expect(outline(tree)).toEqual(['=2', ' app:prod:user:=2 rest 2']);
  expect(tree.children[0]?.prefix.text).toBe('app:prod:user:');
});

test('below the given depth, keys stay with the last level', () => {
  expect(outline(treeOf(['a:b:c:d', 'a:b:x:y', 'a:z'], { depth: 2 }))).toEqual(['=3', ' a:=3 rest 1', '  b:=2 rest 2']);
});

test('several separators, and none: a radix tree over bytes', () => {
  expect(outline(treeOf(['a.b:1', 'a.c:1'], { separators: Buffer.from('.:') }))).toEqual([
    '=2',
    ' a.=2',
    '  b:=1 rest 1',
    '  c:=1 rest 1',
  ]);
  const radix = treeOf(['tester', 'testing', 'team'], { separators: Buffer.alloc(0) });
  expect(outline(radix)).toEqual(['=3', ' te=3', '  st=2', '   in=1 rest 1', '   e=1 rest 1', '  a=1 rest 1']);
});

test('prefixes that are no UTF-8 keep their bytes', () => {
  const tree = new PrefixTree({ separators: Buffer.from(':'), depth: 8 });
  tree.add(inspectedKey(Buffer.from([0xff, 0x00, 0x3a, 0x31])));
  expect(tree.result(plainName).children[0]?.prefix).toEqual({ text: '\\xff\\x00:', base64: '/wA6' });
});

test('however small the tree has to stay, each node is the sum of its parts', () => {
  for (let run = 0; run < runs(60, 1000); run++) {
    const random = new Random(seedOr(40) + run);
    const keys = Array.from({ length: random.int(1, 2000) }, () =>
      Array.from({ length: random.int(1, 5) }, () => random.int(0, 3 ** random.int(0, 5)).toString(36)).join(':'),
    );
    const nodes = random.int(1, 40);
    const tree = treeOf(keys, {
      working: random.int(nodes, 200),
      nodes,
      separators: Buffer.from(random.pick([':', ''])),
    });
    expect(tree, `seed ${random.seed}`).toMatchObject({ keys: keys.length, memory: keys.join('').length });
    let count = 0;
    const check = (node: InspectPrefix): void => {
      const parts = [...node.children, node.rest, node.other].filter((part): part is InspectPrefix => part !== null);
      for (const field of ['keys', 'bytes', 'memory', 'expiring'] satisfies (keyof InspectCounts)[]) {
        const sum = parts.reduce((all, part) => all + part[field], 0);
        expect(node[field], `seed ${random.seed}, ${field} of "${node.prefix.text}"`).toBe(sum);
      }
      count += node.children.length;
      node.children.forEach(check);
    };
    check(tree);
    expect(count, `seed ${random.seed}`).toBeLessThanOrEqual(nodes);
  }
});

test('a heavy prefix is found among a crowd of light ones', () => {
  const random = new Random(7);
  const crowd = Array.from({ length: 20_000 }, (_, at) => `user:${at}:name`);
  const heavy = Array.from({ length: 2000 }, (_, at) => `orders:eu:${at}`);
  const tree = treeOf(random.shuffle([...crowd, ...heavy]), { working: 1000, nodes: 100 });
  const orders = tree.children.find(({ prefix }) => prefix.text === 'orders:eu:');
  expect(orders?.keys).toBe(2000);
  expect(tree.children.find(({ prefix }) => prefix.text === 'user:')?.keys).toBe(20_000);
});
