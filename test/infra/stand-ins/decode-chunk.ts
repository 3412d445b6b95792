// Stands in for decode-chunk.
import { tell } from './stand-in.ts';

interface Item {
  readonly chunk: { readonly unit: number };
  readonly job: { readonly key: string };
}

export async function handler({ chunk, job }: Item) {
  await tell(`part ${chunk.unit} of ${job.key}`);
  return { ok: true, done: true };
}
