// Decodes a value while its bytes arrive, in parts: what a value that is too large for memory is read with.
import { RdbError } from '../errors.ts';
import type { TemplateLookup } from './decode/template-hash.ts';
import { ArrivingBytes, type PieceSource } from './parts/arriving-bytes.ts';
import { containerParts } from './parts/container-parts.ts';
import { streamParts } from './parts/stream-parts.ts';
import { stringParts } from './parts/string-parts.ts';
import type { ValueType } from './types.ts';
import type { ValuePart } from './value-parts.ts';

export type { PieceSource } from './parts/arriving-bytes.ts';

export interface PartOptions {
  /**
   * About how many bytes of elements a part holds, at least 1: it ends with the element that reaches this. A string
   * counts 128 bytes more than it has, for the object that it is, so that parts of tiny elements stay small in memory.
   */
  partBytes: number;
  /** Offset of the value's first byte, for errors. Default 0. */
  base?: number | undefined;
  /** The field names of the file's templates, which hashes of the types 30 and 32 refer to. */
  templates?: TemplateLookup;
}

/** False for types that {@link readValueParts} refuses: modules' values, arrays and path hashes. */
export function hasParts(type: ValueType): boolean {
  return type.kind !== 'module' && type.kind !== 'array' && type.name !== 'PATH_HASH';
}

/**
 * Decodes a value in parts, in the order of its bytes. An empty container has no part, an empty string one empty part.
 *
 * In memory are a few times `partBytes`, about twice the largest element (a string, expanded; or a node of a list or
 * stream), and 33 bytes for each pending entry of one group. What has been used waits for the garbage collector, and V8
 * lets some 64 MB of it gather. Containers that are a single blob (those that servers keep small) are held whole, and so
 * are hashes of a template.
 *
 * Parts come before what follows them has been looked at: the value is to be believed only when the last has come and
 * the generator has ended. That an element, consumer or group comes twice is not found (`decodeValue` finds it): sent as
 * commands, the two become one.
 *
 * @param read gives exactly the value's bytes, without the type byte. What is handed out are copies of them.
 * @throws {RdbError} `RDB_NO_PARTS` unless {@link hasParts}; `RDB_TRUNCATED` where the bytes end too early; `RDB_LIMIT`
 *   for an element above 4 GiB; and for other damage as `decodeValue`
 */
export async function* readValueParts(
  type: ValueType,
  read: PieceSource,
  options: PartOptions,
): AsyncGenerator<ValuePart, void, undefined> {
  const { partBytes, base = 0, templates } = options;
  if (!(partBytes >= 1)) throw new RangeError(`parts have at least 1 byte, not ${partBytes}`);
  if (!hasParts(type)) {
    const message = `values of type ${type.code} (${type.name}) can't be taken apart.`;
    throw new RdbError('RDB_NO_PARTS', message, { offset: base });
  }
  const bytes = new ArrivingBytes(read, partBytes, base);
  switch (type.kind) {
    case 'string':
      for await (const part of stringParts(bytes, partBytes)) yield { kind: 'string', bytes: part };
      break;
    case 'stream':
      yield* streamParts(type, bytes, partBytes);
      break;
    default:
      yield* containerParts(type, bytes, partBytes, templates);
  }
}
