// Stands in for finish.
import { before, type Payload, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  const wishes = wishesOf(payload);
  if (wishes.includes('finish-throws')) throw new Error('503');
  const ok = !wishes.includes('chunk-throws');
  const again = wishes.includes('restarted') && before(payload.execution) === 0;
  return { ok, again, subject: 'ended', text: 'what was done', error: 'TARGET_UNREACHABLE', cause: 'Nobody there.' };
}
