// Stands in for fail.
import { type Payload, tell, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  const { chunk, caught } = payload.state;
  await tell(`failed ${chunk === undefined ? 'job' : `chunk ${chunk.unit}`}: ${caught?.Error ?? 'told'}`);
  if (wishesOf(payload).includes('fail-throws')) throw new Error('no table');
  return { ok: false, again: false, subject: 'failed', text: 'why', error: 'SOME_CODE', cause: 'One sentence.' };
}
