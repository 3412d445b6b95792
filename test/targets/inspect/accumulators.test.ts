// The smaller parts of a report: the largest of many, slots, histograms, names, radix trees' sizes, allocators.
import { describe, expect, test } from 'vitest';
import { allocatorOf } from '../../../lib/targets/inspect/allocator.ts';
import { EntryCounter } from '../../../lib/targets/inspect/entry-counter.ts';
import { Histograms } from '../../../lib/targets/inspect/histograms.ts';
import { Largest } from '../../../lib/targets/inspect/largest.ts';
import { hashedNames } from '../../../lib/targets/inspect/names.ts';
import { RaxSize } from '../../../lib/targets/inspect/rax-size.ts';
import { serverOf } from '../../../lib/targets/inspect/servers.ts';
import { SlotBalance } from '../../../lib/targets/inspect/slot-balance.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { inspectedKey } from './keys.ts';

test('the largest are exactly the largest, in order', () => {
  for (let run = 0; run < runs(50, 1000); run++) {
    const random = new Random(seedOr(1) + run);
    const values = Array.from({ length: random.int(0, 500) }, () => random.int(0, 100));
    const most = random.int(1, 40);
    const largest = new Largest<number>(most);
    for (const value of values) largest.add(value, value);
    expect(largest.items(), `seed ${random.seed}`).toEqual(values.sort((a, b) => b - a).slice(0, most));
  }
});

test('slots: tagged keys lie together, shards cover all slots once', () => {
  const balance = new SlotBalance();
  for (let at = 0; at < 10; at++) balance.add(inspectedKey(`{tag}:${at}`));
  balance.add(inspectedKey('123456789')); // slot 0x31c3, the checksum's own test value
  const { shards, heaviest, used, imbalance } = balance.result(3);
  expect(heaviest[0]).toMatchObject({ keys: 10, memory: 1000 });
  expect(heaviest[1]).toEqual({ slot: 0x31c3, keys: 1, bytes: 10, memory: 100 });
  expect(used).toBe(2);
  expect(shards.map(({ from, to }) => [from, to])).toEqual([
    [0, 5460],
    [5461, 10_922],
    [10_923, 16_383],
  ]);
  expect(shards.reduce((sum, { keys }) => sum + keys, 0)).toBe(11);
  expect(imbalance).toBeGreaterThan(2.5);
  expect(new SlotBalance().result(16).imbalance).toBe(0);
});

test('a time to live falls into the bar that it is below of', () => {
  const histograms = new Histograms(1_000_000);
  for (const seconds of [Number.NaN, -5, 0, 59.9, 60, 86_400 * 400]) {
    histograms.add(inspectedKey('k', { expireAt: 1_000_000 + seconds * 1000 }));
  }
  const bars = Object.fromEntries(histograms.result().ttl.map(({ label, keys }) => [label, keys]));
  expect(bars).toMatchObject({ 'no expiry': 1, expired: 2, '< 1 m': 1, '< 1 h': 1, '< 1 d': 0, '1 y and more': 1 });
  expect(histograms.result().idle).toEqual([]);
});

test('hashed names: equal segments are equal, separators stay, another report has other hashes', () => {
  const name = hashedNames(Buffer.from(':'));
  const [a, b] = [name(Buffer.from('user:1')).text, name(Buffer.from('user:2')).text];
  expect(a).toMatch(/^#[0-9a-f]{16}:#[0-9a-f]{16}$/);
  expect(a.slice(0, 18)).toBe(b.slice(0, 18));
  expect(a).not.toBe(b);
  expect(hashedNames(Buffer.from(':'))(Buffer.from('user:1')).text).not.toBe(a);
});

test('allocators hand out the sizes that servers were seen to take', () => {
  const [ours, debian, libc] = [allocatorOf('jemalloc'), allocatorOf('jemalloc-16'), allocatorOf('libc')];
  expect([1, 8, 9, 17, 24, 40, 65, 129, 1025, 20_003].map(ours)).toEqual([8, 8, 16, 24, 24, 40, 80, 160, 1280, 20_480]);
  expect([1, 9, 17, 24, 40, 65, 129].map(debian)).toEqual([8, 16, 32, 32, 48, 80, 160]);
  expect([1, 24, 25, 41].map(libc)).toEqual([24, 24, 40, 56]);
});

describe('radix trees', () => {
  /** Nodes of a tree of these keys, by making it. */
  function nodesOf(keys: readonly Buffer[], depth = 0): number {
    if (depth === 16) return 1;
    let end = depth;
    while (end < 16 && keys.every((key) => key[end] === keys[0]?.[end])) end++;
    if (end > depth) return 1 + nodesOf(keys, end);
    const children = new Map<number, Buffer[]>();
    for (const key of keys) children.set(key[depth] as number, [...(children.get(key[depth] as number) ?? []), key]);
    return 1 + [...children.values()].reduce((sum, child) => sum + nodesOf(child, depth + 1), 0);
  }

  test('their nodes are counted from the keys in order', () => {
    for (let run = 0; run < runs(100, 2000); run++) {
      const random = new Random(seedOr(3) + run);
      const ids = new Set<string>();
      for (let left = random.int(1, 60); left > 0; left--) {
        const id = Buffer.alloc(16);
        id.writeBigUInt64BE(BigInt(random.int(0, 4 ** random.int(0, 20))), 0);
        id.writeBigUInt64BE(BigInt(random.int(0, 3)), 8);
        ids.add(id.toString('hex'));
      }
      const keys = [...ids].sort().map((id) => Buffer.from(id, 'hex'));
      const size = new RaxSize((bytes) => bytes);
      for (const key of keys) size.add(key, 0);
      expect(size.end().nodes, `seed ${random.seed}`).toBe(nodesOf(keys));
    }
  });
});

test('entries are counted across pieces of any size', () => {
  for (let run = 0; run < runs(50, 1000); run++) {
    const random = new Random(seedOr(9) + run);
    const lengths = Array.from({ length: random.int(0, 50) }, () =>
      random.pick([0, 1, 5, 63, 64, 200, 4095, 4096, 5000]),
    );
    const bytes = Buffer.concat([Buffer.alloc(6), ...lengths.map(listpackText), Buffer.of(0xff)]);
    const counter = new EntryCounter('listpack');
    for (let at = 0; at < bytes.length; ) {
      const end = at + random.int(1, 300);
      counter.push(bytes.subarray(at, end));
      at = end;
    }
    expect(counter.end(), `seed ${random.seed}`).toBe(lengths.length);
  }
});

function listpackText(length: number): Buffer {
  const head =
    length < 64
      ? Buffer.of(0x80 | length)
      : length < 4096
        ? Buffer.of(0xe0 | (length >> 8), length & 0xff)
        : Buffer.alloc(5);
  if (length >= 4096) {
    head[0] = 0xf0;
    head.writeUInt32LE(length, 1);
  }
  const size = head.length + length;
  return Buffer.concat([head, Buffer.alloc(length, 0x61), Buffer.alloc(size <= 127 ? 1 : size < 16_383 ? 2 : 3)]);
}

test('the server whose memory is meant is the one that wrote the file, or the nearest', () => {
  const by = (redisVersion?: string, valkeyVersion?: string, version = 11) =>
    serverOf({ dialect: version >= 80 ? 'valkey' : 'redis', version, redisVersion, valkeyVersion });
  expect([by('6.2.14'), by('7.0.15'), by('7.2.4'), by('8.0.6')]).toEqual([
    'redis-6.0',
    'redis-7.0',
    'redis-8.0',
    'redis-8.0',
  ]);
  expect([by('7.2.4', '8.0.2'), by('7.2.4', '8.1.1'), by('7.2.4', '9.1.2')]).toEqual([
    'redis-8.0',
    'valkey-8.1',
    'valkey-9.1',
  ]);
  expect([by(undefined, undefined, 9), by(undefined, undefined, 10), by(undefined, undefined, 80)]).toEqual([
    'redis-6.0',
    'redis-7.0',
    'valkey-9.1',
  ]);
});
