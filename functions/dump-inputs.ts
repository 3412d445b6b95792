// What the functions of backups are called with, checked: the envelope of every task, with a source for a target.
import * as z from 'zod';
import { caught, lastFailure } from './caught.ts';

const envelope = {
  execution: z.string().min(1),
  since: z.iso.datetime({ offset: true }),
  target: z.string().min(1),
};

const runOf = ({ execution, since, target }: { execution: string; since: string; target: string }) => ({
  ...{ source: target, owner: execution, since },
});

export const runEvent = z.object(envelope).transform((event) => ({ run: runOf(event) }));

export const shardEvent = z
  .object({
    ...envelope,
    // `run` is what the call before this one answered.
    state: z.object({ index: z.int().min(0), run: z.object({ from: z.string().optional() }).optional() }),
  })
  .transform((event) => ({ run: runOf(event), index: event.state.index, from: event.state.run?.from }));

/** Whatever an execution, or an item of its map, got to. */
export const dumpFailEvent = z
  .object({
    ...envelope,
    state: z.object({
      index: z.int().optional(),
      discover: z.unknown().optional(),
      run: z.unknown().optional(),
      end: z.unknown().optional(),
      caught: caught.nullish(),
    }),
  })
  .transform((event) => {
    const { index, discover, run, end, caught } = event.state;
    return {
      run: runOf(event),
      index,
      given: lastFailure(end, run, discover),
      caught: caught ?? undefined,
    };
  });
