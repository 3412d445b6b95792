// Settles what a key that exists on the target is: our own work from an attempt that broke off, or somebody else's.
//
// After a kill or a reset nobody knows which of the commands under way were run. Their keys are written again with the
// command that touches no existing key; where one exists, its value and expiry are compared with what would be written.

import { dumpPayload } from '../../rdb/payload.ts';
import { parseDumpPayload, sameValue } from '../../rdb/same-value.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { Control, ControlReply } from '../../redis/control.ts';
import { refusal } from '../../redis/refusals.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { ChunkBytes, ChunkWriter, RecordPlace } from './chunk-writer.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';

export interface SuspectContext {
  readonly control: Control;
  readonly encoder: EntryEncoder;
  readonly policy: ConflictPolicy;
  /** The target knows PEXPIRETIME (Redis 7.0). */
  readonly knowsPexpiretime: boolean;
  readonly mapDb: (db: number) => number;
  readonly now: () => number;
}

/** Keys that are asked for at once. */
const GROUP = 64;

/** PTTL is relative, so an expiry from it is exact only to the time the answer took; ms. */
const PTTL_TOLERANCE_MS = 1000;

/**
 * Decides on every suspect of a chunk and enters the outcome into its tally.
 *
 * @throws {TargetError} `TARGET_KEY_EXISTS` under `panic` for a key that holds something else
 */
export async function resolveSuspects(writer: ChunkWriter, chunk: ChunkBytes, context: SuspectContext): Promise<void> {
  for (let from = 0; from < writer.suspects.length; from += GROUP) {
    const group = writer.suspects.slice(from, from + GROUP);
    const verdicts = await Promise.all(group.map((record) => judge(writer.entryAt(record), chunk, context)));
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict === 'same') writer.tally.already++;
      else if (verdict === 'written') writer.tally.written++;
      else if (context.policy === 'skip') writer.tally.skipped++;
      else throw writer.conflict(group[i] as RecordPlace, true);
    }
  }
}

async function judge(
  entry: RdbScanner,
  { bytes, base }: ChunkBytes,
  context: SuspectContext,
): Promise<'same' | 'other' | 'written'> {
  const { control, encoder } = context;
  const key = Buffer.from(encoder.key(entry, bytes, base));
  const db = context.mapDb(entry.db);
  const expiry = encoder.exactExpiry(entry);
  const [dump, expiresAt] = await Promise.all([control.call(db, 'DUMP', key), expiryOnTarget(context, db, key)]);
  const original = {
    type: entry.type as ValueType,
    value: bytes.subarray(entry.valueStart - base, entry.recordEnd - base),
  };
  const rewritten = encoder.rewritten(entry, bytes, base) ?? original;
  if (dump === null) return restoreNow(context, entry, db, key, rewritten, bytes, base);
  if (!sameExpiry(expiry, expiresAt, context)) return 'other';
  const held = parseDumpPayload(dump as Buffer, encoder.targetTypes);
  if (held === undefined) return 'other';
  return sameValue(rewritten, held, { now: BigInt(context.now()) }) ? 'same' : 'other';
}

/** The key went away between the two commands: it expired, or an application removed it. It is written as if new. */
async function restoreNow(
  { control, encoder }: SuspectContext,
  entry: RdbScanner,
  db: number,
  key: Buffer,
  { type, value }: { type: ValueType; value: Buffer },
  bytes: Buffer,
  base: number,
): Promise<'written' | 'other'> {
  const meta = entry.metaEnd > 0 ? bytes.subarray(entry.metaStart - base, entry.metaEnd - base) : undefined;
  const expiry = encoder.exactExpiry(entry);
  const ttl = expiry === undefined ? ['0'] : [String(expiry)];
  const options: (string | number)[] = expiry === undefined ? [] : ['ABSTTL'];
  if (entry.idle >= 0) options.push('IDLETIME', entry.idle);
  else if (entry.freq >= 0) options.push('FREQ', entry.freq);
  const reply = await control.answer(db, 'RESTORE', key, ...ttl, dumpPayload(type, value, meta), ...options);
  if (!(reply instanceof ErrorReply)) return 'written';
  if (reply.code === 'BUSYKEY') return 'other';
  throw refusal(reply, { where: control.name, command: 'RESTORE' });
}

/** The absolute expiry of a key in ms; `undefined` for none or no key. */
async function expiryOnTarget(
  { control, knowsPexpiretime, now }: SuspectContext,
  db: number,
  key: Buffer,
): Promise<bigint | undefined> {
  if (knowsPexpiretime) {
    const at = BigInt((await control.call(db, 'PEXPIRETIME', key)) as string);
    return at < 0n ? undefined : at;
  }
  const left: ControlReply = await control.call(db, 'PTTL', key);
  return Number(left) < 0 ? undefined : BigInt(now() + Number(left));
}

function sameExpiry(
  ours: bigint | undefined,
  theirs: bigint | undefined,
  { knowsPexpiretime }: SuspectContext,
): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs;
  const difference = Number(ours - theirs);
  return Math.abs(difference) <= (knowsPexpiretime ? 0 : PTTL_TOLERANCE_MS);
}
