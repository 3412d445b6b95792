// Stands in for restore-chunk: needs two calls a chunk.
import { tell } from './stand-in.ts';

interface Item {
  readonly chunk: { readonly unit: number };
  readonly job: { readonly key: string };
  readonly lease: { readonly epoch: number };
  readonly run?: object;
}

export async function handler({ chunk, job, lease, run }: Item) {
  await tell(`chunk ${chunk.unit} of ${job.key} in tenure ${lease.epoch}: ${run === undefined ? 'first' : 'again'}`);
  if (job.key.includes('chunk-throws') && chunk.unit === 3) throw new Error('ECONNREFUSED');
  return { ok: !job.key.includes('chunk-refuses'), done: run !== undefined };
}
