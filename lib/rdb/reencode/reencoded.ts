// What comes of writing a value as another type.
import type { ValueType } from '../types.ts';
import type { Loss } from './losses.ts';

/** A value's bytes, without the type byte, and what they are. */
export interface TypedValue {
  readonly type: ValueType;
  readonly value: Buffer;
}

export type Reencoded =
  | (TypedValue & {
      readonly expired: false;
      /** What this very value has lost, each kind once; empty where nothing of the kind was in it. */
      readonly losses: readonly Loss[];
    })
  /** A hash that loses the expiries of its fields, each of which had passed: the key counts as expired. */
  | { readonly expired: true };

export function reencoded(type: ValueType, value: Buffer, losses: readonly Loss[] = []): Reencoded {
  return { expired: false, type, value, losses };
}
