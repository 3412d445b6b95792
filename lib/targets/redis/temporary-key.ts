// The names under which values are built before their own keys get them.
import { createHash } from 'node:crypto';
import { keySlot, slotTag } from '../../redis/slots.ts';

const PREFIX = 'keyferry:tmp:{';
const SHAPE = /^keyferry:tmp:\{[0-9A-Za-z]{1,3}\}.+:[0-9a-f]{32}:[0-3]$/s;

/** Builds of one key that can be told apart. */
const TURNS = 4;
/** 128 bits: that two keys of a job share a name is not to be expected. */
const HASH_BYTES = 16;

/**
 * The names that a job builds a key's value under, all in the key's slot: `keyferry:tmp:{TAG}JOB:HASH:TURN`. There are
 * several because what a broken connection still carried may reach the server late, and must not meet the next build.
 *
 * @param jobId the same when a job goes on after a kill, so that it finds what it left
 */
export function temporaryKeys(key: Buffer, db: number, jobId: string): Buffer[] {
  const hash = createHash('sha256').update(`${db}:`).update(key).digest().toString('hex', 0, HASH_BYTES);
  const name = `${PREFIX}${slotTag(keySlot(key))}}${jobId}:${hash}`;
  return Array.from({ length: TURNS }, (_, turn) => Buffer.from(`${name}:${turn}`));
}

/** True for such a name, of whatever job: sources leave these keys out. */
export function isTemporaryKey(key: Buffer): boolean {
  // Byte by byte: a scan asks this of every key, and nearly all differ in the first.
  for (let at = 0; at < PREFIX.length; at++) if (key[at] !== PREFIX.charCodeAt(at)) return false;
  return SHAPE.test(key.toString('latin1'));
}
