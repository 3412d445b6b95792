// Follows a job by what it leaves in table and bucket, until it has ended. Whoever looks changes nothing.
import { type JobRecord, readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { readLease } from '../../checkpoint/dynamodb/lease.ts';
import { readTotals } from '../../checkpoint/dynamodb/ledger.ts';
import { UsageError } from '../../errors.ts';
import type { Phase, Progress } from '../../telemetry/progress.ts';
import { countParts } from '../aws/decode-parts.ts';
import type { PlanPointer } from '../aws/plan.ts';
import { readText, workKey } from '../aws/work.ts';
import type { Deployment } from './deployment.ts';

/** What is followed. */
export interface Followed {
  /** Of the job. */
  readonly id: string;
  /** The execution that is to have it; whichever does, where it is not known yet. */
  readonly owner?: string | undefined;
}

/** How it came to an end. */
export type FollowedEnd =
  | { readonly job: JobRecord; readonly stopped?: undefined }
  /** Its execution ended without a word in the record: somebody stopped it, or it had nothing to do. */
  | { readonly job: JobRecord | undefined; readonly stopped: { status: string; error: string; cause: string } };

/** Between two looks, ms: soon at first, since many jobs are short. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;
const SLOWER = 1.5;
/** Events take seconds; a door that does not open by then, does not open. */
const CLAIM_PATIENCE_MS = 120_000;

/** @throws {UsageError} `AWS_NOT_CLAIMED`; {StoreError}; the signal's reason */
export async function follow(
  deployment: Deployment,
  { id, owner }: Followed,
  progress: Progress,
  signal: AbortSignal,
): Promise<FollowedEnd> {
  const { table, clock, account } = deployment;
  const watch = new Watch(deployment, progress);
  const start = clock.now();
  let waitMs = FIRST_WAIT_MS;
  for (;;) {
    // Its execution first: one that has ended has left its last word in the record by then.
    let job = await readJob(table, id);
    const execution = await ownerOf(job, owner, account);
    if (execution?.isRunning === false) job = await readJob(table, id);
    const isOurs = job !== undefined && (owner === undefined || job.owner === owner);
    if (job !== undefined && isOurs && job.state !== 'running') return { job };
    if (execution?.isRunning === false) {
      const { status, error = '', cause = '' } = execution;
      return { job, stopped: { status, error, cause } };
    }
    if (job !== undefined && isOurs) await watch.look(job);
    else if (clock.now() - start > CLAIM_PATIENCE_MS) throw notClaimed(id, deployment);
    await clock.sleep(waitMs, signal);
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * SLOWER);
  }
}

/** Where a job at work stands just now. */
export async function glance(deployment: Deployment, job: JobRecord, progress: Progress): Promise<void> {
  await new Watch(deployment, progress).look(job);
}

async function ownerOf(job: JobRecord | undefined, owner: string | undefined, account: Deployment['account']) {
  const arn = owner ?? (job?.state === 'running' ? job.owner : undefined);
  return arn === undefined ? undefined : account.execution(arn);
}

/** Turns what table and bucket say into progress. */
class Watch {
  readonly #deployment: Deployment;
  readonly #progress: Progress;
  #plan: Pick<PlanPointer, 'chunks' | 'keys' | 'bytes'> | undefined;

  constructor(deployment: Deployment, progress: Progress) {
    this.#deployment = deployment;
    this.#progress = progress;
  }

  async look(job: JobRecord): Promise<void> {
    const { target = '', mode } = job.notes;
    const lease = mode === 'decode' ? undefined : await readLease(this.#deployment.table, `target/${target}`);
    if (lease !== undefined && lease.owner !== job.owner) return this.#begin('queued');
    this.#plan ??= await this.#readPlan(job);
    const plan = this.#plan;
    if (plan === undefined) return this.#begin('preparing');
    const { units, keys } = mode === 'decode' ? await this.#parts(job) : await this.#ledger(job);
    if (units === 0 && plan.chunks > 0) return this.#begin('preparing');
    if (units >= plan.chunks) return this.#begin('finishing');
    this.#begin(mode === 'decode' ? 'decoding' : 'writing', { bytes: plan.bytes, keys: plan.keys });
    const share = units / plan.chunks;
    // The ledger counts keys and chunks; chunks are about equally long.
    Object.assign(this.#progress, {
      file: `${units} of ${plan.chunks} chunks`,
      bytes: Math.round(plan.bytes * share),
      keys: keys ?? Math.round(plan.keys * share),
    });
  }

  /** Counters begin anew with a phase alone. */
  #begin(phase: Phase, totals: { bytes?: number; keys?: number } = {}): void {
    if (this.#progress.phase !== phase) this.#progress.begin(phase, totals);
  }

  /** Written when the plan is done. */
  async #readPlan({ object }: JobRecord) {
    const text = await readText(this.#deployment, workKey(object, 'plan.json'));
    return text === undefined ? undefined : (JSON.parse(text) as PlanPointer);
  }

  async #ledger({ id }: JobRecord): Promise<{ units: number; keys: number | undefined }> {
    const totals = await readTotals(this.#deployment.table, id);
    const { units = 0, written = 0, already = 0, skipped = 0, expired = 0, filtered = 0 } = totals;
    return { units, keys: written + already + skipped + expired + filtered };
  }

  async #parts({ id }: JobRecord): Promise<{ units: number; keys: number | undefined }> {
    return { units: await countParts(this.#deployment.table, id), keys: undefined };
  }
}

function notClaimed(id: string, { stack }: Deployment): UsageError {
  return new UsageError('AWS_NOT_CLAIMED', 'the file lies at its door, and no execution has taken it.', {
    where: `job ${id}`,
    remedy: `Look whether the rules of the stack ${stack} are enabled (EventBridge), and at its alarms. When it is mended: keyferry aws job ${id}`,
  });
}
