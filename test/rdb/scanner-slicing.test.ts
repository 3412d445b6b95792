// The scanner finds the same however its input is cut, and from wherever it goes on.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { HELD_RECORD_BYTES, type ScanState } from '../../lib/rdb/scanner.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { largeSample, type Sample, samples } from '../support/samples.ts';
import { type Feed, type RecordFacts, type RunOptions, scanFile } from '../support/scan-events.ts';

const SEED = seedOr(20261123);
const HEADROOMS = [0, 0, 1, 17, 4096, HELD_RECORD_BYTES];

/** Feeds of the bytes from `from` on whose sizes are spread over all orders of magnitude up to `largest`. */
function randomFeeds(random: Random, from: number, to: number, largest: number): Feed[] {
  const feeds: Feed[] = [];
  for (let at = from; at < to; ) {
    at = Math.min(to, at + Math.floor(largest ** random.fraction()));
    feeds.push({ to: at, headroom: random.pick(HEADROOMS) });
  }
  return feeds;
}

/** Scans in feeds and compares all that is found, the checksum included, with what the sample says. */
function check(sample: Sample, options: RunOptions, expected: readonly RecordFacts[], note: string): void {
  const context = () => `${sample.name}, ${note}, feeds ${JSON.stringify(options.feeds?.slice(0, 40))}`;
  const { records, scanner } = scanFile(sample.bytes, options);
  if (!isDeepStrictEqual(records, expected)) expect(records, context()).toEqual(expected);
  expect(scanner.checksum, context()).toBe(sample.checksum);
  expect(scanner.bodyEnd, context()).toBe(sample.bodyEnd);
  expect(scanner.crcAt(sample.bodyEnd + 1), context()).toBe(sample.crc);
}

describe('however the input is cut, the same is found', () => {
  test.each(samples.map((sample) => [sample.name, sample] as const))('%s, byte by byte', (_, sample) => {
    for (const headroom of [0, 100]) {
      const feeds = Array.from(sample.bytes, (_, i) => ({ to: i + 1, headroom }));
      check(sample, { feeds }, sample.records, `headroom ${headroom}`);
      check(sample, { feeds, sized: false }, sample.records, `headroom ${headroom}, size not known`);
    }
  });

  test.each(samples.filter(({ bytes }) => bytes.length < 5000).map((sample) => [sample.name, sample] as const))(
    '%s, in two at every byte',
    (_, sample) => {
      const { length } = sample.bytes;
      for (let cut = 1; cut < length; cut++) {
        const feeds = [cut, length].map((to) => ({ to, headroom: cut % 2 === 0 ? 0 : length }));
        check(sample, { feeds }, sample.records, `cut at ${cut}`);
      }
    },
  );

  test('small samples, at random places', () => {
    const random = new Random(SEED);
    const count = runs(300, 5000);
    for (let run = 0; run < count; run++) {
      const sample = random.pick(samples);
      const feeds = randomFeeds(random, 0, sample.bytes.length, random.pick([4, 64, 1024, 30_000]));
      const sized = random.chance(0.5);
      check(sample, { feeds, sized }, sample.records, `seed ${SEED}, run ${run}, sized ${sized}`);
    }
  });

  test('records larger than are held, at random places', () => {
    const random = new Random(SEED).fork('large');
    const count = runs(15, 300);
    for (let run = 0; run < count; run++) {
      const feeds = randomFeeds(random, 0, largeSample.bytes.length, random.pick([60_000, 300_000, 3_000_000]));
      check(largeSample, { feeds }, largeSample.records, `seed ${SEED}, run ${run}`);
    }
  });

  test('records larger than are held, around each of their borders', () => {
    const borders = new Set(
      largeSample.records.flatMap(({ start, end, keyStart = start, valueStart = start, meta = [start, start] }) => [
        ...[start, end, keyStart, valueStart, ...meta, start + HELD_RECORD_BYTES],
      ]),
    );
    for (const border of borders) {
      for (const off of [-1, 0, 1]) {
        const cut = border + off;
        if (cut <= 0 || cut >= largeSample.bytes.length) continue;
        const feeds = [cut, cut + 1, largeSample.bytes.length].map((to) => ({ to, headroom: 0 }));
        check(largeSample, { feeds }, largeSample.records, `cut at ${cut}`);
      }
    }
  });
});

describe('a scan goes on from a saved state as if it had not stopped', () => {
  /** The records behind a state. */
  const rest = (sample: Sample, state: ScanState) => {
    const among = sample.records.findIndex((record) => record.start >= state.offset);
    return among < 0 ? [] : sample.records.slice(among);
  };

  test.each([...samples, largeSample].map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    const random = new Random(SEED).fork(sample.name);
    const whole = scanFile(sample.bytes, { saves: true });
    const borders = sample.records.filter(({ crc }) => crc?.length === 2).map(({ end }) => end);
    expect(whole.states.map((state) => state.offset)).toEqual(borders);
    expect(whole.records, 'saving changes nothing').toEqual(sample.records);
    for (const state of whole.states) {
      const last = sample.records.find(({ end, crc }) => end === state.offset && crc?.length === 2) as RecordFacts;
      expect(state.crc).toBe(last.crc?.[1]);
      expect(state.db).toBe(last.db);
      const feeds = randomFeeds(random, state.offset, sample.bytes.length, sample.bytes.length);
      check(sample, { from: state, feeds }, rest(sample, state), `seed ${SEED}, from ${state.offset}`);
    }
  });

  test('also where it was saved among feeds cut at random places', () => {
    const random = new Random(SEED).fork('resumed');
    const count = runs(100, 2000);
    for (let run = 0; run < count; run++) {
      const sample = random.pick(samples);
      const { length } = sample.bytes;
      const { states } = scanFile(sample.bytes, { feeds: randomFeeds(random, 0, length, 200), saves: true });
      if (states.length === 0) continue;
      const from = random.pick(states);
      const feeds = randomFeeds(random, from.offset, length, 200);
      check(sample, { from, feeds }, rest(sample, from), `seed ${SEED}, run ${run}, from ${from.offset}`);
    }
  });

  test('a state is a copy: what the scanner learns later is not in it', () => {
    const sample = samples.find(({ name }) => name === 'redis 8.10') as Sample;
    const { states } = scanFile(sample.bytes, { saves: true });
    const first = states[0] as ScanState;
    expect(first.templates.size, 'before the templates are defined').toBe(0);
    expect(states.at(-1)?.templates).toEqual(
      new Map([
        [2n ** 40n, 3],
        [0n, 1],
        [3n, 0],
        [9n, 2],
      ]),
    );
  });
});
