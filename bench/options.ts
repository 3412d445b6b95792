// What the benches take on their command lines, and which program they measure.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..');

export interface BenchOptions {
  /** Measured pairs. */
  readonly pairs: number;
  /** Pairs before them that don't count: they fill the page cache. */
  readonly warmup: number;
  /** The terminal tool that is measured. */
  readonly cli: string;
  /** The bench's own arguments. */
  readonly names: string[];
  /** What stood behind `--`: goes to keyferry as it is. */
  readonly extra: string[];
}

/**
 * Reads `[NAME…] [--pairs N] [--warmup N] [--cli FILE] [-- FLAG…]`.
 * @throws an error in words for a person
 */
export function readOptions(args = process.argv.slice(2)): BenchOptions {
  const dashes = args.indexOf('--');
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: '5' },
      warmup: { type: 'string', default: '1' },
      cli: { type: 'string', default: join(ROOT, 'dist', 'keyferry.mjs') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`There is no ${values.cli}: npm run build makes dist/keyferry.mjs.`);
  return {
    pairs: count('--pairs', values.pairs, 1),
    warmup: count('--warmup', values.warmup, 0),
    cli: values.cli,
    names: positionals,
    extra: dashes < 0 ? [] : args.slice(dashes + 1),
  };
}

/**
 * Those of a bench's data sets that the command line names, or all.
 * @throws an error in words for a person
 */
export function chosenOf<T extends string>(known: readonly T[], { names }: Pick<BenchOptions, 'names'>): T[] {
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new Error(`There is no data set ${unknown}; there are ${known.join(', ')}.`);
  return known.filter((name) => names.length === 0 || names.includes(name));
}

function count(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`${option} is a whole number of at least ${least}, not ${text}.`);
  }
  return value;
}

/** The Node that the package brings: the one that runs keyferry after `npm ci`, whatever Node runs this bench. */
export function packageNode(): string {
  const path = join(ROOT, 'node_modules', '.bin', 'node');
  return existsSync(path) ? path : process.execPath;
}

/** Runs a bench; what it throws is printed without a stack, and the exit code is 1 when it throws or returns false. */
export async function runBench(bench: () => Promise<boolean>): Promise<void> {
  try {
    if (!(await bench())) process.exitCode = 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
