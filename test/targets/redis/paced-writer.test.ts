// What is under way to a slow server is bounded, however large the elements are.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PacedWriter } from '../../../lib/targets/redis/paced-writer.ts';

const MB = 1 << 20;

/** The most batches and bytes that were unanswered while commands of that size were written. */
async function unanswered(commandBytes: number, commands: number): Promise<{ batches: number; megabytes: number }> {
  const most = { batches: 0, megabytes: 0 };
  let batches = 0;
  let bytes = 0;
  const writer = new PacedWriter({
    async send(batch) {
      const size = batch.reduce((sum, [argument]) => sum + (argument as Buffer).length, 0);
      batches++;
      bytes += size;
      most.batches = Math.max(most.batches, batches);
      most.megabytes = Math.max(most.megabytes, bytes / MB);
      await sleep(5);
      batches--;
      bytes -= size;
      return [];
    },
    onPiece: async () => undefined,
    mostBytes: MB,
    roundTripMs: 5,
  });
  for (let i = 0; i < commands; i++) await writer.add([Buffer.alloc(commandBytes)]);
  await writer.settled();
  return most;
}

test('several small batches at a time, so that the server need not wait', async () => {
  expect(await unanswered(100_000, 100)).toMatchObject({ batches: 4 });
});

test('of large elements no more than 8 MiB', async () => {
  const { batches, megabytes } = await unanswered(3 * MB, 10);
  expect(batches).toBe(2);
  expect(megabytes).toBe(6);
});

test('an element that is larger alone', async () => {
  expect(await unanswered(20 * MB, 4)).toEqual({ batches: 1, megabytes: 20 });
});
