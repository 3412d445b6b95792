// Writes sorted sets: small ones as a listpack where the target has that, others with binary scores.
import { ValueWriter } from '../encode-primitives.ts';
import type { ZsetEntry } from '../value.ts';
import { ListpackWriter } from './listpack.ts';
import { writeDouble, writeString } from './primitives.ts';

/** Whole scores up to here are packed as numbers, as servers do (double2ll in util.c). */
const LARGEST_WHOLE = 2 ** 62;

/** ZSET_2 (5), in any order. */
export function countedZset(entries: readonly ZsetEntry[]): Buffer {
  const writer = new ValueWriter().length(entries.length);
  for (const { member, score } of entries) {
    writeString(writer, member);
    writeDouble(writer, score);
  }
  return writer.written;
}

/** ZSET_LISTPACK (17), in the order of scores, which servers rely on. The scores must be {@link isPackable}. */
export function packedZset(entries: readonly ZsetEntry[]): Buffer {
  const listpack = new ListpackWriter();
  for (const { member, score } of entries.toSorted(byScore)) {
    listpack.string(member);
    if (Number.isInteger(score) && Math.abs(score) <= LARGEST_WHOLE) listpack.integer(BigInt(score));
    else listpack.string(Buffer.from(scoreText(score), 'latin1'));
  }
  return new ValueWriter().string(listpack.finish()).written;
}

/** A listpack has no place for the sign of -0, and NaN has none in any order. */
export function isPackable({ score }: ZsetEntry): boolean {
  return !Object.is(score, -0) && !Number.isNaN(score);
}

function byScore(a: ZsetEntry, b: ZsetEntry): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return a.member.compare(b.member);
}

/** The shortest digits that give the score again. */
function scoreText(score: number): string {
  if (Number.isFinite(score)) return String(score);
  return score > 0 ? 'inf' : '-inf';
}
