// Writes values of types that a target does not know as types that it knows, so that they can be RESTOREd there whole:
// with their idle time, and streams with pending entries and consumers (rdb-format.md 1.10).
import { dialectOf, NEWEST_REDIS_RDB } from './dialect.ts';
import { ALTERNATIVES, type Alternative } from './reencode/alternatives.ts';
import type { Loss } from './reencode/losses.ts';
import { type Reencoded, reencoded } from './reencode/reencoded.ts';
import { type TypeSupport, takes } from './reencode/type-support.ts';
import { asDumpForm, TEMPLATE_REFERENCES, type TemplateNames } from './templates.ts';
import { redisTypes, type ValueType } from './types.ts';

export { LOSSES, type Loss } from './reencode/losses.ts';
export type { Reencoded, TypedValue } from './reencode/reencoded.ts';
export { type TypeSupport, takes } from './reencode/type-support.ts';

/** What becomes of the values of a type. */
export interface Conversion {
  /** As which type they are written. Hashes none of whose fields expires may come as HASH (4) instead. */
  readonly to: ValueType;
  /** What a value may lose by it; which of these it does lose, {@link reencode} says. */
  readonly mayLose: readonly Loss[];
}

export interface ReencodeOptions {
  /** ms since the epoch. Where hash fields lose their expiry, those whose time has come by then are left out. */
  readonly now: bigint;
  /** The templates of the file, for hashes of the types 30 and 32. */
  readonly templates?: TemplateNames | undefined;
}

/**
 * As what the values of a type reach a target, told from the types alone.
 *
 * @returns `undefined` when the target has no type that could hold them: modules and arrays where they are not known,
 *          Valkey's path hashes outside Valkey ≥ 9.2
 */
export function conversion(type: ValueType, target: TypeSupport): Conversion | undefined {
  const form = dumpForm(type);
  if (takes(form, target)) return { to: form, mayLose: [] };
  const found = alternativeFor(form, target);
  return found === undefined ? undefined : { to: found.to, mayLose: found.mayLose };
}

/**
 * Writes a value as a type that the target takes. `dumpPayload` makes the RESTORE body of the result.
 *
 * Where the target takes the type, the result has `type` and `value` themselves; they are not looked into. A stream's
 * entries are never looked into.
 *
 * @param value exactly the value's bytes, without the type byte
 * @returns `undefined` where {@link conversion} is
 * @throws {RdbError} for damage; `RDB_DUPLICATE` for members that come twice; `RDB_TEMPLATE` for an unknown template
 */
export function reencode(
  type: ValueType,
  value: Buffer,
  target: TypeSupport,
  { now, templates }: ReencodeOptions,
): Reencoded | undefined {
  const source = type.name in TEMPLATE_REFERENCES ? asDumpForm(type, value, NEWEST_REDIS, templates) : { type, value };
  if (takes(source.type, target)) return reencoded(source.type, source.value);
  const found = alternativeFor(source.type, target);
  return found?.convert(source, found.to, now);
}

/** Only Redis has templates. */
const NEWEST_REDIS = dialectOf('redis', NEWEST_REDIS_RDB);

/** The type as DUMP would give it: a file's references to templates are not for RESTORE. */
function dumpForm(type: ValueType): ValueType {
  const code = TEMPLATE_REFERENCES[type.name];
  return code === undefined ? type : (redisTypes[code] as ValueType);
}

function alternativeFor(type: ValueType, target: TypeSupport): Alternative | undefined {
  return ALTERNATIVES.get(type)?.find(({ to }) => takes(to, target));
}
