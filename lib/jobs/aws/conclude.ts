// The end of a job on AWS: report, tags, record, lease, in an order in which any of it can be done again.
import { GetObjectTaggingCommand, PutObjectTaggingCommand, type Tag } from '@aws-sdk/client-s3';
import { endJob, readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { leaveLease } from '../../checkpoint/dynamodb/lease.ts';
import { asAwsFailure } from '../../storage/s3/aws-failure.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { patiently } from '../../storage/s3/patience.ts';
import { asFailure, canRetry, describeFailure, type Failure } from './failure.ts';
import { type AwsJob, type Cloud, leaseName, notOwned } from './job.ts';
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
  /** What the subject of the notice calls the end. Default: the state. */
  readonly told?: string | undefined;
  /** Of the mode: totals and all that people should know. */
  readonly report: object;
}

/** What the record of a job that has ended remembers; `keyferry aws job` shows it. */
export interface Recorded {
  readonly summary: string;
  readonly told: string;
  /** Its key in the bucket. */
  readonly report: string;
  readonly error?: Failure | undefined;
  /** Why the object was not tagged. */
  readonly untagged?: string | undefined;
}

/** S3 takes no more. */
const MOST_TAGS = 10;
const TAG = 'keyferry';
const MOST_CAUSE = 2000;

/** Ends the job. Done again, it tells the same: a job ends once, and only by the execution that has it. */
export async function conclude(cloud: Cloud, job: AwsJob, outcome: Outcome): Promise<End> {
  const { table } = cloud;
  const record = await readJob(table, job.id);
  if (record?.owner !== job.owner) return endWithoutJob(nameOf(job), asFailure(notOwned(job, record)));
  const before = record.state === 'running' ? undefined : record.outcome;
  const recorded = before === undefined ? await write(cloud, job, outcome) : (JSON.parse(before) as Recorded);
  if (before === undefined) {
    const state = recorded.error === undefined ? 'succeeded' : 'failed';
    await endJob(table, job.id, job.owner, state, JSON.stringify(recorded));
  }
  if (job.mode !== 'decode') await leaveLease(table, { name: leaseName(job), owner: job.owner });
  return tell(cloud, job, recorded);
}

/** Writes report and tags; gives what the record is to remember. */
async function write(cloud: Cloud, job: AwsJob, { failure, summary, told, report }: Outcome): Promise<Recorded> {
  const state = failure === undefined ? 'succeeded' : failure.damaged ? 'quarantined' : 'failed';
  const key = state === 'quarantined' ? quarantineKey(job) : resultKey(job);
  const { id, target, mode, version } = job;
  const whole = {
    job: { id, mode, target, input: objectUrl(job), version, execution: job.owner },
    state,
    endedAt: new Date(cloud.clock.now()).toISOString(),
    ...(failure === undefined ? {} : { error: failure }),
    ...report,
  };
  await writeText(cloud, key, `${JSON.stringify(whole, null, 2)}\n`);
  return { summary, told: told ?? state, report: key, error: failure, untagged: await tag(cloud, job, state) };
}

function tell({ bucket }: Cloud, job: AwsJob, { summary, told, report, error, untagged }: Recorded): End {
  const retry = error !== undefined && canRetry(error) ? [`Once that is mended: keyferry aws retry ${job.id}`] : [];
  const lines = [
    summary,
    `Report: ${objectUrl({ bucket, key: report })}`,
    `Input: ${objectUrl(job)} (version ${job.version})`,
    `Execution: ${job.owner}`,
    ...retry,
    ...(untagged === undefined ? [] : [untagged]),
  ];
  const end = asEnd(nameOf(job), told, lines, error);
  return { ...end, cause: [end.cause, ...retry].join(' ') };
}

const nameOf = ({ mode, key }: AwsJob): string => `${mode} of ${key.slice(key.lastIndexOf('/') + 1)}`;

/** The end of an execution that has no job. */
export function endWithoutJob(what: string, failure: Failure): End {
  return asEnd(what, 'failed', [describeFailure(failure)], failure);
}

/** What SNS takes as a subject. */
export const subjectOf = (what: string, state: string): string =>
  `keyferry: ${what} ${state}`.replace(/[^ -~]/g, '?').slice(0, 100);

/** @param lines of the notice */
export function asEnd(what: string, state: string, lines: readonly string[], failure: Failure | undefined): End {
  return {
    ok: failure === undefined,
    again: false,
    subject: subjectOf(what, state),
    text: lines.join('\n'),
    error: failure?.code ?? '',
    cause: failure === undefined ? '' : describeFailure(failure).slice(0, MOST_CAUSE),
  };
}

/**
 * Tags the version of the object beside its other tags.
 *
 * @param object may have no job's id: that of an object that is no job
 * @returns why it was not tagged, in a sentence
 */
export async function tag(
  { s3 }: Cloud,
  object: Pick<AwsJob, 'bucket' | 'key' | 'version'> & { readonly id?: string },
  state: string,
): Promise<string | undefined> {
  const place = { Bucket: object.bucket, Key: object.key, VersionId: versionIdOf(object) };
  try {
    const { TagSet = [] } = await patiently({}, () => s3.send(new GetObjectTaggingCommand(place)));
    const others = TagSet.filter(({ Key }) => Key !== TAG && Key !== `${TAG}-job`);
    const job = object.id === undefined ? [] : [{ Key: `${TAG}-job`, Value: object.id }];
    const all: Tag[] = [...others, { Key: TAG, Value: state }, ...job];
    if (all.length > MOST_TAGS) return 'The object was not tagged: it has as many tags as S3 takes.';
    await patiently({}, () => s3.send(new PutObjectTaggingCommand({ ...place, Tagging: { TagSet: all } })));
    return undefined;
  } catch (error) {
    // Deleted meanwhile, or not to be tagged: the report says all the same.
    return `The object was not tagged: ${asAwsFailure(error).message}.`;
  }
}
