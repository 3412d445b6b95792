// The value of a record in parts, read from where the record lies; proven against the record's checksum at its end.
import { Crc64 } from '../../bytes/crc64.ts';
import { RdbError } from '../../errors.ts';
import { decodeTemplateNames, type TemplateLookup } from '../../rdb/decode.ts';
import { type PieceSource, readValueParts } from '../../rdb/read-parts.ts';
import { lengthSize, readLength, stringEncoding } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import { BlockReader } from '../../storage/block-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import { changed, type LargeRecord, type RecordHead } from './streamed-restore.ts';

export interface RecordPartsOptions {
  /** What becomes of a hash field's expiry; `undefined` for none. */
  readonly mapFieldExpiry?: ((at: bigint) => bigint | undefined) | undefined;
  readonly templates?: TemplateLookup | undefined;
}

/** Bytes of elements a part. */
const PART_BYTES = 256 * 1024;

/**
 * Reads the value from its beginning.
 *
 * @throws {InputError} `INPUT_CHANGED` at the end, or at damage, when the bytes are not those that were planned: a value
 * that was built of them is not to be believed; {RdbError} for damage that was there before
 */
export async function* recordParts(
  record: LargeRecord,
  { entry, bytes }: RecordHead,
  { mapFieldExpiry, templates }: RecordPartsOptions,
): AsyncGenerator<ValuePart, void, undefined> {
  const { source, start, end } = record;
  const range = new Crc64().update(bytes, 0, entry.valueStart - start);
  const blocks = new BlockReader(source, { from: entry.valueStart, to: end });
  const pieces: PieceSource = {
    async next() {
      const piece = await blocks.nextBytes();
      if (piece !== undefined) range.update(piece);
      return piece;
    },
  };
  const options = {
    partBytes: PART_BYTES,
    base: entry.valueStart,
    ...(templates === undefined ? {} : { templates }),
  };
  try {
    for await (const part of readValueParts(entry.type as ValueType, pieces, options)) {
      yield mapFieldExpiry === undefined ? part : withExpiries(part, mapFieldExpiry);
    }
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    // The plan has not met it. Has the file changed since, then that is what the reader must know.
    while ((await pieces.next()) !== undefined);
    if (range.value === record.crc) throw error;
  }
  if (range.value !== record.crc) throw changed(source);
}

/** The value from its beginning, fields' expiries as they are to be written; fails as {@link recordParts}. */
export function partsToWrite(
  record: LargeRecord,
  head: RecordHead,
  encoder: EntryEncoder,
  clock: Clock,
): AsyncGenerator<ValuePart, void, undefined> {
  const names = encoder.templates;
  return recordParts(record, head, {
    mapFieldExpiry: encoder.fieldExpiryMap(BigInt(clock.now())),
    templates: (id) => {
      const raw = names?.(id);
      return raw === undefined ? undefined : decodeTemplateNames(raw);
    },
  });
}

/** The most that a byte of an LZF block can become: see lib/bytes/lzf.ts. */
const LZF_GROWTH = 264 / 3;
/** What stands before a string's bytes: a byte and two lengths, at most. */
const STRING_HEAD_BYTES = 1 + 9 + 9;

/**
 * Bytes of a string's value, as its head tells. `undefined` for other values, for numbers, where the head at hand ends
 * too early, and where the record is too small for what it tells.
 */
export function stringBytes({ start, end }: LargeRecord, { entry, bytes }: RecordHead): number | undefined {
  const at = entry.valueStart - start;
  if (entry.type?.kind !== 'string' || bytes.length - at < STRING_HEAD_BYTES) return undefined;
  switch (stringEncoding(bytes[at] as number)) {
    case 'raw':
      return within(readLength(bytes, at), end - entry.valueStart);
    case 'lzf':
      return within(
        readLength(bytes, at + 1 + lengthSize(bytes[at + 1] as number)),
        (end - entry.valueStart) * LZF_GROWTH,
      );
    default:
      return undefined;
  }
}

const within = (bytes: number, most: number): number | undefined => (bytes <= most ? bytes : undefined);

/**
 * Reads a record to its end.
 *
 * @throws {InputError} `INPUT_CHANGED` when its bytes are not those that were planned; the signal's reason
 */
export async function proveRecord({ source, start, end, crc }: LargeRecord, signal: AbortSignal): Promise<void> {
  const blocks = new BlockReader(source, { from: start, to: end });
  const range = new Crc64();
  for (let piece = await blocks.nextBytes(); piece !== undefined; piece = await blocks.nextBytes()) {
    signal.throwIfAborted();
    range.update(piece);
  }
  if (range.value !== crc) throw changed(source);
}

function withExpiries(part: ValuePart, map: (at: bigint) => bigint | undefined): ValuePart {
  if (part.kind !== 'hash') return part;
  const fields = part.fields.map(({ field, value, expireAt }) => ({
    field,
    value,
    expireAt: expireAt === undefined ? undefined : map(expireAt),
  }));
  return { kind: 'hash', fields };
}
