// Compares two commands in turn, A B A B …, so that a machine's mood falls on both; says what to make of the numbers.
import type { Cost } from './measure.ts';

/** One side of a comparison. `measure` brings the world into the state before, runs the command once, and checks it. */
export interface Side<C extends Cost = Cost> {
  readonly label: string;
  readonly measure: () => Promise<C>;
}

export interface Pair<C extends Cost = Cost> {
  readonly a: C;
  readonly b: C;
}

/** Measures `warmup + pairs` pairs and returns the last `pairs`. `shown` sees each pair as it comes; warm-ups are −n to −1. */
export async function measurePairs<C extends Cost>(
  a: Side<C>,
  b: Side<C>,
  counts: { pairs: number; warmup: number },
  shown: (pair: Pair<C>, number: number) => void = () => {},
): Promise<Pair<C>[]> {
  const pairs: Pair<C>[] = [];
  for (let turn = -counts.warmup; turn < counts.pairs; turn++) {
    const pair = { a: await a.measure(), b: await b.measure() };
    shown(pair, turn < 0 ? turn : turn + 1);
    if (turn >= 0) pairs.push(pair);
  }
  return pairs;
}

/** A's wall time over B's, pair by pair. */
export function ratios(pairs: readonly Pair[]): number[] {
  return pairs.map(({ a, b }) => a.wallSeconds / b.wallSeconds);
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** The smallest, the middle and the largest of at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** A figure that the issue requires, and what was measured. */
export interface Requirement {
  readonly what: string;
  readonly measured: number;
  readonly atMost: number;
  readonly unit: '' | 'MB';
}

/** Prints each requirement and whether it is met; true when all are. */
export function printRequirements(requirements: readonly Requirement[]): boolean {
  const digits = (value: number, unit: Requirement['unit']): string => value.toFixed(unit === 'MB' ? 0 : 3);
  let met = true;
  for (const { what, measured, atMost, unit } of requirements) {
    const ok = measured <= atMost;
    met &&= ok;
    const suffix = unit === '' ? '' : ` ${unit}`;
    console.log(
      `${ok ? 'met   ' : 'MISSED'}  ${what}: ${digits(measured, unit)}${suffix}, required ≤ ${atMost}${suffix}`,
    );
  }
  return met;
}

const MEGABYTE = 1e6;
export const megabytes = (bytes: number): number => bytes / MEGABYTE;

const row = (head: string, cells: readonly string[]): string =>
  head.padEnd(26) + cells.map((cell) => cell.padStart(11)).join('');

export function printPairHead(a: string, b: string): void {
  console.log(row('pair', [a, b, 'ratio']));
}

export function printPair({ a, b }: Pair, number: number): void {
  const seconds = (value: number): string => `${value.toFixed(2)} s`;
  const head = number < 0 ? `warm-up ${-number}` : String(number);
  console.log(row(head, [seconds(a.wallSeconds), seconds(b.wallSeconds), (a.wallSeconds / b.wallSeconds).toFixed(3)]));
}

/** A table of spreads: one line a quantity. */
export function printSpreads(lines: readonly { what: string; values: readonly number[]; digits?: number }[]): void {
  console.log(`\n${row('', ['min', 'median', 'max'])}`);
  for (const { what, values, digits = 2 } of lines) {
    const { min, median, max } = spread(values);
    console.log(
      row(
        what,
        [min, median, max].map((value) => value.toFixed(digits)),
      ),
    );
  }
  console.log('');
}
