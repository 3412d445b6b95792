// What a record would lose on its way to a target: found out as it would be when it is written, with nothing sent.
import { hasFieldExpiries } from '../../rdb/hash-fields.ts';
import { hasParts } from '../../rdb/read-parts.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { ServerInfo } from '../../redis/server-info.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { commandSupport } from './command-support.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { AnyLoss } from './losses.ts';
import { partsToWrite } from './record-parts.ts';
import type { LargeRecord, RecordHead } from './streamed-restore.ts';
import { type CommandLoss, type ValueFacts, valueCommands } from './value-commands.ts';

/** What a key loses by commands whatever its value is. */
export function lostWithKey(entry: RdbScanner): CommandLoss[] {
  const lost: CommandLoss[] = [];
  if (entry.idle >= 0) lost.push('idle-time');
  if (entry.freq >= 0) lost.push('frequency');
  if (entry.metaEnd > 0) lost.push('key-metadata');
  return lost;
}

/** True when values of the type have something that commands can lose. */
export const losesByCommands = (type: ValueType): boolean => type.kind === 'stream' || hasFieldExpiries(type);

/** What a record loses that is RESTOREd; nothing where it is not written at all. */
export function lossesByRestore(
  encoder: EntryEncoder,
  entry: RdbScanner,
  bytes: Buffer,
  base: number,
): readonly AnyLoss[] {
  const rewritten = encoder.rewritten(entry, bytes, base);
  return typeof rewritten === 'object' ? rewritten.losses : [];
}

/**
 * What a record loses that is written by commands; nothing where it is not written at all.
 *
 * @throws {InputError} `INPUT_CHANGED` when its bytes are not those that were planned; {RdbError} for damage
 */
export async function lossesByCommands(
  record: LargeRecord,
  head: RecordHead,
  { encoder, server, clock }: { encoder: EntryEncoder; server: ServerInfo; clock: Clock },
): Promise<readonly AnyLoss[]> {
  const { entry } = head;
  const type = entry.type as ValueType;
  if (!hasParts(type)) return [];
  const facts: ValueFacts = { losses: new Set(lostWithKey(entry)), expiredFields: 0 };
  if (!losesByCommands(type)) return [...facts.losses];
  const options = {
    key: Buffer.alloc(0),
    parts: () => partsToWrite(record, head, encoder, clock),
    support: commandSupport(server),
    limits: { bytes: Number.POSITIVE_INFINITY },
    now: () => clock.now(),
  };
  let written = false;
  for await (const _ of valueCommands(options, facts)) written = true;
  return written ? [...facts.losses] : []; // else the time of all its fields has come
}
