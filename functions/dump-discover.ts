// Begins a backup: takes the source, and finds the servers that hold its data.
import { discoverShards } from '../lib/jobs/aws/backup/discover.ts';
import { backupContext } from './backup-context.ts';
import { runEvent } from './dump-inputs.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'dump-discover',
  runEvent,
  async ({ run }, deadline) => ({ ok: true, ...(await discoverShards(backupContext(deadline), run)) }),
  (failure) => ({ ...failedStep(failure), proceed: false }),
);
