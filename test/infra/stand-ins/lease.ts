// Stands in for lease.
import { before, type Payload, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  const held = !wishesOf(payload).includes('lease-waits') || before(payload.execution) === 2;
  return { held, waitSeconds: 20, lease: held ? { name: 'cache', owner: payload.execution, epoch: 7 } : null };
}
