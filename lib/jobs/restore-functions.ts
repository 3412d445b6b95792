// The part of a restore that is not keys: function libraries and cached scripts.
import { readString } from '../rdb/strings.ts';
import type { Control } from '../redis/control.ts';
import type { RdbInput } from '../sources/rdb/input.ts';
import type { Span } from '../sources/rdb/plan.ts';
import { libraryName, loadFunction, loadScript } from '../targets/redis/functions.ts';
import type { ConflictPolicy } from '../targets/redis/policy.ts';
import type { RestoreReport } from './report.ts';

export interface RestoreFunctionsOptions {
  readonly control: Control;
  readonly policy: ConflictPolicy;
  /** The target has functions. */
  readonly supported: boolean;
  readonly report: RestoreReport;
}

/** Loads them before any key is written, so that a conflict shows early. Libraries that are there already are left. */
export async function restoreFunctions(inputs: readonly RdbInput[], options: RestoreFunctionsOptions): Promise<void> {
  const { control, policy, supported, report } = options;
  for (const { source, plan } of inputs) {
    const read = async ({ offset, bytes }: Span) =>
      readString(await source.read(offset, offset + bytes), 0, offset).value;
    for (const span of plan.functions) {
      const code = await read(span);
      const outcome = supported ? await loadFunction(control, code, policy) : { failed: 'the target has no functions' };
      if (typeof outcome === 'string') report.functions[outcome]++;
      else report.functions.failed.push({ library: libraryName(code), reason: outcome.failed });
    }
    for (const span of plan.scripts) {
      const problem = await loadScript(control, await read(span));
      if (problem !== undefined) report.warnings.push(`A cached script was not loaded: ${problem}`);
    }
  }
}
