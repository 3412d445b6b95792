// Moves a slot from one master of a cluster to another, as redis-cli --cluster reshard does, in one go or key by key.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { selfOf } from './cluster-view.ts';
import type { Server } from './servers.ts';

export interface MoveOptions {
  /** Moves one key at a time and waits so long, in ms, after each; else 100 keys a MIGRATE without a pause. */
  keyDelayMs?: number;
}

export interface Move extends MoveOptions {
  readonly slot: number;
  readonly from: Server;
  readonly to: Server;
  /** All masters, which are told at the end. */
  readonly masters: readonly Server[];
  readonly password?: string | undefined;
}

const MIGRATE_TIMEOUT_MS = 10_000;

/**
 * The importing side is set first and told first that the slot is its own, so that at no moment both sides send a
 * client away.
 *
 * @throws what MIGRATE says, BUSYKEY above all: a key that is on both sides means that somebody wrote it twice
 */
export async function moveSlot({ slot, from, to, masters, password, keyDelayMs }: Move): Promise<void> {
  const [fromId, toId] = [(await selfOf(from)).id, (await selfOf(to)).id];
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  for (let db = 0; db < (await databasesOf(from)); db++) {
    const client = from.connect({ db });
    try {
      await moveKeys(client, db, { slot, to, password, keyDelayMs });
    } finally {
      client.disconnect();
    }
  }
  for (const node of [to, from, ...masters.filter((each) => each !== to && each !== from)]) {
    await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }
}

async function moveKeys(
  client: Redis,
  db: number,
  {
    slot,
    to,
    password,
    keyDelayMs,
  }: { slot: number; to: Server; password: string | undefined; keyDelayMs?: number | undefined },
): Promise<void> {
  const auth = password === undefined ? [] : ['AUTH', password];
  for (;;) {
    const count = keyDelayMs === undefined ? 100 : 1;
    const keys = (await client.callBuffer('CLUSTER', ['GETKEYSINSLOT', slot, count])) as Buffer[];
    if (keys.length === 0) return;
    await client.call('MIGRATE', [to.host, to.port, '', db, MIGRATE_TIMEOUT_MS, ...auth, 'KEYS', ...keys]);
    if (keyDelayMs !== undefined) await sleep(keyDelayMs);
  }
}

/** More than one only in Valkey 9, where `cluster-databases` says so. */
async function databasesOf(node: Server): Promise<number> {
  const [, databases = '1'] = (await node.call('CONFIG', 'GET', 'cluster-databases')) as string[];
  return Number(databases);
}
