// Stands in for claim.
import { type Payload, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  const wishes = wishesOf(payload);
  if (wishes.includes('duplicate')) return { ok: true, proceed: false, why: 'a duplicate' };
  if (wishes.includes('claim-refuses')) return { ok: false, proceed: false, why: 'no such version' };
  const key = payload.state.object?.key ?? payload.state.key;
  return { ok: true, proceed: true, why: '', job: { id: '1', key } };
}
