// What a single decode was told beside the configuration, and what both make of it.
import * as z from 'zod';
import { camelKeys } from '../../config/fields.ts';
import { type FilterRules, rulesFilter } from '../../filter/filter.ts';
import { VALUE_KINDS } from '../../rdb/types.ts';
import type { Packing } from '../../storage/output.ts';
import type { ShapeName } from '../../targets/json/shape.ts';
import type { RecordOptions } from '../record-decoder.ts';

/** The terminal's options, without their dashes; anything else is a mistake. */
export const decodeOptions = z
  .strictObject({
    shape: z.enum(['keyferry', 'redis-dump', 'redisshake']),
    pack: z.enum(['none', 'gz', 'zst']),
    'only-db': z.array(z.int().min(0).max(999_999_999)).min(1),
    match: z.array(z.string().min(1)).min(1),
    type: z.array(z.enum(VALUE_KINDS)).min(1),
    'keys-only': z.boolean(),
    'no-value': z.boolean(),
    salvage: z.boolean(),
  })
  .partial()
  .transform(camelKeys);

export type DecodeOptions = z.output<typeof decodeOptions>;

/** What the configuration says: `[decode]` of keyferry.toml. */
export interface DecodeSettings {
  readonly shape: 'keyferry' | Extract<ShapeName, 'redis-dump' | 'redisshake'>;
  readonly pack: Packing;
}

export type DecodeTerms = DecodeSettings & Omit<DecodeOptions, keyof DecodeSettings>;

/** The terms as the decoder takes them. */
export function recordOptions(
  terms: DecodeTerms,
): Pick<RecordOptions, 'accepts' | 'keysOnly' | 'noValue' | 'salvage' | 'shape'> {
  const { shape, onlyDb, match, type, keysOnly, noValue, salvage } = terms;
  const rules: FilterRules = { dbs: onlyDb, match, kinds: type };
  return { accepts: rulesFilter(rules), keysOnly, noValue, salvage, shape: shape === 'keyferry' ? undefined : shape };
}
