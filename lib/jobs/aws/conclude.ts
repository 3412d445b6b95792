// The end of a job on AWS: report, tags, record, lease, in an order in which any of it can be done again.
import { GetObjectTaggingCommand, PutObjectTaggingCommand, type Tag } from '@aws-sdk/client-s3';
import { endJob } from '../../checkpoint/dynamodb/jobs.ts';
import { type Lease, releaseLease } from '../../checkpoint/dynamodb/lease.ts';
import { asAwsFailure } from '../../storage/s3/aws-failure.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { patiently } from '../../storage/s3/patience.ts';
import { describeFailure, type Failure } from './failure.ts';
import type { AwsJob, Cloud } from './job.ts';
import { quarantineKey, resultKey, versionIdOf, writeText } from './work.ts';

/** How a state machine ends, and what people are told. */
export interface End {
  readonly ok: boolean;
  /** Chunks have to be written again. */
  readonly again: boolean;
  /** One line of at most 100 ASCII characters, as SNS takes it. */
  readonly subject: string;
  readonly text: string;
  /** For the failed execution; empty where all is well. */
  readonly error: string;
  readonly cause: string;
}

export interface Outcome {
  /** Why it failed; none where it succeeded. */
  readonly failure?: Failure | undefined;
  /** What is to be told beside the report: one sentence. */
  readonly summary: string;
  /** Of the mode: totals and all that people should know. */
  readonly report: object;
  readonly lease: Lease | undefined;
}

/** S3 takes no more. */
const MOST_TAGS = 10;
const TAG = 'keyferry';
const MOST_CAUSE = 2000;

/** Ends the job, once or again. */
export async function conclude(cloud: Cloud, job: AwsJob, outcome: Outcome): Promise<End> {
  const { failure, summary, lease } = outcome;
  const state = failure === undefined ? 'succeeded' : failure.damaged ? 'quarantined' : 'failed';
  const key = state === 'quarantined' ? quarantineKey(job) : resultKey(job);
  const { id, target, mode, version } = job;
  const report = {
    job: { id, mode, target, input: objectUrl(job), version, execution: job.owner },
    state,
    endedAt: new Date(cloud.clock.now()).toISOString(),
    ...(failure === undefined ? {} : { error: failure }),
    ...outcome.report,
  };
  await writeText(cloud, key, `${JSON.stringify(report, null, 2)}\n`);
  const untagged = await tag(cloud, job, state);
  const recorded = JSON.stringify({ summary, report: key, ...(failure === undefined ? {} : { error: failure }) });
  await endJob(cloud.table, id, job.owner, failure === undefined ? 'succeeded' : 'failed', recorded);
  if (lease !== undefined) await releaseLease(cloud.table, lease);
  const lines = [
    summary,
    `Report: ${objectUrl({ bucket: cloud.bucket, key })}`,
    `Input: ${objectUrl(job)} (version ${version})`,
    `Execution: ${job.owner}`,
    ...(failure === undefined || failure.damaged ? [] : [`Once that is mended: keyferry aws retry ${id}`]),
    ...(untagged === undefined ? [] : [untagged]),
  ];
  return asEnd(`${mode} of ${job.key.slice(job.key.lastIndexOf('/') + 1)}`, state, lines, failure);
}

/** The end of an execution that has no job. */
export function endWithoutJob(what: string, failure: Failure): End {
  return asEnd(what, 'failed', [describeFailure(failure)], failure);
}

function asEnd(what: string, state: string, lines: string[], failure: Failure | undefined): End {
  const subject = `keyferry: ${what} ${state}`.replace(/[^ -~]/g, '?').slice(0, 100);
  return {
    ok: failure === undefined,
    again: false,
    subject,
    text: lines.join('\n'),
    error: failure?.code ?? '',
    cause: failure === undefined ? '' : describeFailure(failure).slice(0, MOST_CAUSE),
  };
}

/** Tags the version of the object beside its other tags. @returns why it was not tagged, in a sentence */
async function tag({ s3 }: Cloud, job: AwsJob, state: string): Promise<string | undefined> {
  const place = { Bucket: job.bucket, Key: job.key, VersionId: versionIdOf(job) };
  try {
    const { TagSet = [] } = await patiently({}, () => s3.send(new GetObjectTaggingCommand(place)));
    const others = TagSet.filter(({ Key }) => Key !== TAG && Key !== `${TAG}-job`);
    const all: Tag[] = [...others, { Key: TAG, Value: state }, { Key: `${TAG}-job`, Value: job.id }];
    if (all.length > MOST_TAGS) return 'The object was not tagged: it has as many tags as S3 takes.';
    await patiently({}, () => s3.send(new PutObjectTaggingCommand({ ...place, Tagging: { TagSet: all } })));
    return undefined;
  } catch (error) {
    // Deleted meanwhile, or not to be tagged: the report says all the same.
    return `The object was not tagged: ${asAwsFailure(error).message}.`;
  }
}
