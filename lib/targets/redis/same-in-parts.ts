// Tells whether a key on the target already holds a value that is too large to be read as a whole.
//
// A job that was killed may have written the value before: under `panic` and `skip` it must know its own work when it
// goes on. Ours is read in parts; of each part the target is asked for just these elements, and in the end how many it
// has. As many elements as ours, each of ours among them: the same.
import type { ValueKind } from '../../rdb/types.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { KeyControl } from '../../redis/key-control.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { CommandSupport } from './command-support.ts';
import { HeldElements } from './held-elements.ts';
import { HeldHash } from './held-hash.ts';
import { type Check, type Comparison, HeldKey, NotHeld, textOf } from './held-key.ts';
import { HeldStream } from './held-stream.ts';

export interface SameInParts {
  readonly key: Buffer;
  readonly db: number;
  readonly kind: ValueKind;
  /** Our value from its beginning. */
  parts(): AsyncIterable<ValuePart>;
  readonly control: KeyControl;
  readonly support: CommandSupport;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Checks under way at once: so that it is not a round trip for each. */
const AT_ONCE = 4;

/**
 * True when the key holds what {@link writeInParts} makes of the value. The key's own expiry is not compared.
 *
 * The same counts as the same as for `sameValue`: lists in order, exact scores, field expiries as far as the target
 * keeps them; fields whose time has come are nothing on either side. Of streams, times of delivery and of consumers are
 * not compared. What somebody changes meanwhile may go unseen. False where there is no such key.
 *
 * Memory: the parts in use and the replies to some requests of 1 MiB; a reply is larger where the target's elements are.
 *
 * @throws {TargetError} what a refusal means; {ConnectionError}; whatever `parts` throws; the signal's reason
 */
export async function sameInParts(task: SameInParts): Promise<boolean> {
  const { key, kind } = task;
  const held = new HeldKey(task);
  if (textOf(await held.ask('TYPE', key)) !== kind) return false;
  const comparison = comparisonOf(kind, held, task);
  if (comparison === undefined) return false;
  try {
    return (await allHold(checksOf(comparison, task))) && (await comparison.complete());
  } catch (error) {
    if (error instanceof NotHeld) return false;
    throw error;
  }
}

function comparisonOf(kind: ValueKind, held: HeldKey, { support, clock }: SameInParts): Comparison | undefined {
  switch (kind) {
    case 'hash':
      return new HeldHash(held, support, clock);
    case 'stream':
      return new HeldStream(held, support);
    case 'string':
    case 'list':
    case 'set':
    case 'zset':
      return new HeldElements(held, kind, support);
    default:
      return undefined; // such values have no parts
  }
}

async function* checksOf(comparison: Comparison, { parts, signal }: SameInParts): AsyncGenerator<Check> {
  for await (const part of parts()) {
    for (const check of comparison.checks(part)) {
      signal.throwIfAborted();
      yield check;
    }
  }
}

/** Runs the checks, some at once, until one does not hold. */
async function allHold(checks: AsyncIterable<Check>): Promise<boolean> {
  const underWay: Promise<boolean>[] = [];
  try {
    for await (const check of checks) {
      const result = check();
      result.catch(() => undefined); // its turn to be looked at comes
      underWay.push(result);
      if (underWay.length === AT_ONCE && !(await underWay.shift())) return false;
    }
    for (const result of underWay) if (!(await result)) return false;
    return true;
  } finally {
    await Promise.allSettled(underWay);
  }
}
