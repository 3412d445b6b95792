// The end of an execution that something stopped: whatever its steps left is put in order.
import { readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { type ClaimRequest, requestedJob } from './claim.ts';
import { type End, endWithoutJob } from './conclude.ts';
import { type Failure, notedFailure } from './failure.ts';
import { failed } from './finish.ts';
import type { AwsJob, Cloud } from './job.ts';

export interface Stopped {
  readonly request: ClaimRequest;
  readonly job: AwsJob | undefined;
  /** What a step gave, or what was caught. */
  readonly failure: Failure;
}

export async function failJob(cloud: Cloud, { request, job, failure }: Stopped): Promise<End> {
  const ours = job ?? (await claimedUnheard(cloud, request));
  if (ours === undefined) return endWithoutJob(`${request.mode} of ${request.key.split('/').at(-1)}`, failure);
  // What a worker noted says more than that the map failed.
  return failed(cloud, ours, (await notedFailure(cloud, ours)) ?? failure);
}

/** A claim whose answer was lost: the record says so. */
async function claimedUnheard({ table }: Cloud, request: ClaimRequest): Promise<AwsJob | undefined> {
  const id = requestedJob(request);
  const record = id === undefined ? undefined : await readJob(table, id);
  if (record?.owner !== request.owner || record.state === 'succeeded') return undefined;
  const { mode, target, owner } = request;
  return { id: record.id, ...record.object, mode, target, owner };
}
