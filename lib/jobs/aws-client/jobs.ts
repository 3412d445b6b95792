// Jobs as a person asks for them: found by the beginning of an id, with their report, and begun again.
import { randomUUID } from 'node:crypto';
import { endJob, type JobRecord, type JobState, listJobs, readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { UsageError } from '../../errors.ts';
import type { Recorded } from '../aws/conclude.ts';
import { canRetry, type Failure } from '../aws/failure.ts';
import { readText } from '../aws/work.ts';
import type { Deployment } from './deployment.ts';

/** A job with what its end left. */
export interface JobStory {
  readonly job: JobRecord;
  readonly summary: string | undefined;
  readonly failure: Failure | undefined;
  /** As `results/…json` or `quarantine/…json` has it. */
  readonly report: Readonly<Record<string, unknown>> | undefined;
  /** Where the report lies in the bucket. */
  readonly reportKey: string | undefined;
}

const ID_LENGTH = 32;

/** The newest jobs. */
export async function newestJobs({ table }: Deployment, limit: number, state?: JobState): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  if (limit === 0) return jobs;
  for await (const job of listJobs(table)) {
    if (state !== undefined && job.state !== state) continue;
    jobs.push(job);
    if (jobs.length === limit) break;
  }
  return jobs;
}

/** @throws {UsageError} `AWS_JOB_UNKNOWN`, `AWS_JOB_AMBIGUOUS` */
export async function findJob({ table, stack }: Deployment, prefix: string): Promise<JobRecord> {
  const found = new Map<string, JobRecord>();
  if (prefix.length === ID_LENGTH) {
    const job = await readJob(table, prefix);
    if (job !== undefined) found.set(job.id, job);
  } else if (/^[0-9a-f]+$/.test(prefix)) {
    for await (const job of listJobs(table)) if (job.id.startsWith(prefix)) found.set(job.id, job);
  }
  const [job, ...others] = found.values();
  if (job === undefined) {
    throw new UsageError('AWS_JOB_UNKNOWN', `there is no job ${JSON.stringify(prefix)}.`, {
      where: `stack ${stack}`,
      remedy: 'keyferry aws jobs lists them. Jobs are remembered for 30 days.',
    });
  }
  if (others.length > 0) {
    throw new UsageError('AWS_JOB_AMBIGUOUS', `${found.size} jobs begin with ${JSON.stringify(prefix)}.`, {
      where: `stack ${stack}`,
      remedy: `Write more of the id: ${[...found.keys()].slice(0, 5).join(', ')}`,
    });
  }
  // The index lags behind.
  return (await readJob(table, job.id)) ?? job;
}

/** What became of a job that has ended. */
export async function storyOf(deployment: Deployment, job: JobRecord): Promise<JobStory> {
  const { summary, report: reportKey, error: failure } = JSON.parse(job.outcome ?? '{}') as Partial<Recorded>;
  const text = reportKey === undefined ? undefined : await readText(deployment, reportKey);
  const report = text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
  return { job, summary, failure, report, reportKey };
}

/**
 * Starts a failed job again: a new execution of its machine, with its input and options.
 *
 * @returns the execution
 * @throws {UsageError} `AWS_JOB_SUCCEEDED`, `AWS_JOB_RUNNING`, `AWS_JOB_FINAL`, `AWS_TARGET`
 */
export async function retryJob(deployment: Deployment, job: JobRecord): Promise<string> {
  const { account, machines, table, stack } = deployment;
  const { id, object, notes, owner } = job;
  const where = `job ${id}`;
  if (job.state === 'succeeded') {
    throw new UsageError('AWS_JOB_SUCCEEDED', 'this job has succeeded: there is nothing to do again.', {
      where,
      remedy: 'To do it once more, put the file to its place again: that is a new job.',
    });
  }
  const before = await account.execution(owner);
  if (job.state === 'running') {
    if (before === undefined || before.isRunning) {
      throw new UsageError('AWS_JOB_RUNNING', 'this job is still at work.', {
        where,
        remedy: `Look at it: keyferry aws job ${id}. To end it: aws stepfunctions stop-execution --execution-arn ${owner}`,
      });
    }
    // Stopped from outside, it could not say so itself.
    const summary = `The execution ended without a report: ${before.status}.`;
    await endJob(table, id, owner, 'failed', JSON.stringify({ summary }));
  }
  const { failure } = await storyOf(deployment, job);
  if (failure !== undefined && !canRetry(failure)) {
    throw new UsageError('AWS_JOB_FINAL', `no retry can help: ${failure.message}`, {
      where,
      remedy: 'Put a whole file to its place: that is a new job.',
    });
  }
  const { mode = '', target = '' } = notes;
  const machine = machines[target === '' ? mode : `${mode}/${target}`];
  if (machine === undefined) {
    throw new UsageError(
      'AWS_TARGET',
      `this job’s door is no longer there: ${[mode, target].filter(Boolean).join('/')}.`,
      {
        where: `stack ${stack}`,
        remedy: 'Add the target to keyferry.toml and deploy again.',
      },
    );
  }
  const options = optionsOf(before?.input);
  return account.startExecution(machine, {
    ...object,
    retry: randomUUID(),
    ...(options === undefined ? {} : { options }),
  });
}

/** What the execution before was told itself; what stands beside the file is read again. */
function optionsOf(input: string | undefined): unknown {
  if (input === undefined) return undefined;
  return (JSON.parse(input) as { options?: unknown }).options ?? undefined;
}
