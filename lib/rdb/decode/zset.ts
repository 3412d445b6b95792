// Sorted sets in each of their encodings (rdb-format.md 1.4).
import type { ValueType } from '../types.ts';
import type { ZsetEntry } from '../value.ts';
import { Elements, type Positioned } from './elements.ts';
import { Listpack } from './listpack.ts';
import { unknownEncoding } from './unknown-encoding.ts';
import type { ValueCursor } from './value-cursor.ts';
import { Ziplist } from './ziplist.ts';

/** First bytes of a score as text that stand for the score itself (rdbLoadDoubleValue in rdb.c). */
const TextScore = { NAN: 253, PLUS_INFINITY: 254, MINUS_INFINITY: 255 } as const;

/** @param cursor stands at the value */
export function zsetEntries(type: ValueType, cursor: ValueCursor): Elements<ZsetEntry> {
  switch (type.name) {
    case 'ZSET':
      return counted(cursor, 2, () => textScore(cursor));
    case 'ZSET_2':
      return counted(cursor, 9, () => cursor.f64le());
    case 'ZSET_ZIPLIST':
      return packed(cursor, new Ziplist(cursor.blob('RDB_ZIPLIST')));
    case 'ZSET_LISTPACK':
      return packed(cursor, new Listpack(cursor.blob('RDB_LISTPACK')));
  }
  throw unknownEncoding(type, cursor);
}

function counted(cursor: ValueCursor, leastBytes: number, readScore: () => number): Elements<ZsetEntry> {
  const readEntry = (): ZsetEntry => ({ member: cursor.string(), score: readScore() });
  return new Elements(cursor, cursor.count(leastBytes), readEntry, () => cursor.expectEnd('the sorted set'));
}

/** Member and score in turn, the score as a number or as text. */
function packed(cursor: ValueCursor, entries: Listpack | Ziplist): Elements<ZsetEntry> {
  cursor.expectEnd('the sorted set');
  if (entries.count % 2 !== 0) throw entries.error(`a sorted set has pairs, not ${entries.count} entries`);
  return new Elements(entries, entries.count / 2, () => {
    const member = entries.next();
    const at = entries.position;
    return { member, score: parseScore(entries.next(), entries, at) };
  });
}

function textScore(cursor: ValueCursor): number {
  const at = cursor.position;
  const size = cursor.u8();
  switch (size) {
    case TextScore.NAN:
      return Number.NaN;
    case TextScore.PLUS_INFINITY:
      return Number.POSITIVE_INFINITY;
    case TextScore.MINUS_INFINITY:
      return Number.NEGATIVE_INFINITY;
  }
  return parseScore(cursor.view(size), cursor, at);
}

const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
const INFINITE = /^[-+]?inf(?:inity)?$/i;
const NOT_A_NUMBER = /^[-+]?nan$/i;

function parseScore(text: Buffer, source: Positioned, at: number): number {
  // Servers write at most 25 characters of a finite score, but every double has a text of up to 767 digits.
  const score = text.length <= 1100 ? text.toString('latin1') : '';
  if (DECIMAL.test(score)) return Number(score);
  if (INFINITE.test(score)) return score.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (NOT_A_NUMBER.test(score)) return Number.NaN;
  throw source.error('the score is not a number', at);
}
