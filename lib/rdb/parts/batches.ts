// Cuts a run of elements into parts of about equal size.
import type { HashField, PendingEntry, StreamEntry, ZsetEntry } from '../value.ts';

/** What a string counts besides its bytes: about the memory that a Buffer takes. */
const BUFFER_BYTES = 128;
/** About the memory of a pending entry: two objects and four bigints. */
const PENDING_BYTES = 192;

/**
 * @param bytesOf what an element counts, bytes
 * @param batchBytes a batch ends with the element that reaches this
 */
export function* batches<T>(
  elements: Iterable<T>,
  bytesOf: (element: T) => number,
  batchBytes: number,
): Generator<T[], void, undefined> {
  let batch: T[] = [];
  let bytes = 0;
  for (const element of elements) {
    batch.push(element);
    bytes += bytesOf(element);
    if (bytes < batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

export function stringBytes(bytes: Buffer): number {
  return bytes.length + BUFFER_BYTES;
}

export function scoredBytes({ member }: ZsetEntry): number {
  return stringBytes(member);
}

export function fieldBytes({ field, value }: Pick<HashField, 'field' | 'value'>): number {
  return stringBytes(field) + stringBytes(value);
}

export function entryBytes({ fields }: StreamEntry): number {
  return fields.reduce((sum, each) => sum + fieldBytes(each), BUFFER_BYTES);
}

export function pendingBytes(_: PendingEntry): number {
  return PENDING_BYTES;
}
