// The part of a restore that is not keys: function libraries and cached scripts.
import { readString } from '../rdb/strings.ts';
import type { Fleet } from '../redis/fleet.ts';
import type { RdbInput } from '../sources/rdb/input.ts';
import type { Span } from '../sources/rdb/plan.ts';
import { type FunctionOutcome, libraryName, loadFunction, loadScript } from '../targets/redis/functions.ts';
import type { ConflictPolicy } from '../targets/redis/policy.ts';
import type { RestoreReport } from './report.ts';

export interface RestoreFunctionsOptions {
  readonly fleet: Fleet;
  readonly policy: ConflictPolicy;
  /** The target has functions. */
  readonly supported: boolean;
  /** Gets the outcomes, and what else is to be known. */
  readonly report: Pick<RestoreReport, 'functions' | 'warnings'>;
}

type Counts = Omit<RestoreReport['functions'], 'failed'>;

/**
 * Loads them before any key is written, so that a conflict shows early, on every master: a cluster does not spread them
 * itself. Libraries that are there already are left.
 */
export async function restoreFunctions(inputs: readonly RdbInput[], options: RestoreFunctionsOptions): Promise<void> {
  const { fleet, report } = options;
  for (const { source, plan } of inputs) {
    const read = async ({ offset, bytes }: Span) =>
      readString(await source.read(offset, offset + bytes), 0, offset).value;
    for (const span of plan.functions) await writeLibrary(await read(span), options);
    for (const span of fleet.kind === 'proxy' ? [] : plan.scripts) {
      const script = await read(span);
      const problems = await Promise.all(controlsOf(fleet).map((control) => loadScript(control, script)));
      const problem = problems.find((each) => each !== undefined);
      if (problem !== undefined) report.warnings.push(`A cached script was not loaded: ${problem}`);
    }
  }
}

/** Loads one library into every master, and reports what became of it. */
export async function writeLibrary(code: Buffer, options: RestoreFunctionsOptions): Promise<void> {
  const { fleet, policy, supported, report } = options;
  const outcomes: FunctionOutcome[] = supported ? [] : [{ failed: 'the target has no functions' }];
  if (supported) for (const control of controlsOf(fleet)) outcomes.push(await loadFunction(control, code, policy));
  const failed = outcomes.find((outcome) => typeof outcome !== 'string');
  if (failed !== undefined) report.functions.failed.push({ library: libraryName(code), reason: failed.failed });
  // One master's word stands for all; a library that some had already was still written to the others.
  else report.functions[outcomes.includes('written') ? 'written' : (outcomes[0] as keyof Counts)]++;
}

const controlsOf = (fleet: Fleet) => fleet.masters.map(({ endpoint }) => fleet.control(endpoint));
