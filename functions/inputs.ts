// What functions are called with, checked: every task of a state machine gives the same envelope around its state.
import * as z from 'zod';
import type { ClaimRequest } from '../lib/jobs/aws/claim.ts';
import { parseChunk } from '../lib/sources/rdb/plan-files.ts';
import { caught, lastFailure } from './caught.ts';

/** An input transformer writes nothing, or an empty text, where an event lacks a field. */
const optionalText = z
  .string()
  .nullish()
  .transform((text) => text || undefined);

const job = z.object({
  id: z.string(),
  bucket: z.string(),
  key: z.string(),
  version: z.string(),
  target: z.string(),
  mode: z.enum(['restore', 'decode', 'load']),
  owner: z.string(),
});

const lease = z.object({ name: z.string(), owner: z.string(), epoch: z.number() });

/** What starts an execution: a person's request, or S3's event, whose rule hands over its detail. */
const requestFields = {
  bucket: z.string().min(1),
  key: z.string().min(1),
  version: optionalText,
  /** Only events have one. */
  sequencer: optionalText,
  retry: optionalText,
  options: z.record(z.string(), z.unknown()).nullish(),
};
const request = z.preprocess(fromEvent, z.object(requestFields));

/** The detail of "Object Created" as a request; anything else as it is. Keys in it are not URL-encoded. */
function fromEvent(state: unknown): unknown {
  const { bucket, object, ...rest } = (state ?? {}) as {
    bucket?: { name?: unknown };
    object?: Record<string, unknown>;
  };
  if (object === undefined) return state;
  return { ...rest, bucket: bucket?.name, key: object.key, version: object['version-id'], sequencer: object.sequencer };
}

/** The detail of "Object Created", as a rule hands it over. */
export const strayEvent = request.transform(({ bucket, key, version }) => ({ bucket, key, version }));

const envelope = z.object({
  execution: z.string().min(1),
  target: z.string().default(''),
  mode: z.enum(['restore', 'decode', 'load']).default('restore'),
  /** When the execution began. */
  since: z.iso.datetime({ offset: true }).optional(),
});

const claimed = z.object({ job });
const held = z.object({ lease });

export const claimEvent = envelope.extend({ state: request }).transform(asRequest);
export const jobEvent = envelope
  .extend({ state: z.object({ claim: claimed }) })
  .transform(({ state, since }) => ({ job: state.claim.job, since }));
export const leasedEvent = envelope
  .extend({ state: z.object({ claim: claimed, lease: held }) })
  .transform(({ state }) => ({ job: state.claim.job, lease: state.lease.lease }));
/** Without a lease where there is no target. */
export const planEvent = envelope
  .extend({ state: z.object({ claim: claimed, lease: held.optional() }) })
  .transform(({ state }) => ({ job: state.claim.job, lease: state.lease?.lease }));

/** A line of the chunk index, as the map hands it over. */
const chunk = z
  .object({
    n: z.int(),
    start: z.int(),
    end: z.int(),
    db: z.int(),
    keys: z.int(),
    crc: z.string().regex(/^[0-9a-f]{16}$/),
  })
  .transform((line) => parseChunk(JSON.stringify(line)));
export const chunkEvent = z.object({ job, lease, chunk });
export const decodeChunkEvent = z.object({ job, chunk });

/** An item of the map that kept failing. */
export const itemFailEvent = z
  .object({ state: z.object({ job, chunk, caught: caught.nullish() }) })
  .transform(({ state }) => ({ item: { job: state.job, n: state.chunk.n }, caught: state.caught ?? undefined }));

/** Whatever an execution got to; of its steps, what they gave: a result, or a failure. */
const step = z.unknown().optional();
export const failEvent = envelope
  .extend({
    state: z.preprocess(
      fromEvent,
      z.object({
        ...requestFields,
        claim: step,
        lease: step,
        build: step,
        plan: step,
        prepare: step,
        caught: caught.nullish(),
      }),
    ),
  })
  .transform((event) => {
    const { claim, lease, build, plan, prepare, caught } = event.state;
    return {
      request: asRequest(event),
      job: claimed.safeParse(claim).data?.job,
      /** The failure of the last step that gave one. */
      given: lastFailure(prepare, plan, build, lease, claim),
      caught: caught ?? undefined,
    };
  });

function asRequest(event: z.output<typeof envelope> & { state: z.output<typeof request> }): ClaimRequest {
  const { execution, target, mode, state } = event;
  const { bucket, key, version, sequencer, retry, options } = state;
  const isEvent = sequencer !== undefined;
  return { owner: execution, mode, target, bucket, key, version, isEvent, retry, options: options ?? undefined };
}
