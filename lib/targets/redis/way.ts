// Which way a record goes to a target: as a SET, a RESTORE, or taken apart by commands.
import { hasParts } from '../../rdb/read-parts.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { EntryEncoder } from './entry-encoder.ts';

export type Way = 'none: expired' | 'by commands' | 'SET' | 'RESTORE';

export interface WayContext {
  readonly encoder: EntryEncoder;
  readonly clock: Clock;
  /** The user may call RESTORE. */
  readonly restores: boolean;
  /** A record from here on is written in parts; bytes. */
  readonly bigKeyBytes: number;
}

/** The way of a record that is held in memory. What is RESTOREd may have to become an older type before. */
export function wayOf(
  entry: RdbScanner,
  bytes: Buffer,
  base: number,
  { encoder, clock, restores, bigKeyBytes }: WayContext,
): Way {
  if (!Number.isNaN(entry.expireAt) && encoder.hasExpired(entry, clock.now())) return 'none: expired';
  if (entry.recordEnd - entry.recordStart >= bigKeyBytes && hasParts(entry.type as ValueType)) return 'by commands';
  if (encoder.isPlainString(entry, bytes, base)) return 'SET';
  return restores ? 'RESTORE' : 'by commands';
}
