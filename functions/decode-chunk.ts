// Decodes one chunk into its part: an item of the map. Safe to run again: a part written again is the same.
import { decodeChunk } from '../lib/jobs/aws/decode-chunk.ts';
import { decodeContext } from './decode-context.ts';
import { decodeChunkEvent } from './inputs.ts';
import { counted } from './metrics.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'decode-chunk',
  decodeChunkEvent,
  async ({ job, chunk }, deadline) => {
    const { done } = await counted(job, () => decodeChunk(decodeContext(job, deadline), job, chunk));
    return { ok: true, done };
  },
  (failure) => ({ ...failedStep(failure), done: true }),
);
