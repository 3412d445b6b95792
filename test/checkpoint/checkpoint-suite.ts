// What every CheckpointStore does, run by the tests of each implementation.
import { describe, expect, test } from 'vitest';
import type { CheckpointStore, JobDescription, UnitResult, UnitState } from '../../lib/checkpoint/store.ts';
import { KeyferryError } from '../../lib/errors.ts';

export const job: JobDescription = {
  source: 'dump.rdb (12345 bytes)',
  target: 'redis://localhost:6379',
  policy: 'panic',
};

export const result = (written: number): UnitResult => ({
  server: 'run-id',
  written,
  already: 1,
  skipped: 2,
  expired: 3,
  filtered: 4,
  losses: {},
});

/** Opens the store of one job. */
export type Opener = (changes?: { job?: JobDescription; fresh?: boolean }) => Promise<CheckpointStore>;

/**
 * @param name what remembers, with a note where the tests are skipped
 * @param place gives the opener of a new job
 */
export function checkpointSuite(name: string, place: () => Opener | Promise<Opener>, skip = false): void {
  describe.skipIf(skip)(name, () => {
    test('remembers what was begun and done, and by whom', async () => {
      const open = await place();
      const first = await open();
      expect(first.resumed).toBe(false);
      await first.started('0/0');
      await first.started('0/1');
      await first.done('0/0', result(10));
      const expected = new Map<string, UnitState>([
        ['0/0', { state: 'done', result: result(10) }],
        ['0/1', { state: 'started' }],
      ]);
      expect(new Map(first.units)).toEqual(expected);
      await first.close();
      expect(await look(open)).toEqual({ units: expected, resumed: true });
    });

    test('goes on where it stands: the last word on a unit counts', async () => {
      const open = await place();
      for (let run = 0; run < 3; run++) {
        const store = await open();
        await store.started(`unit ${run}`);
        await store.started('again');
        await store.done('again', result(run));
        if (run === 1) await store.started('again');
        await store.close();
      }
      const { units } = await look(open);
      expect([...units.keys()].sort()).toEqual(['again', 'unit 0', 'unit 1', 'unit 2']);
      expect(units.get('again')).toEqual({ state: 'done', result: result(2) });
    });

    test('has forgotten its job when that is finished', async () => {
      const open = await place();
      const store = await open();
      await store.started('0/0');
      await store.done('0/0', result(1));
      await store.finish();
      expect(await look(open)).toEqual({ units: new Map(), resumed: false });
    });

    test('keeps names whatever is in them', async () => {
      const open = await place();
      const described = { ...job, source: 'größe "1"\n.rdb' };
      const store = await open({ job: described });
      const names = ['größe\n"1"\\', '\u2028', '🛳', '#', ' '];
      for (const name of names) await store.started(name);
      await store.close();
      expect([...(await look(open, { job: described })).units.keys()].sort()).toEqual([...names].sort());
    });

    test('forgets on demand, and for good', async () => {
      const open = await place();
      const store = await open();
      await store.started('0/0');
      await store.close();
      expect(await look(open, { fresh: true })).toEqual({ units: new Map(), resumed: false });
      expect(await look(open)).toMatchObject({ units: new Map() });
    });

    test('refuses a job that is another one, names all that differs, and stays as it was', async () => {
      const open = await place();
      const store = await open();
      await store.started('0/0');
      await store.close();
      const { policy: _, ...rest } = job;
      const other = { ...rest, target: 'redis://other:6379', match: 'user:*' };
      const error = await open({ job: other }).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(KeyferryError);
      expect(error).toMatchObject({ code: 'LEDGER_OTHER_JOB', where: expect.any(String) });
      const { message, remedy } = error as KeyferryError;
      expect(message).toContain('target was redis://localhost:6379, now redis://other:6379');
      expect(message).toContain('policy was panic, now not set');
      expect(message).toContain('match was not set, now user:*');
      expect(message).not.toContain('source');
      expect(remedy).toContain('--fresh');
      expect(await look(open)).toMatchObject({ resumed: true, units: new Map([['0/0', { state: 'started' }]]) });
    });

    test('lets another job take the place of one of which nothing was begun', async () => {
      const open = await place();
      await (await open()).close();
      const other = await open({ job: { ...job, policy: 'skip' } });
      expect(other.resumed).toBe(false);
      await other.started('0/0');
      await other.close();
      expect(await look(open, { job: { ...job, policy: 'skip' } })).toMatchObject({ resumed: true });
    });
  });
}

/** Opens, looks at what is there, and lets go. */
export async function look(
  open: Opener,
  changes: Parameters<Opener>[0] = {},
): Promise<{ units: Map<string, UnitState>; resumed: boolean }> {
  const store = await open(changes);
  const { units, resumed } = store;
  await store.close();
  return { units: new Map(units), resumed };
}
