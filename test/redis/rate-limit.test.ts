// A rate is kept over time, with bursts no longer than they may be.
import { describe, expect, test } from 'vitest';
import { type Rate, RateLimit } from '../../lib/redis/rate-limit.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { TestClock } from '../support/test-clock.ts';

const SEED = seedOr(20261123);

describe('a rate', () => {
  test('that is not set makes nobody wait', async () => {
    const clock = new TestClock();
    const limit = new RateLimit({}, clock);
    expect(limit.limited).toBe(false);
    for (let i = 0; i < 100; i++) await limit.take(1e9, 1e6);
    expect(clock.waits).toEqual([]);
  });

  test.each<[string, Rate, number]>([
    ['bytes', { bytesPerSecond: 10_000 }, 10],
    ['keys', { keysPerSecond: 100 }, 10],
    ['the slower of both', { bytesPerSecond: 10_000, keysPerSecond: 50 }, 20],
    ['the slower of both, the other way round', { bytesPerSecond: 5000, keysPerSecond: 100 }, 20],
  ])('of %s is kept over time', async (_, rate, seconds) => {
    const clock = new TestClock();
    const limit = new RateLimit(rate, clock);
    expect(limit.limited).toBe(true);
    const start = clock.now();
    // 100,000 bytes and 1,000 keys in all.
    for (let i = 0; i < 200; i++) await limit.take(500, 5);
    const took = (clock.now() - start) / 1000;
    expect(took).toBeGreaterThan(seconds - 0.2);
    expect(took).toBeLessThanOrEqual(seconds);
  });

  test('lets nobody make up for a pause by more than a tenth of a second', async () => {
    const clock = new TestClock();
    const limit = new RateLimit({ bytesPerSecond: 1000 }, clock);
    await limit.take(1000, 1);
    clock.time += 60_000;
    const start = clock.now();
    for (let i = 0; i < 10; i++) await limit.take(100, 1);
    expect(clock.now() - start).toBeCloseTo(900, 0);
  });

  test('is never exceeded by more than that, whatever is taken when', async () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(100, 2000); run++) {
      const clock = new TestClock();
      const bytesPerSecond = random.int(1000, 1e6);
      const limit = new RateLimit({ bytesPerSecond }, clock);
      const start = clock.now();
      let taken = 0;
      for (let i = 0; i < 50; i++) {
        clock.time += random.chance(0.2) ? random.int(0, 5000) : 0;
        const bytes = random.int(0, 5000);
        await limit.take(bytes, 1);
        taken += bytes;
        const allowed = bytesPerSecond * ((clock.now() - start) / 1000 + 0.1);
        expect(taken, `seed ${SEED}, run ${run}`).toBeLessThanOrEqual(allowed + 1);
      }
    }
  });

  test('of one that is larger than a second’s worth is waited for', async () => {
    const clock = new TestClock();
    const limit = new RateLimit({ bytesPerSecond: 1000 }, clock);
    await limit.take(10_000, 1);
    expect(clock.waits).toEqual([9900]);
  });

  test('stops waiting when the job is told to stop', async () => {
    const stop = new AbortController();
    stop.abort(new Error('told to'));
    const limit = new RateLimit({ bytesPerSecond: 1 }, new TestClock());
    await expect(limit.take(1000, 1, stop.signal)).rejects.toThrow('told to');
  });
});
