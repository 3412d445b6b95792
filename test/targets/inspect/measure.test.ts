// Measuring a value: the same from windows of any size as from the whole, for every type.
import { describe, expect, test } from 'vitest';
import { type AllocatorName, allocatorOf } from '../../../lib/targets/inspect/allocator.ts';
import { EntryCounter } from '../../../lib/targets/inspect/entry-counter.ts';
import { Measurer } from '../../../lib/targets/inspect/measure.ts';
import { MemoryModel } from '../../../lib/targets/inspect/memory-model.ts';
import { MODELLED_SERVERS, type ModelledServer } from '../../../lib/targets/inspect/servers.ts';
import { HEAD_BYTES, ValueWindow } from '../../../lib/targets/inspect/value-window.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';
import { samples } from '../../support/value-samples.ts';

interface Measured {
  elements: number;
  usage: number;
  unseen: number;
}

/** @param windowBytes how much is seen at once; all of it when left out */
function measured({ type, value }: BuiltValue, server: ModelledServer, windowBytes = value.length): Measured {
  const window = new ValueWindow();
  const measurer = new Measurer(window, new MemoryModel(server, 'jemalloc'));
  // The value stands somewhere in a file.
  const base = 1000;
  const end = base + value.length;
  const move = (at: number): void => {
    const bytes = value.subarray(at - base, at - base + windowBytes);
    window.move(bytes, at, at, at + bytes.length === end ? Number.POSITIVE_INFINITY : at + bytes.length - HEAD_BYTES);
  };
  move(base);
  const measuring = measurer.measure(type, 10, false, end, 3);
  for (let step = measuring?.next(); step?.done === false; ) {
    if (step.value === undefined) {
      move(window.at);
      step = measuring?.next();
    } else {
      const counter = new EntryCounter(step.value.count);
      step = measuring?.next(counter.end());
    }
  }
  const { elements, usage, unseen } = measurer;
  return { elements, usage, unseen };
}

const text = (random: Random, most: number): string => 'x'.repeat(random.int(0, most));

/** Values of many elements, some of them longer than a window. */
const large: readonly ((random: Random, count: number) => BuiltValue)[] = [
  (random, count) => values.SET(Array.from({ length: count }, (_, at) => `${at}${text(random, 300)}`)),
  (random, count) => values.LIST(Array.from({ length: count }, () => text(random, 300))),
  (random, count) => values.ZSET(Array.from({ length: count }, (_, at) => [`${at}${text(random, 90)}`, at / 3])),
  (random, count) => values.ZSET_2(Array.from({ length: count }, (_, at) => [`${at}${text(random, 90)}`, at / 3])),
  (random, count) => values.HASH(Array.from({ length: count }, (_, at) => [`f${at}`, text(random, 300)])),
  (random, count) =>
    values.LIST_QUICKLIST_2(Array.from({ length: count }, () => [text(random, 60), 7, text(random, 9)])),
  (random, count) => values.LIST_QUICKLIST(Array.from({ length: count }, () => [text(random, 60), 7])),
];

describe('the same from windows of any size', () => {
  test('for a small value of every type', () => {
    for (const sample of samples) {
      for (const server of MODELLED_SERVERS) {
        const whole = measured(sample, server);
        expect(whole.usage, sample.type.name).toBeGreaterThan(0);
        for (let bytes = HEAD_BYTES + 1; bytes < sample.value.length; bytes += 7) {
          expect(measured(sample, server, bytes), `${sample.type.name} by ${bytes}`).toEqual(whole);
        }
      }
    }
  });

  test('for large ones', () => {
    for (let run = 0; run < runs(40, 600); run++) {
      const random = new Random(seedOr(77) + run);
      const value = random.pick(large)(random, random.int(1, 700));
      const server = random.pick(MODELLED_SERVERS);
      const windowBytes = random.int(HEAD_BYTES + 1, 2000);
      expect(measured(value, server, windowBytes), `seed ${random.seed}, ${value.type.name}`).toEqual(
        measured(value, server),
      );
    }
  });
});

test('compressed containers are counted from the beginning of their bytes', () => {
  const entries = Array.from({ length: 100 }, (_, at) => [`field${at}`, 'value'] as const);
  for (const built of [values.HASH_LISTPACK(entries, 'lzf'), values.HASH_ZIPLIST(entries, 'lzf')]) {
    expect(measured(built, 'redis-7.0').elements, built.type.name).toBe(100);
  }
  expect(measured(values.SET_INTSET([1, 2, 3, 70_000], 'lzf'), 'redis-7.0').elements).toBe(4);
});

test.each([
  ['0', true],
  ['-1', true],
  ['12345678901', true],
  ['9223372036854775807', true],
  ['9223372036854775808', false],
  ['01', false],
  ['-0', false],
  ['1.5', false],
  ['', false],
])('a server keeps the text %s as a number: %s', (value, integer) => {
  const { usage } = measured(values.STRING(value), 'redis-7.0');
  // Key of 10 bytes 16, entry 24, object 16; the text stands in its object.
  const asText = 16 + 24 + allocatorOf('jemalloc')(16 + 3 + value.length + 1);
  expect(usage).toBe(integer ? 56 : asText);
});

test('what Redis 7.0 was seen to tell, MEMORY USAGE SAMPLES 0 of keys with Debian’s allocator', () => {
  const told = (built: BuiltValue, key: number, allocator: AllocatorName = 'jemalloc-16'): number => {
    const window = new ValueWindow();
    window.hold(built.value, 0, 0);
    const measurer = new Measurer(window, new MemoryModel('redis-7.0', allocator));
    for (const _ of measurer.measure(built.type, key, false, built.value.length, 0) ?? []);
    return measurer.usage;
  };
  const strings = [1, 13, 29, 45, 64, 100, 200, 1000, 20_000].map((length) =>
    told(values.STRING('v'.repeat(length)), 2),
  );
  expect(strings).toEqual([64, 80, 96, 112, 128, 160, 272, 1072, 20_528]);
  const fields = (count: number) =>
    values.HASH(Array.from({ length: count }, (_, at) => [`field${at}`, 'x'.repeat(70)] as const));
  expect([513, 1000, 1024, 3000].map((count) => told(fields(count), 1))).toEqual([69_776, 128_216, 131_096, 392_792]);
});
