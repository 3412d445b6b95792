// Scanned keys are written in an order in which none of them meets an older write of the same job.
import { expect, test } from 'vitest';
import { type Ownership, RumpWriter, type WriteWay } from '../../lib/jobs/rump-writer.ts';
import type { RdbScanner } from '../../lib/rdb/scanner.ts';
import { redisTypes } from '../../lib/rdb/types.ts';
import type { ScanPage } from '../../lib/sources/scan/scan-entry.ts';
import { newTally } from '../../lib/targets/redis/tally.ts';

const STRING = redisTypes[0] as NonNullable<(typeof redisTypes)[0]>;

const page = (stream: string, to: string, keys: readonly string[], value = 'v'): ScanPage => ({
  ...{ stream, db: 0, from: '0', to, unread: [], filtered: 0 },
  entries: keys.map((key) => ({
    ...{
      db: 0,
      key: Buffer.from(key),
      type: STRING,
      value: Buffer.from([value.length, ...Buffer.from(value)]),
      crcLow: 1,
      crcHigh: 1,
    },
  })),
});

/** A writer whose first write is slow; they are listed when they are over. A key that came before is the job's own. */
function recorded(concurrency: number, own: readonly string[] = []): { writer: RumpWriter; written: string[] } {
  const written: string[] = [];
  let slow = 1;
  const seen = new Set(own);
  const way = (name: string): WriteWay => {
    const keys: string[] = [];
    const target = {
      begin: () => ({
        full: false,
        put: (scanner: RdbScanner) =>
          keys.push(`${name} ${scanner.key()} ${scanner.bytes(scanner.valueStart + 1, scanner.recordEnd)}`),
      }),
      complete: async () => {
        const these = keys.splice(0);
        await new Promise((resolve) => setTimeout(resolve, slow-- > 0 ? 20 : 1));
        written.push(...these);
        return { tally: newTally(), servers: '' };
      },
      fail: () => undefined,
    };
    return { target, encoder: {}, attempt: 'first' } as unknown as WriteWay;
  };
  const ours = way('ours');
  const writer = new RumpWriter({
    ledger: {
      units: new Map(),
      resumed: false,
      started: async () => undefined,
      done: async () => undefined,
      finish: async () => undefined,
      close: async () => undefined,
    },
    pass: 1,
    dialect: { dialect: 'redis', version: 10 },
    ways: { theirs: way('theirs'), ours: () => ours },
    owns: ({ key }): Ownership => {
      if (seen.has(String(key))) return 'ours';
      seen.add(String(key));
      return 'theirs';
    },
    beforeWrite: async () => undefined,
    onTally: () => undefined,
    concurrency,
    stop: new AbortController(),
  });
  return { writer, written };
}

test.each([1, 4])(
  'a key that comes again from another node is written behind its first time (%i at once)',
  async (n) => {
    const { writer, written } = recorded(n);
    // The first node's unit is open still when the second node has the key, and is through with its scan.
    await writer.add(page('first', '7', ['moved', 'stays']));
    await writer.add(page('second', 'end', ['other', 'moved']));
    await writer.add(page('first', 'end', ['last']));
    await writer.settled();
    expect(written).toHaveLength(5);
    expect(written.indexOf('ours moved v')).toBeGreaterThan(written.indexOf('theirs moved v'));
  },
);

test('a key that comes twice in a page is written in that order', async () => {
  const { writer, written } = recorded(4);
  await writer.add(page('first', 'end', ['twice', 'twice']));
  await writer.settled();
  expect(written).toEqual(['theirs twice v', 'ours twice v']);
});

test('a key of the job’s own that comes again is replaced in the order of its values', async () => {
  const { writer, written } = recorded(4, ['key']);
  await writer.add(page('first', '7', ['key'], 'old'));
  await writer.add(page('second', 'end', ['key'], 'new'));
  await writer.add(page('first', 'end', ['key'], 'newest'));
  await writer.settled();
  expect(written).toEqual(['ours key old', 'ours key new', 'ours key newest']);
});
