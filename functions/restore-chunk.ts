// Restores one chunk: an item of the map. Safe to run again: the ledger says what is done.
import { restoreChunk } from '../lib/jobs/aws/restore-chunk.ts';
import { chunkEvent } from './inputs.ts';
import { counted } from './metrics.ts';
import { restoreContext } from './restore-context.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'restore-chunk',
  chunkEvent,
  async ({ job, lease, chunk }, deadline) => {
    const { done } = await counted(job, () => restoreChunk(restoreContext(job, deadline), job, lease, chunk));
    return { ok: true, done };
  },
  (failure) => ({ ...failedStep(failure), done: true }),
);
