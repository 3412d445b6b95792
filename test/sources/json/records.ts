// Runs the reader over text that a test has in memory.
import { InputError } from '../../../lib/errors.ts';
import type { LogicalValue } from '../../../lib/rdb/value.ts';
import {
  type JsonKey,
  type JsonRecord,
  type JsonRecordOptions,
  jsonRecords,
} from '../../../lib/sources/json/json-records.ts';

export async function* piecesOf(text: string | Buffer, size = 1 << 16): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  // The memory of each piece is used again, as block readers do.
  const shared = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const end = Math.min(at + size, bytes.length);
    yield shared.subarray(0, bytes.copy(shared, 0, at, end));
    shared.fill(0x23);
  }
}

export async function recordsOf(
  text: string | Buffer,
  options: JsonRecordOptions = {},
  size?: number,
): Promise<JsonRecord[]> {
  const records: JsonRecord[] = [];
  for await (const record of jsonRecords('x.jsonl', piecesOf(text, size), options)) records.push(record);
  return records;
}

/** The only record, which is a key. */
export async function keyOf(text: string | Buffer, size?: number): Promise<JsonKey> {
  const [record, ...others] = await recordsOf(text, {}, size);
  if (record?.kind !== 'key' || others.length > 0) throw new Error('not one key');
  return record;
}

/** Code, place and message of the error that the text ends in; any other error is thrown. */
export async function problemOf(
  text: string | Buffer,
  options: JsonRecordOptions = {},
): Promise<[code: string, where: string | undefined, message: string]> {
  try {
    await recordsOf(text, options);
  } catch (error) {
    if (!(error instanceof InputError) || error.remedy === undefined) throw error;
    return [error.code, error.where, error.message];
  }
  throw new Error('nothing was wrong');
}

/** In a form that is compared exactly: numbers as text, and what is not known left out. JSON Lines keep all order. */
export function comparable(value: LogicalValue): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each) =>
      typeof each === 'bigint' ? `${each}n` : typeof each === 'number' ? numberText(each) : each,
    ),
  );
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
