// Which value types a server takes by RESTORE.
import { TEMPLATE_REFERENCES } from '../templates.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../types.ts';

/** What a server says of the types that it knows. */
export interface TypeSupport {
  readonly family: 'redis' | 'valkey';
  /** The newest RDB version whose DUMP payloads it takes. */
  readonly rdb: number;
}

/**
 * True when the target RESTOREs values of this type as they are, in a payload whose footer says the lowest version that
 * the type allows (see `dumpPayload`). A module's value needs the module besides.
 *
 * The types that both families have are of RDB 11 and below, so that Valkey ≥ 9, which refuses the versions 12 to 79,
 * takes them too. Other types are their own family's alone, whatever their numbers (rdb-format.md 1.4 and 1.10).
 */
export function takes(type: ValueType, target: TypeSupport): boolean {
  const known = target.family === 'valkey' ? valkeyTypes : redisTypes;
  return known[type.code] === type && type.since <= target.rdb && !(type.name in TEMPLATE_REFERENCES);
}
