// Writes one record by commands instead of RESTORE: values that are too large for it, or that it refuses.
import { hasParts } from '../../rdb/read-parts.ts';
import type { ValueType } from '../../rdb/types.ts';
import { showEndpoint } from '../../redis/endpoint.ts';
import { type Fleet, hasReplicas } from '../../redis/fleet.ts';
import type { KeyControl } from '../../redis/key-control.ts';
import type { ServerInfo } from '../../redis/server-info.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type Attempt, keyExists } from './chunk-writer.ts';
import { commandSupport } from './command-support.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import { lostWithKey } from './foreseen-losses.ts';
import type { ConflictPolicy } from './policy.ts';
import { partsToWrite, stringBytes } from './record-parts.ts';
import { type ExpiryContext, expiresAt } from './resolve-suspects.ts';
import { sameInParts } from './same-in-parts.ts';
import type { LargeRecord, RecordHead } from './streamed-restore.ts';
import { addLosses, type Tally } from './tally.ts';
import { writeInParts } from './write-in-parts.ts';

export interface ByCommandsOptions {
  readonly fleet: Fleet;
  readonly server: ServerInfo;
  readonly control: KeyControl;
  readonly encoder: EntryEncoder;
  readonly policy: ConflictPolicy;
  /** The same when the job goes on after a kill. */
  readonly jobId: string;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly knowsPexpiretime: boolean;
  mapDb(db: number): number;
  /** Told of bytes as they are sent; holds them to a rate. */
  onPiece(bytes: number): Promise<void>;
}

/** Where a value went: the server's name, and whether a replica has it too. */
export interface Place {
  readonly server: string;
  readonly replicated: boolean;
}

/**
 * Enters what became of the key into `tally`.
 *
 * @param reason why RESTORE is not used; what a key fails by that commands can't write either
 * @throws {TargetError} what stops the job, `TARGET_KEY_EXISTS` under `panic`
 */
export async function writeByCommands(
  record: LargeRecord,
  head: RecordHead,
  attempt: Attempt,
  reason: string,
  tally: Tally,
  options: ByCommandsOptions,
): Promise<Place | undefined> {
  const { encoder, fleet, policy, clock, mapDb } = options;
  const { entry, bytes } = head;
  const type = entry.type as ValueType;
  const key = Buffer.from(encoder.key(entry, bytes, record.start));
  const db = mapDb(entry.db);
  const fail = (why: string) => void tally.failed.push({ db, key, type: type.name, reason: why });
  // Behind a proxy there are no transactions: a value that is built in parts would be seen so.
  if (!hasParts(type) || fleet.kind === 'proxy') {
    fail(reason);
    return undefined;
  }
  const parts = () => partsToWrite(record, head, encoder, clock);
  const support = commandSupport(options.server);
  const expiry = encoder.exactExpiry(entry);
  const result = await writeInParts({
    ...options,
    key,
    db,
    expiry,
    lost: lostWithKey(entry),
    parts,
    stringBytes: stringBytes(record, head),
    locator: fleet,
    support,
    replicas: hasReplicas(fleet, fleet.locate(key)),
  });
  switch (result.outcome) {
    case 'written':
      tally.written++;
      addLosses(tally.losses, result.losses);
      return { server: showEndpoint(result.endpoint), replicated: result.replicated };
    case 'expired':
      tally.expired++;
      return undefined;
    case 'refused':
      fail(result.reason);
      return undefined;
  }
  const ours = attempt === 'unsure' || result.uncertain;
  const same = async () =>
    (await expiresAt(options satisfies ExpiryContext, db, key, expiry)) &&
    (await sameInParts({ ...options, key, db, kind: type.kind, parts, support }));
  if (attempt === 'confirmed' || (ours && (await same()))) {
    tally.already++;
    // It was read from the master: nobody has asked whether a replica has it too.
    return { server: showEndpoint(fleet.locate(key)), replicated: false };
  }
  if (policy === 'panic') throw keyExists(key, db, fleet.name, ours);
  tally.skipped++;
  return undefined;
}
