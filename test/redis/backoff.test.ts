// Waits between tries grow, spread, and end.
import { describe, expect, test } from 'vitest';
import { Backoff } from '../../lib/redis/backoff.ts';
import { TestClock } from '../support/test-clock.ts';

describe('waits between tries', () => {
  test('double up to a bound, each somewhere between half of it and the whole', () => {
    const backoff = new Backoff(new TestClock(), 1e9);
    for (const bound of [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000]) {
      const wait = backoff.fail() as number;
      expect(wait).toBeGreaterThanOrEqual(bound / 2);
      expect(wait).toBeLessThanOrEqual(bound);
    }
  });

  test('of many do not fall together', () => {
    const waits = new Set(Array.from({ length: 50 }, () => new Backoff(new TestClock(), 1e9).fail()));
    expect(waits.size).toBeGreaterThan(40);
  });

  test('end when the trouble has lasted too long', () => {
    const clock = new TestClock();
    const backoff = new Backoff(clock, 10_000);
    const start = clock.now();
    let tries = 0;
    for (let wait = backoff.fail(); wait !== undefined && tries < 100; wait = backoff.fail()) {
      clock.time += wait;
      tries++;
    }
    expect(clock.now() - start).toBeGreaterThan(10_000);
    expect(clock.now() - start).toBeLessThanOrEqual(13_000);
    expect(tries).toBeGreaterThan(5);
    expect(backoff.fail(), 'for good').toBeUndefined();
  });

  test('begin anew after a success, and so does patience', () => {
    const clock = new TestClock();
    const backoff = new Backoff(clock, 10_000);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 6; i++) clock.time += backoff.fail() ?? Number.NaN;
      clock.time += 5000;
      backoff.succeed();
      expect(backoff.fail()).toBeLessThanOrEqual(50);
      backoff.succeed();
    }
  });

  test('with no patience there is one try more, in the same instant', () => {
    const clock = new TestClock();
    const backoff = new Backoff(clock, 0);
    expect(backoff.fail()).toBeDefined();
    clock.time += 1;
    expect(backoff.fail()).toBeUndefined();
  });
});
