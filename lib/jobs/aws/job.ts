// What every step of a job on AWS works with: the job, and the stores that hold all that it remembers.
import type { S3Client } from '@aws-sdk/client-s3';
import { type JobRecord, readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { type Lease, renewLease } from '../../checkpoint/dynamodb/lease.ts';
import { StoreError } from '../../checkpoint/dynamodb/store-error.ts';
import type { Table } from '../../checkpoint/dynamodb/table.ts';
import type { Clock } from '../../telemetry/clock.ts';

export interface Cloud {
  readonly s3: S3Client;
  readonly table: Table;
  /** The bucket of doors, work and results. */
  readonly bucket: string;
  readonly clock: Clock;
  /** Key names stay out of reports. */
  readonly redactKeys: boolean;
}

export type AwsMode = 'restore' | 'decode' | 'load';

/** A claimed job, as it goes from step to step. */
export interface AwsJob {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  readonly target: string;
  readonly mode: AwsMode;
  /** The execution that has it. */
  readonly owner: string;
}

/** How much of its time a call has left. */
export interface Deadline {
  /** True when the call should come to its end in order. */
  readonly outOfTime: () => boolean;
  /** Unix ms at which it is cut off. */
  readonly hardEnd: number;
  /** Aborted shortly before that. */
  readonly signal: AbortSignal;
}

/** The lease of a job's target: one job at a time writes to it. */
export const leaseName = ({ target }: Pick<AwsJob, 'target'>): string => `target/${target}`;

/** A step renews the lease when it begins, and takes 15 minutes at most. */
export const LEASE_MS = 20 * 60_000;

/** @throws {StoreError} `STORE_LEASE_LOST` where another job has the target by now */
export async function keepLease({ table }: Cloud, lease: Lease): Promise<void> {
  if ((await renewLease(table, lease, { ttlMs: LEASE_MS })) !== undefined) return;
  throw new StoreError('STORE_LEASE_LOST', `the lease ${lease.name} is another run’s by now.`, {
    where: `table ${table.name}`,
    remedy: 'This execution waited too long between two steps. Retry the job: it goes on from here.',
  });
}

/** The job's record. @throws {StoreError} `JOB_NOT_OWNED` where another execution has the job, or it was ended */
export async function ownRecord({ table }: Cloud, job: AwsJob): Promise<JobRecord> {
  const record = await readJob(table, job.id);
  if (record?.owner === job.owner && record.state === 'running') return record;
  throw notOwned(job, record);
}

export function notOwned({ id }: AwsJob, record: JobRecord | undefined): StoreError {
  const state = record === undefined ? 'not there' : `${record.state}, and belongs to ${record.owner}`;
  return new StoreError('JOB_NOT_OWNED', `the job is ${state}.`, {
    where: `job ${id}`,
    remedy: 'Look at that execution: this one has stopped.',
  });
}

/** What a job's end finds of a chunk that nothing is known of. */
export function chunkLeft({ id }: AwsJob, n: number): StoreError {
  return new StoreError('JOB_INCOMPLETE', `chunk ${n} was left by its worker.`, {
    where: `job ${id}`,
    remedy: 'Its log says why. Retry the job: it does what is missing.',
  });
}
