// How the bytes of each record are laid out, written as small programs that a scanner can stop and resume at any byte.
//
// A layout is a list of instructions over the primitives of the format (a string, a length, fixed bytes). Counted parts
// are loops. Nothing is decoded: running a layout only finds where the record ends.

export const Op = {
  /** The record is complete. */
  DONE: 0,
  /** A string in any of its encodings (plain, integer, LZF). */
  STRING: 1,
  /** A length. */
  LENGTH: 2,
  /** `argument` raw bytes. */
  BYTES: 3,
  /** A double written as text: one byte of length, then that many; 253, 254, 255 mean nan, +inf, -inf. */
  TEXT_DOUBLE: 4,
  /** A count, then the instructions up to the matching END that many times. `argument`: where the END is. */
  LOOP: 5,
  /** The end of a loop's body. `argument`: where the body begins. */
  END: 6,
  /** A module's value: tagged items up to tag 0. */
  MODULE: 7,
  /** What follows is the value: everything before it was attributes and key. */
  VALUE: 8,
  /** The tag and payload of an array's item. */
  ARRAY_ITEM: 9,
  /** An array's count, which goes to the field register, and a flag; where that is 1 a length follows. */
  ARRAY_HEAD: 10,
  /** A flag; where it is 1 a string follows. */
  OPTIONAL_STRING: 11,
  /** Field names of a template-coded hash in DUMP form; their number goes to the field register. */
  FIELD_NAMES: 12,
  /** The id of a template seen earlier; the number of its fields goes to the field register. */
  TEMPLATE_ID: 13,
  /** Like LOOP, with the field register as its count. */
  LOOP_FIELDS: 14,
  /** The id of a template that is being defined. */
  DEFINE_TEMPLATE: 15,
  /** A count of names of the template being defined, then a loop as in LOOP. */
  LOOP_NAMES: 16,
} as const;

/** One instruction and its argument, flat: `[op, argument, op, argument, …]`. Positions below count single numbers. */
export type Layout = Int32Array;

type Part = readonly number[] | Loop;
interface Loop {
  readonly op: number;
  readonly body: readonly Part[];
}

const string: Part = [Op.STRING, 0];
const length: Part = [Op.LENGTH, 0];
const textDouble: Part = [Op.TEXT_DOUBLE, 0];
const moduleValue: Part = [Op.MODULE, 0];
const valueStarts: Part = [Op.VALUE, 0];
const bytes = (count: number): Part => [Op.BYTES, count];
const counted = (...body: Part[]): Loop => ({ op: Op.LOOP, body });

function assemble(parts: readonly Part[]): Layout {
  const code: number[] = [];
  const emit = (part: Part): void => {
    if (!('op' in part)) {
      code.push(...part);
      return;
    }
    const start = code.length;
    code.push(part.op, 0);
    part.body.forEach(emit);
    code.push(Op.END, start + 2);
    code[start + 1] = code.length - 2;
  };
  parts.forEach(emit);
  code.push(Op.DONE, 0);
  return Int32Array.from(code);
}

/** A key and its value. */
const keyed = (...value: Part[]): Layout => assemble([string, valueStarts, ...value]);
/** A record that belongs to no key. */
const record = (...parts: Part[]): Layout => assemble(parts);

function stream(version: 1 | 2 | 3 | 4 | 5): Layout {
  const streamId = bytes(16);
  const times = bytes(8);
  return keyed(
    counted(string, string),
    ...[length, length, length],
    ...(version >= 2 ? [length, length, length, length, length] : []),
    counted(
      ...[string, length, length],
      ...(version >= 2 ? [length] : []),
      counted(streamId, times, length),
      counted(string, times, ...(version >= 3 ? [times] : []), counted(streamId)),
      ...(version >= 5 ? [counted(streamId)] : []),
    ),
    ...(version >= 4 ? [length, length, counted(string, counted(string, length, length)), length, length] : []),
  );
}

/** Layouts of values, by what the layout is and not by type code: some codes mean different things by dialect. */
export const valueLayouts = {
  string: keyed(string),
  strings: keyed(counted(string)),
  pairs: keyed(counted(string, string)),
  textScored: keyed(counted(string, textDouble)),
  scored: keyed(counted(string, bytes(8))),
  quicklist2: keyed(counted(length, string)),
  expiringPairs: keyed(counted(length, string, string)),
  minExpiryPairs: keyed(bytes(8), counted(length, string, string)),
  minExpiryBlob: keyed(bytes(8), string),
  pairsWithExpiry: keyed(counted(string, string, bytes(8))),
  pathHash: keyed(counted(string, counted(string, string))),
  module: keyed(length, moduleValue),
  array: keyed([Op.ARRAY_HEAD, 0], {
    op: Op.LOOP_FIELDS,
    body: [
      [Op.LENGTH, 0],
      [Op.ARRAY_ITEM, 0],
    ],
  }),
  stream1: stream(1),
  stream2: stream(2),
  stream3: stream(3),
  stream4: stream(4),
  stream5: stream(5),
  templateListpackDump: keyed([Op.FIELD_NAMES, 0], string),
  templateArrayDump: keyed([Op.FIELD_NAMES, 0], { op: Op.LOOP_FIELDS, body: [string] }),
  templateArrayRef: keyed([Op.TEMPLATE_ID, 0], { op: Op.LOOP_FIELDS, body: [string] }),
} as const satisfies Record<string, Layout>;

/** Layouts of records that are not keys. */
export const recordLayouts = {
  length: record(length),
  twoLengths: record(length, length),
  threeLengths: record(length, length, length),
  string: record(string),
  aux: record(string, valueStarts, string),
  moduleAux: record(length, length, length, moduleValue),
  functionPreGa: record(string, string, [Op.OPTIONAL_STRING, 0], string),
  keyMeta: record(counted(bytes(4), moduleValue)),
  slotImport: record(string, counted(length, length)),
  hashTemplate: record([Op.DEFINE_TEMPLATE, 0], valueStarts, { op: Op.LOOP_NAMES, body: [string] }),
} as const satisfies Record<string, Layout>;
