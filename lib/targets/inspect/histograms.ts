// Histograms whose bars are known beforehand: times to live, idle times, access frequencies, sizes.
import { Counts, type InspectedKey } from './counts.ts';
import type { InspectBar } from './report.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Upper bounds, each but the last exclusive. */
const TIMES: readonly (readonly [below: number, label: string])[] = [
  [MINUTE, '< 1 m'],
  [HOUR, '< 1 h'],
  [DAY, '< 1 d'],
  [7 * DAY, '< 7 d'],
  [30 * DAY, '< 30 d'],
  [365 * DAY, '< 1 y'],
  [Number.POSITIVE_INFINITY, '1 y and more'],
];

const SIZES: readonly (readonly [below: number, label: string])[] = [
  [64, '< 64 B'],
  [256, '< 256 B'],
  [1024, '< 1 KiB'],
  [4096, '< 4 KiB'],
  [16_384, '< 16 KiB'],
  [65_536, '< 64 KiB'],
  [262_144, '< 256 KiB'],
  [1_048_576, '< 1 MiB'],
  [16_777_216, '< 16 MiB'],
  [Number.POSITIVE_INFINITY, '16 MiB and more'],
];

const FREQUENCIES: readonly (readonly [below: number, label: string])[] = [
  [1, '0'],
  [6, '1–5'],
  [11, '6–10'],
  [26, '11–25'],
  [51, '26–50'],
  [101, '51–100'],
  [201, '101–200'],
  [Number.POSITIVE_INFINITY, '201–255'],
];

export class Histogram {
  readonly #labels: readonly string[];
  /** Upper bounds of all bars but the last. */
  readonly #bounds: Float64Array;
  readonly #bars: Counts[];

  constructor(bounds: readonly (readonly [below: number, label: string])[]) {
    this.#labels = bounds.map(([, label]) => label);
    this.#bounds = Float64Array.from(bounds.slice(0, -1), ([below]) => below);
    this.#bars = bounds.map(() => new Counts());
  }

  add(value: number, key: InspectedKey): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value >= (bounds[at] as number)) at++;
    (this.#bars[at] as Counts).add(key);
  }

  get empty(): boolean {
    return this.#bars.every(({ keys }) => keys === 0);
  }

  get bars(): InspectBar[] {
    return this.#labels.map((label, at) => ({ label, ...(this.#bars[at] as Counts).counts }));
  }
}

export class Histograms {
  readonly #nowMs: number;
  readonly #forever = new Counts();
  /** Keys whose expiry had passed. */
  readonly expired = new Counts();
  readonly #ttl = new Histogram(TIMES);
  readonly #idle = new Histogram(TIMES);
  readonly #lfu = new Histogram(FREQUENCIES);
  readonly #memory = new Histogram(SIZES);

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  add(key: InspectedKey): void {
    this.#memory.add(key.memory, key);
    if (Number.isNaN(key.expireAt)) this.#forever.add(key);
    else if (key.expireAt <= this.#nowMs) this.expired.add(key);
    else this.#ttl.add((key.expireAt - this.#nowMs) / 1000, key);
    if (key.idle >= 0) this.#idle.add(key.idle, key);
    if (key.freq >= 0) this.#lfu.add(key.freq, key);
  }

  result(): { ttl: InspectBar[]; idle: InspectBar[]; lfu: InspectBar[]; memory: InspectBar[] } {
    return {
      ttl: [
        { label: 'no expiry', ...this.#forever.counts },
        { label: 'expired', ...this.expired.counts },
        ...this.#ttl.bars,
      ],
      idle: this.#idle.empty ? [] : this.#idle.bars,
      lfu: this.#lfu.empty ? [] : this.#lfu.bars,
      memory: this.#memory.bars,
    };
  }
}
