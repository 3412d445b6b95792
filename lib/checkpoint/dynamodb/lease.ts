// Leases: one holder at a time may write to a target, and a holder that was given up is cut off by the epoch.
import { numberOf, type Table, textOf, type Write } from './table.ts';

/** Names a tenure: what is written under it is refused once there is a later one. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Grows by one with each taking. */
  readonly epoch: number;
}

export interface HeldLease extends Lease {
  readonly held: true;
  /** Until when the holder may go on without another renewal, by its own clock, unix ms. */
  readonly surelyUntil: number;
}

export interface LeaseTerms {
  name: string;
  /** Who wants it. The same owner gets its own lease again, with a new epoch. */
  owner: string;
  /** How long it lasts without renewal, ms; more than twice the margin. */
  ttlMs: number;
  /**
   * How far two machines' clocks may be apart, ms: the holder stops so much before the end, a taker waits so much beyond.
   * Default 5 s. Beyond that the epoch keeps the ledger right.
   */
  marginMs?: number;
}

const MARGIN_MS = 5000;

const keyOf = (name: string) => ({ pk: `lease#${name}`, sk: 'lease' });

/** Takes a lease that is free, over, or the owner's own; else tells who has it and, by his clock, until when. */
export async function takeLease(
  table: Table,
  { name, owner, ttlMs, marginMs = MARGIN_MS }: LeaseTerms,
): Promise<HeldLease | { held: false; owner: string; until: number }> {
  const now = table.clock.now();
  const written = await table.write({
    key: keyOf(name),
    update: 'SET #owner = :owner, #until = :until ADD #epoch :one',
    condition: 'attribute_not_exists(pk) OR #owner = :owner OR #until < :over',
    names: { '#owner': 'owner', '#until': 'until', '#epoch': 'epoch' },
    values: { ':owner': owner, ':until': now + ttlMs, ':over': now - marginMs, ':one': 1 },
  });
  if (!written.done) {
    const [item] = written.refused;
    return { held: false, owner: textOf(item, 'owner') ?? '', until: numberOf(item, 'until') };
  }
  const surelyUntil = now + ttlMs - marginMs;
  return { held: true, name, owner, epoch: numberOf(written.item, 'epoch'), surelyUntil };
}

/** Who has a lease, and until when, by his clock; `undefined` where nobody has it. */
export async function readLease(table: Table, name: string): Promise<{ owner: string; until: number } | undefined> {
  const item = await table.get(keyOf(name));
  const until = numberOf(item, 'until');
  return until <= table.clock.now() ? undefined : { owner: textOf(item, 'owner') ?? '', until };
}

/** Makes a lease last from now on; `undefined` when it is no longer the holder's: it stops at once then. */
export async function renewLease(
  table: Table,
  { name, owner, epoch }: Lease,
  { ttlMs, marginMs = MARGIN_MS }: Pick<LeaseTerms, 'ttlMs' | 'marginMs'>,
): Promise<HeldLease | undefined> {
  const now = table.clock.now();
  const written = await table.write({
    key: keyOf(name),
    update: 'SET #until = :until',
    ...isHeld({ name, owner, epoch }, { '#until': 'until' }, { ':until': now + ttlMs }),
  });
  if (!written.done) return undefined;
  return { held: true, name, owner, epoch, surelyUntil: now + ttlMs - marginMs };
}

/** Gives a lease back, where it is still the holder's. Its epoch stays, so that the next is a later one. */
export async function releaseLease(table: Table, lease: Lease): Promise<void> {
  await table.write({
    key: keyOf(lease.name),
    update: 'SET #until = :zero',
    ...isHeld(lease, { '#until': 'until' }, { ':zero': 0 }),
  });
}

/**
 * Gives back whatever an owner has of a lease, also a tenure that it has not heard of: for an owner that is at its end.
 */
export async function leaveLease(table: Table, { name, owner }: Pick<Lease, 'name' | 'owner'>): Promise<void> {
  await table.write({
    key: keyOf(name),
    update: 'SET #until = :zero',
    condition: '#owner = :owner',
    names: { '#owner': 'owner', '#until': 'until' },
    values: { ':owner': owner, ':zero': 0 },
  });
}

/**
 * Hands whatever an owner that is at its end has of a lease to another, ahead of all that wait for it. The heir takes it
 * as its own, with a new epoch; where it never does, it ends when it would have ended.
 */
export async function bequeathLease(
  table: Table,
  { name, owner }: Pick<Lease, 'name' | 'owner'>,
  heir: string,
): Promise<void> {
  await table.write({
    key: keyOf(name),
    update: 'SET #owner = :heir',
    condition: '#owner = :owner OR #owner = :heir',
    names: { '#owner': 'owner' },
    values: { ':owner': owner, ':heir': heir },
  });
}

/** The condition that a lease is still this tenure's, to go with other writes. */
export function fence(lease: Lease): Write {
  return { key: keyOf(lease.name), ...isHeld(lease, {}, {}) };
}

function isHeld({ owner, epoch }: Lease, names: Record<string, string>, values: Record<string, string | number>) {
  return {
    condition: '#owner = :owner AND #epoch = :epoch',
    names: { ...names, '#owner': 'owner', '#epoch': 'epoch' },
    values: { ...values, ':owner': owner, ':epoch': epoch },
  };
}
