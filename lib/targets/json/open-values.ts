// Any value as JSON, the general way: through what lib/rdb/decode makes of it, element by element.
import { openValue, type TemplateLookup } from '../../rdb/decode.ts';
import type { ValueType } from '../../rdb/types.ts';
import type { HashField } from '../../rdb/value.ts';
import {
  type Write,
  writeArrayItem,
  writeField,
  writeModule,
  writePath,
  writeStreamEntry,
  writeStreamState,
  writeString,
  writeZsetEntry,
} from './elements.ts';
import type { JsonBuffer } from './json-buffer.ts';
import { GIVEN_UP, TOO_LONG } from './quick-values.ts';

const QUOTE = 0x22;

export interface GeneralValue {
  readonly type: ValueType;
  /** Exactly the value's bytes. */
  readonly value: Buffer;
  /** Offset of the value's first byte, for errors. */
  readonly base: number;
  readonly templates: TemplateLookup;
}

/**
 * @param limit position in the output: a value that goes beyond it may be left unfinished. A module's value is written
 *   whatever its length, since it can't be taken apart.
 * @returns the number of elements, or `TOO_LONG`: then what was written means nothing
 * @throws {RdbError} as `decodeValue`
 */
export function writeGeneral(out: JsonBuffer, general: GeneralValue, limit: number): number {
  const { type, value } = general;
  const opened = openValue(type, value, general);
  switch (opened.kind) {
    case 'string':
      out.string(opened.bytes);
      return out.at > limit ? TOO_LONG : 1;
    case 'list':
      return writeBounded(out, '[', opened.items, writeString, ']', limit);
    case 'set':
      return writeBounded(out, '[', opened.members, writeString, ']', limit);
    case 'zset':
      return writeBounded(out, '[', opened.entries, writeZsetEntry, ']', limit);
    case 'hash': {
      const start = out.at;
      const count = writeObject(out, opened.fields, limit);
      if (count !== GIVEN_UP) return count;
      out.at = start;
      // Elements come once: the value is opened again for them to come as an array.
      const again = openValue(type, value, general);
      return again.kind === 'hash' ? writeBounded(out, '[', again.fields, writeField, ']', limit) : GIVEN_UP;
    }
    case 'path-hash': {
      let fields = 0;
      const paths = writeBounded(
        out,
        '{"paths":[',
        opened.paths,
        (_, path) => {
          writePath(out, path);
          fields += path.fields.length;
        },
        ']}',
        limit,
      );
      return paths === TOO_LONG ? TOO_LONG : fields;
    }
    case 'array': {
      out.text('{');
      if (opened.insertIndex !== undefined) {
        out.text('"insertIndex":');
        out.wideInteger(opened.insertIndex);
        out.text(',');
      }
      return writeBounded(out, '"items":[', opened.items, writeArrayItem, ']}', limit);
    }
    case 'module':
      writeModule(out, opened);
      return 1;
    case 'stream': {
      const count = writeBounded(out, '{"entries":[', opened.entries, writeStreamEntry, '],', limit);
      if (count === TOO_LONG) return TOO_LONG;
      writeStreamState(out, opened, type.name === 'STREAM_LISTPACKS_5');
      out.text('}');
      return out.at > limit ? TOO_LONG : count;
    }
  }
}

/** Elements with commas between them, and what stands around all. */
function writeBounded<T>(
  out: JsonBuffer,
  before: string,
  elements: Iterable<T>,
  write: Write<T>,
  behind: string,
  limit: number,
): number {
  let count = 0;
  out.text(before);
  for (const element of elements) {
    if (count++ > 0) out.text(',');
    write(out, element);
    if (out.at > limit) return TOO_LONG;
  }
  out.text(behind);
  return out.at > limit ? TOO_LONG : count;
}

/** A hash as an object; `GIVEN_UP` where a field expires or is no JSON string. */
function writeObject(out: JsonBuffer, fields: Iterable<HashField>, limit: number): number {
  let count = 0;
  out.text('{');
  for (const { field, value, expireAt } of fields) {
    if (expireAt !== undefined) return GIVEN_UP;
    if (count++ > 0) out.text(',');
    const start = out.at;
    out.string(field);
    if (out.bytes[start] !== QUOTE) return GIVEN_UP;
    out.text(':');
    out.string(value);
    if (out.at > limit) return TOO_LONG;
  }
  out.text('}');
  return out.at > limit ? TOO_LONG : count;
}
