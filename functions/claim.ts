// Claims the object that an execution was started for: of all executions that are told of it, one goes on.
import { claim } from '../lib/jobs/aws/claim.ts';
import { openCloud } from './environment.ts';
import { claimEvent } from './inputs.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'claim',
  claimEvent,
  async (request) => {
    const claimed = await claim(openCloud(), request);
    if (!('failure' in claimed)) return { ok: true, ...claimed };
    const { failure, ...rest } = claimed;
    return { ...failedStep(failure), ...rest };
  },
  (failure) => ({ ...failedStep(failure), proceed: false }),
);
