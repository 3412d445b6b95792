// A batch keeps commands and what belongs to them together.
import { describe, expect, test } from 'vitest';
import { Batch, type BatchOwner, keysOf, passes } from '../../lib/redis/batch.ts';
import { ErrorReply } from '../../lib/resp/reply-reader.ts';

const owner: BatchOwner = { onOk: () => {}, onReply: () => {} };

/** A batch whose command i is `ci`, on record i × 100; the last one on several. */
function batch(commands: number): Batch {
  const bytes = Buffer.alloc(100);
  const made = new Batch(owner, { db: 3, sourceDb: 5 }, bytes);
  let end = 0;
  for (let i = 0; i < commands; i++) {
    end += bytes.write(`c${i}`, end);
    made.add(end, i === commands - 1 ? [i * 100, i * 100 + 1, i * 100 + 2] : i * 100);
  }
  return made;
}

const text = (bytes: Buffer) => bytes.toString('latin1');

describe('a batch', () => {
  test('knows what has no reply yet', () => {
    const some = batch(12);
    expect(some.commands).toBe(12);
    expect(text(some.unanswered())).toBe('c0c1c2c3c4c5c6c7c8c9c10c11');
    some.answered = 3;
    expect(text(some.unanswered())).toBe('c3c4c5c6c7c8c9c10c11');
    some.answered = 12;
    expect(text(some.unanswered())).toBe('');
  });

  test('gives one of its commands as another, with all that belongs to it', () => {
    const some = batch(12);
    some.uncertainTo = 5;
    for (const [index, uncertain] of [
      [0, true],
      [4, true],
      [5, false],
      [10, false],
      [11, false],
    ] as const) {
      const one = some.extract(index);
      expect(text(one.unanswered())).toBe(`c${index}`);
      expect(one).toMatchObject({ owner, db: 3, sourceDb: 5, answered: 0, commands: 1 });
      expect(one.marks).toEqual([some.marks[index]]);
      expect(one.isUncertain(0)).toBe(uncertain);
    }
  });

  test('gives bytes of its own: the first may be used again', () => {
    const some = batch(3);
    const one = some.extract(1);
    some.bytes.fill(0);
    expect(text(one.unanswered())).toBe('c1');
  });

  test('knows how many keys a command writes', () => {
    expect(batch(3).marks.map(keysOf)).toEqual([1, 1, 3]);
  });

  test('knows which commands may have been run', () => {
    const some = batch(3);
    expect(some.isUncertain(0)).toBe(false);
    some.uncertainTo = 2;
    expect([0, 1, 2].map((i) => some.isUncertain(i))).toEqual([true, true, false]);
  });
});

test.each([
  ['LOADING Redis is loading the dataset in memory', true],
  ['BUSY Redis is busy running a script.', true],
  ['MASTERDOWN Link with MASTER is down', true],
  ['TRYAGAIN Multiple keys request during rehashing of slot', true],
  ['CLUSTERDOWN Hash slot not served', true],
  ['ERR max number of clients reached', true],
  ['BUSYKEY Target key name already exists.', false],
  ['BUSYGROUP Consumer Group name already exists', false],
  ['OOM command not allowed', false],
  ['ERR Bad data format', false],
  ['READONLY You can’t write against a read only replica.', false],
])('%s passes by itself: %s', (error, verdict) => {
  expect(passes(new ErrorReply(error))).toBe(verdict);
});
