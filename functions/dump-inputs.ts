// What the functions of backups are called with, checked: the envelope of every task, with a source for a target.
import * as z from 'zod';

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
  .object({ ...envelope, state: z.object({ index: z.int().min(0) }) })
  .transform((event) => ({ run: runOf(event), index: event.state.index }));

/** What a step answered in place of a result. */
const failure = z.object({
  ok: z.literal(false),
  code: z.string(),
  message: z.string(),
  where: z.string(),
  remedy: z.string(),
  damaged: z.boolean(),
});

const caught = z.object({ Error: z.string().nullish(), Cause: z.string().nullish() });

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
      given: [end, run, discover].map((result) => failure.safeParse(result).data).find(Boolean),
      caught: caught ?? undefined,
    };
  });
