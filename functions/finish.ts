// Ends a restore: totals against the plan, report, tags, record.
import { endWithoutJob } from '../lib/jobs/aws/conclude.ts';
import { finishRestore } from '../lib/jobs/aws/finish.ts';
import { leasedEvent } from './inputs.ts';
import { restoreContext } from './restore-context.ts';
import { observed } from './runtime.ts';

export const handler = observed(
  'finish',
  leasedEvent,
  ({ job, lease }, deadline) => finishRestore(restoreContext(job, deadline), job, lease),
  (failure) => endWithoutJob('restore', failure),
);
