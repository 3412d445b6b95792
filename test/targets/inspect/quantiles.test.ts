// Quantiles from buckets are within the stated error of the exact ones.
import { expect, test } from 'vitest';
import { QUANTILE_ERROR, Quantiles } from '../../../lib/targets/inspect/quantiles.ts';
import { Random, runs, seedOr } from '../../support/random.ts';

test('every quantile is within the stated error, whatever the distribution', () => {
  for (let run = 0; run < runs(50, 2000); run++) {
    const random = new Random(seedOr(1000) + run);
    const most = 2 ** random.int(1, 45);
    const skew = random.int(1, 8);
    const values = Array.from({ length: random.int(1, 3000) }, () => Math.floor(random.fraction() ** skew * most));
    const quantiles = new Quantiles();
    for (const value of values) quantiles.add(value);
    const sorted = values.sort((a, b) => a - b);
    const exact = (q: number) => sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number;
    const { p50, p90, p99, p999, max, count } = quantiles.result();
    expect([count, max], `seed ${random.seed}`).toEqual([values.length, sorted.at(-1)]);
    for (const [q, told] of [
      [0.5, p50],
      [0.9, p90],
      [0.99, p99],
      [0.999, p999],
    ] as const) {
      const error = Math.abs(told - exact(q)) / Math.max(1, exact(q));
      expect(error, `seed ${random.seed}, ${q}: ${told} for ${exact(q)}`).toBeLessThanOrEqual(QUANTILE_ERROR + 1e-9);
    }
  }
});

test('small whole numbers come out as they are; nothing gives zeros', () => {
  const quantiles = new Quantiles();
  for (let value = 1; value <= 100; value++) quantiles.add(value);
  expect(quantiles.result()).toMatchObject({ p50: 50, p90: 90, p99: 99, max: 100, mean: 50.5 });
  expect(new Quantiles().result()).toEqual({ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
});
