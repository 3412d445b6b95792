// The shapes that other tools gave people's scripts: what decode writes instead of keyferry's own JSON Lines.
import type { TemplateLookup } from '../../rdb/decode.ts';
import type { Entry } from '../../rdb/entry.ts';
import type { ModuleValue } from '../../rdb/value.ts';
import type { JsonBuffer } from './json-buffer.ts';
import type { LinePart } from './line-parts.ts';
import { RdbCliShape } from './shapes/rdb-cli.ts';
import { RdbtoolsCsvShape } from './shapes/rdbtools-csv.ts';
import { RedisDumpShape } from './shapes/redis-dump.ts';
import { RedisShakeShape } from './shapes/redisshake.ts';

export interface ShapeOptions {
  /** Keys without anything that needs their values. Default `false`. */
  readonly keysOnly?: boolean | undefined;
  /** All but the value, which is decoded nevertheless: its damage is found. Default `false`. */
  readonly noValue?: boolean | undefined;
  /** The field names of the file's templates. */
  readonly templates?: TemplateLookup;
  /** What a remaining time to live counts from, ms since the epoch; the same for all threads. Default: now. */
  readonly now?: number | undefined;
}

/** Writes the records of an RDB into the buffer that it was made with. docs/json-shapes.md says what. */
export interface Shape {
  /** What stands before the first record of an output. */
  head(): void;
  /** What stands behind the last. */
  tail(): void;
  /**
   * Writes the record that the scanner stands on, if the shape has a place for it.
   *
   * @param bytes what holds the whole record
   * @param base  absolute offset of `bytes[0]`
   * @returns false, with nothing written, where it is too long to be written at once: then `large` is to be called
   * @throws {RdbError} where the value is damaged; nothing is written
   */
  entry(entry: Entry, bytes: Buffer, base: number): boolean;
  /**
   * Writes a record that is too large to be held. Yields whenever the buffer may be emptied.
   *
   * @param bytes what holds the record's attributes, its key, and its value's first byte
   * @param base  absolute offset of `bytes[0]`
   * @param parts see `readLineParts` and `heldParts`
   * @throws whatever `parts` throws, when what was begun has been closed (redis-dump: with the mark `"damaged":true`), so
   *   that more can follow
   */
  large(
    entry: Entry,
    bytes: Buffer,
    base: number,
    parts: AsyncIterable<LinePart> | Iterable<LinePart>,
  ): AsyncGenerator<void, void, undefined>;
  aux(name: Buffer, value: Buffer): void;
  functionLibrary(code: Buffer): void;
  moduleAux(value: ModuleValue): void;
  /** Whether threads may write the records of one file, each its range: no record's text depends on those before it. */
  readonly parallel: boolean;
  /** What the shape has no place for, in words, and how often it was met. */
  readonly lossy: ReadonlyMap<string, number>;
}

const SHAPES = {
  'redis-dump': RedisDumpShape,
  redisshake: RedisShakeShape,
  'rdb-cli': RdbCliShape,
  'rdbtools-csv': RdbtoolsCsvShape,
} as const;

export type ShapeName = keyof typeof SHAPES;

/** All shapes but keyferry's own. */
export const SHAPE_NAMES = Object.keys(SHAPES) as readonly ShapeName[];

export function shapeNamed(name: ShapeName, out: JsonBuffer, options: ShapeOptions = {}): Shape {
  return new SHAPES[name](out, options);
}
