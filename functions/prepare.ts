// Checks the target and loads function libraries, once before the first chunk.
import { prepareRestore } from '../lib/jobs/aws/prepare.ts';
import { leasedEvent } from './inputs.ts';
import { restoreContext } from './restore-context.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'prepare',
  leasedEvent,
  async ({ job, lease }, deadline) => {
    await prepareRestore(restoreContext(job, deadline), job, lease);
    return { ok: true };
  },
  failedStep,
);
