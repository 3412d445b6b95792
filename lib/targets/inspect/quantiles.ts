// Quantiles of a distribution in bounded memory: values are counted in buckets whose bounds grow by a fixed factor, as in
// DDSketch (Masson, Rim, Lee 2019), so that each answer is within a relative error of the true one.
import type { InspectQuantiles } from './report.ts';

/** The largest relative error of a quantile. */
export const QUANTILE_ERROR = 0.01;

/** Whole numbers up to here have a bucket each: no growth is as fine. */
const EXACT = 128;
const GROWTH = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR);
const LOG_GROWTH = Math.log(GROWTH);
/** Buckets up to 2^53. */
const BUCKETS = EXACT + Math.ceil(Math.log(2 ** 53 / EXACT) / LOG_GROWTH) + 2;
/** The bucket of each small value, which most are. */
const SMALL = Uint16Array.from({ length: 4096 }, (_, value) => bucketOf(value));

export class Quantiles {
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** @param value a whole number, not negative */
  add(value: number): void {
    const bucket = value < SMALL.length ? (SMALL[value | 0] as number) : bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  result(): InspectQuantiles {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.#at(0.5),
      p90: this.#at(0.9),
      p99: this.#at(0.99),
      p999: this.#at(0.999),
      max: this.#max,
    };
  }

  /** The value of which a share `q` of all is smaller or equal. */
  #at(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#buckets[bucket] as number;
      if (seen >= rank && seen > 0) return Math.min(this.#max, middleOf(bucket));
    }
    return 0;
  }
}

/** The value itself, or beyond {@link EXACT} that and the number of growths from there to the value, rounded up. */
function bucketOf(value: number): number {
  return value <= EXACT ? Math.round(value) : EXACT + Math.ceil(Math.log(value / EXACT) / LOG_GROWTH - 1e-9);
}

/** The value of which no value of the bucket is further away than the error. */
function middleOf(bucket: number): number {
  return bucket <= EXACT ? bucket : (2 * EXACT * GROWTH ** (bucket - EXACT)) / (1 + GROWTH);
}
