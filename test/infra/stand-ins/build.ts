// Stands in for build.
import { type Payload, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  return { ok: !wishesOf(payload).includes('bad-line') };
}
