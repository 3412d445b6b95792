// Settles what a key that exists on the target is: our own work from an attempt that broke off, or somebody else's.
//
// After a kill or a reset nobody knows which of the commands under way were run. Their keys are written again with the
// command that touches no existing key; where one exists, its value and expiry are compared with what would be written.

import { dumpPayload } from '../../rdb/payload.ts';
import { parseDumpPayload, sameValue } from '../../rdb/same-value.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { KeyControl } from '../../redis/key-control.ts';
import { refusal } from '../../redis/refusals.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { ChunkBytes, ChunkWriter, RecordPlace } from './chunk-writer.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';

/** What reading a key's expiry takes. */
export type ExpiryContext = Pick<SuspectContext, 'control' | 'knowsPexpiretime' | 'clock'>;

export interface SuspectContext {
  readonly control: KeyControl;
  /** The target's name in errors. */
  readonly targetName: string;
  readonly encoder: EntryEncoder;
  readonly policy: ConflictPolicy;
  /** The target knows PEXPIRETIME (Redis 7.0). */
  readonly knowsPexpiretime: boolean;
  readonly mapDb: (db: number) => number;
  readonly clock: Clock;
  /** Told how many keys more are settled; asked whether to go on. */
  readonly onSettled: (keys: number) => void;
  readonly signal: AbortSignal;
}

/** Keys that are asked for at once: enough to outlast a round trip. Their values are held meanwhile. */
const GROUP_KEYS = 512;
const GROUP_BYTES = 16 * 1024 * 1024;

/** PTTL is relative, so an expiry from it is exact only to the time between it and the clock's reading; ms. */
const PTTL_TOLERANCE_MS = 1000;

/**
 * Decides on every suspect of a chunk and enters the outcome into its tally.
 *
 * @throws {TargetError} `TARGET_KEY_EXISTS` under `panic` for a key that holds something else
 */
export async function resolveSuspects(writer: ChunkWriter, chunk: ChunkBytes, context: SuspectContext): Promise<void> {
  for (const group of groupsOf(writer)) {
    context.signal.throwIfAborted();
    const judging = group.map((record) => judge(writer.entryAt(record), chunk, context));
    await Promise.allSettled(judging); // none may still read the chunk's bytes when another one has failed
    const verdicts = await Promise.all(judging);
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict === 'same') writer.tally.already++;
      else if (verdict === 'written') writer.tally.written++;
      else if (context.policy === 'skip') writer.tally.skipped++;
      else throw writer.conflict(group[i] as RecordPlace, true);
    }
    context.onSettled(verdicts.length);
  }
}

function* groupsOf(writer: ChunkWriter): Generator<RecordPlace[]> {
  let group: RecordPlace[] = [];
  let bytes = 0;
  for (const record of writer.suspects) {
    const { recordStart, recordEnd } = writer.entryAt(record);
    if (group.length === GROUP_KEYS || (group.length > 0 && bytes + recordEnd - recordStart > GROUP_BYTES)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += recordEnd - recordStart;
  }
  if (group.length > 0) yield group;
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
  const original = {
    type: entry.type as ValueType,
    value: bytes.subarray(entry.valueStart - base, entry.recordEnd - base),
  };
  const rewritten = encoder.rewritten(entry, bytes, base) ?? original;
  // Neither would have been sent.
  if (rewritten === 'expired' || rewritten === 'unknown type') return 'other';
  const ask = () => Promise.all([control.call(key, db, 'DUMP', key), expiryOnTarget(context, db, key)]);
  let [dump, expiresAt] = await ask();
  while (dump === null) {
    if (await restoreNow(context, entry, db, key, rewritten, bytes, base)) return 'written';
    [dump, expiresAt] = await ask();
  }
  if (!sameExpiry(expiry, expiresAt, context)) return 'other';
  const held = parseDumpPayload(dump as Buffer, encoder.targetTypes);
  if (held === undefined) return 'other';
  return sameValue(rewritten, held, { now: BigInt(context.clock.now()) }) ? 'same' : 'other';
}

/**
 * The key went away between the two commands: it expired, or an application removed it. It is written as if new.
 *
 * @returns false when it has come back, perhaps by our own command, whose answer was lost with a connection
 */
async function restoreNow(
  { control, encoder, targetName }: SuspectContext,
  entry: RdbScanner,
  db: number,
  key: Buffer,
  { type, value }: { type: ValueType; value: Buffer },
  bytes: Buffer,
  base: number,
): Promise<boolean> {
  const meta = entry.metaEnd > 0 ? bytes.subarray(entry.metaStart - base, entry.metaEnd - base) : undefined;
  const expiry = encoder.exactExpiry(entry);
  const ttl = expiry === undefined ? ['0'] : [String(expiry)];
  const options: (string | number)[] = expiry === undefined ? [] : ['ABSTTL'];
  if (entry.idle >= 0) options.push('IDLETIME', entry.idle);
  else if (entry.freq >= 0) options.push('FREQ', entry.freq);
  const reply = await control.answer(key, db, 'RESTORE', key, ...ttl, dumpPayload(type, value, meta), ...options);
  if (!(reply instanceof ErrorReply)) return true;
  if (reply.code === 'BUSYKEY') return false;
  throw refusal(reply, { where: targetName, command: 'RESTORE' });
}

/** True when the key on the target expires at that time, as far as the target tells; `undefined` is never. */
export async function expiresAt(
  context: ExpiryContext,
  db: number,
  key: Buffer,
  time: bigint | undefined,
): Promise<boolean> {
  return sameExpiry(time, await expiryOnTarget(context, db, key), context);
}

/** The absolute expiry of a key in ms; `undefined` for none or no key. */
async function expiryOnTarget(context: ExpiryContext, db: number, key: Buffer): Promise<bigint | undefined> {
  const { control } = context;
  if (context.knowsPexpiretime) {
    const at = BigInt((await control.call(key, db, 'PEXPIRETIME', key)) as string);
    return at < 0n ? undefined : at;
  }
  for (;;) {
    const clock = () => timeOnTarget(context, db, key);
    const [before, left, after] = await Promise.all([clock(), control.call(key, db, 'PTTL', key), clock()]);
    if (Number(left) < 0) return undefined;
    // Where a retry came between them, they are of no use.
    if (after - before <= PTTL_TOLERANCE_MS) return after + BigInt(left as string);
  }
}

/** Unix time by the target's clock, in ms; by ours where it may not be asked. */
async function timeOnTarget({ control, clock }: ExpiryContext, db: number, key: Buffer): Promise<bigint> {
  const reply = await control.answer(key, db, 'TIME');
  if (reply instanceof ErrorReply) return BigInt(clock.now());
  const [seconds, microseconds] = reply as [string, string];
  return BigInt(String(seconds)) * 1000n + BigInt(String(microseconds)) / 1000n;
}

function sameExpiry(
  ours: bigint | undefined,
  theirs: bigint | undefined,
  { knowsPexpiretime }: ExpiryContext,
): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs;
  const difference = Number(ours - theirs);
  return Math.abs(difference) <= (knowsPexpiretime ? 0 : PTTL_TOLERANCE_MS);
}
