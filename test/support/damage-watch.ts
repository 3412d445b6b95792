// What the processes that damage files have in common: the files, and an eye on time and memory.
import { readFileSync, writeSync } from 'node:fs';
import { corpusFiles, readCorpus } from './corpus.ts';
import { type Sample, samples } from './samples.ts';

/** What every run of damaged files tells. */
export interface DamageTotals {
  cases: number;
  /** How often each error was met, or how a file was read that showed none. */
  verdicts: Record<string, number>;
  failures: string[];
  slowest: { ms: number; case: string };
  /** The most bytes that one buffer was asked for, and by how many bytes the process grew. */
  largestBuffer: number;
  grownBytes: number;
}

/** A file before it is damaged. */
export interface Candidate {
  name: string;
  bytes: Buffer;
  /** Where lengths are known to be. */
  places: number[];
}

/** Bytes of buffers and objects from which on those that nobody needs any more are let go. */
const GARBAGE_BYTES = 32 * 1024 * 1024;

export function newTotals(): DamageTotals {
  return {
    ...{ cases: 0, verdicts: {}, failures: [], slowest: { ms: 0, case: '' } },
    ...{ largestBuffer: 0, grownBytes: 0 },
  };
}

/** The samples, some of them larger, the corpus, and files of real servers. */
export function candidates(files: readonly string[], more: readonly Sample[] = []): Candidate[] {
  const made = [...samples, ...more].map(({ name, bytes, records }) => ({
    name,
    bytes,
    places: records.flatMap(({ start, keyStart, valueStart }) =>
      keyStart === undefined || valueStart === undefined ? [start + 1] : [keyStart, valueStart, valueStart],
    ),
  }));
  const real = [
    ...corpusFiles().map((name) => ({ name, bytes: readCorpus(name) })),
    ...files.map((name) => ({ name, bytes: readFileSync(name) })),
  ].map((file) => ({ ...file, places: [] }));
  return [...made, ...real];
}

/** Notes the largest buffer that anybody asks for, also one that is never written to. */
export function watchBuffers(totals: DamageTotals): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const real = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
    Object.assign(Buffer, {
      [name]: (size: number, ...rest: unknown[]) => {
        if (size > totals.largestBuffer) totals.largestBuffer = size;
        return real(size, ...rest);
      },
    });
  }
}

/** Runs one case: says its name first, so that a hang can be told. @param judge gives the verdict, or throws what is wrong */
export async function runCase(totals: DamageTotals, label: string, judge: () => Promise<string>): Promise<void> {
  writeSync(1, `${label}\n`);
  totals.cases++;
  const start = performance.now();
  try {
    const verdict = await judge();
    totals.verdicts[verdict] = (totals.verdicts[verdict] ?? 0) + 1;
  } catch (error) {
    const { stack, cause = '' } = error as Error;
    if (totals.failures.length < 5) totals.failures.push(`${label}: ${stack} ${cause}`);
  }
  const ms = performance.now() - start;
  if (ms > totals.slowest.ms) totals.slowest = { ms, case: label };
  // What the test itself throws away is not to be taken for what the engine needs.
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  if (arrayBuffers + heapUsed > GARBAGE_BYTES) globalThis.gc?.();
}

/** Says the result, in the last line. */
export function tell(totals: DamageTotals): void {
  writeSync(1, `${JSON.stringify(totals)}\n`);
}
