// The parts of a value that its lines are made of: in runs that need not be decoded first, where its encoding has such.
import { type DecodeOptions, openValue } from '../../rdb/decode.ts';
import { ArrivingBytes } from '../../rdb/parts/arriving-bytes.ts';
import { cuts } from '../../rdb/parts/container-parts.ts';
import { type PartOptions, type PieceSource, readValueParts } from '../../rdb/read-parts.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { ArrayItem, HashPath } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';

/** The parts of a value, also of the kinds that `readValueParts` does not take apart. */
export type LinePart =
  | ValuePart
  /** Some elements as a small value of the same type, as its bytes; `base` is their offset, for errors. */
  | { readonly kind: 'run'; readonly value: Buffer; readonly base: number }
  | { readonly kind: 'path-hash'; readonly paths: readonly HashPath[] }
  | { readonly kind: 'array'; readonly insertIndex: bigint | undefined; readonly items: readonly ArrayItem[] };

/** Types whose values come in runs that are written without being decoded first. */
const IN_RUNS = new Set(['HASH', 'SET', 'ZSET_2', 'LIST', 'LIST_QUICKLIST', 'LIST_QUICKLIST_2']);

/**
 * The parts of a value that arrives in pieces; a `run` stays as it is until the next is asked for. Options, memory and errors are those of `readValueParts`.
 *
 * @param read gives exactly the value's bytes, without the type byte
 */
export async function* readLineParts(
  type: ValueType,
  read: PieceSource,
  options: PartOptions,
): AsyncGenerator<LinePart, void, undefined> {
  if (!IN_RUNS.has(type.name)) {
    yield* readValueParts(type, read, options);
    return;
  }
  // A run is written before the next one is asked for.
  const bytes = new ArrivingBytes(read, options.partBytes, options.base ?? 0, true);
  for await (const { bytes: value, base } of cuts(type, bytes)) yield { kind: 'run', value, base };
}

/**
 * The parts of an array or a path hash: kinds that `readValueParts` does not take apart, so that the value has to be in
 * memory.
 *
 * @throws {RdbError} as `openValue`, here and later
 */
export function* heldParts(
  type: ValueType,
  value: Buffer,
  options: DecodeOptions = {},
): Generator<LinePart, void, undefined> {
  const opened = openValue(type, value, options);
  if (opened.kind === 'path-hash') {
    for (const path of opened.paths) yield { kind: 'path-hash', paths: [path] };
  } else if (opened.kind === 'array') {
    const { insertIndex } = opened;
    for (const item of opened.items) yield { kind: 'array', insertIndex, items: [item] };
  } else {
    throw new Error(`values of type ${type.name} go in parts by readValueParts, or not at all`);
  }
}
