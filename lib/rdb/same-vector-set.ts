// Compares two vector sets (Redis ≥ 8.0), whose module writes the same elements in another order after each load.
import { Elements } from './decode/elements.ts';
import { moduleItems } from './decode/module.ts';
import { sameMembers } from './same-members.ts';
import type { ModuleItem, ModuleValue } from './value.ts';

interface VectorSet {
  /** Dimensions, number of elements, how vectors are held, and what else is there; of a projection, its matrix. */
  readonly head: readonly (bigint | Buffer)[];
  readonly elements: readonly VectorElement[];
}

interface VectorElement {
  readonly name: Buffer;
  readonly attributes: Buffer | undefined;
  readonly vector: Buffer;
}

const HEAD_NUMBERS = 4;
/** Bits of the head's last number. */
const Flag = { PROJECTION: 1n, ATTRIBUTES: 2n } as const;

export function isVectorSet({ name, version }: ModuleValue): boolean {
  return name === 'vectorset' && version === 0;
}

/**
 * True when both hold the same elements, vectors and attributes. The graph between them is left out: a server links and
 * orders it anew when it loads the set.
 *
 * @returns `undefined` when one of the two is not written as Redis 8 writes it
 * @see vset.c of Redis 8.0; the layout was verified on its DUMP payloads
 */
export function sameVectorSet(ours: ModuleValue, theirs: ModuleValue): boolean | undefined {
  const [a, b] = [readVectorSet(ours), readVectorSet(theirs)];
  if (a === undefined || b === undefined) return undefined;
  if (a.head.length !== b.head.length || !a.head.every((each, i) => sameScalar(each, b.head[i] as bigint | Buffer))) {
    return false;
  }
  return sameMembers(Elements.over(a.elements), Elements.over(b.elements), ({ name }) => name, sameElement);
}

function readVectorSet({ raw }: ModuleValue): VectorSet | undefined {
  const items = moduleItems(raw)[Symbol.iterator]();
  try {
    const head: (bigint | Buffer)[] = [];
    while (head.length < HEAD_NUMBERS) head.push(number(items));
    const [, count, , flags] = head as [bigint, bigint, bigint, bigint];
    if ((flags & Flag.PROJECTION) !== 0n) head.push(number(items), bytes(items));
    const elements: VectorElement[] = [];
    for (let i = 0n; i < count; i++) {
      const name = bytes(items);
      const attributes = (flags & Flag.ATTRIBUTES) !== 0n ? bytes(items) : undefined;
      elements.push({ name, attributes, vector: bytes(items) });
      for (let links = number(items); links > 0n; links--) number(items);
    }
    return items.next().done === true ? { head, elements } : undefined;
  } catch (error) {
    if (error instanceof UnexpectedItem) return undefined;
    throw error;
  }
}

class UnexpectedItem extends Error {}

function number(items: Iterator<ModuleItem>): bigint {
  const { done, value } = items.next();
  if (done === true || value.kind !== 'unsigned') throw new UnexpectedItem();
  return value.value;
}

function bytes(items: Iterator<ModuleItem>): Buffer {
  const { done, value } = items.next();
  if (done === true || value.kind !== 'string') throw new UnexpectedItem();
  return value.value;
}

function sameElement(a: VectorElement, b: VectorElement): boolean {
  return a.vector.equals(b.vector) && (a.attributes ?? NONE).equals(b.attributes ?? NONE);
}

const NONE = Buffer.alloc(0);

function sameScalar(a: bigint | Buffer, b: bigint | Buffer): boolean {
  return typeof a === 'bigint' || typeof b === 'bigint' ? a === b : a.equals(b);
}
