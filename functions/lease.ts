// Takes the lease of the job's target: two files for one target take their turn.
import { takeLease } from '../lib/checkpoint/dynamodb/lease.ts';
import { LEASE_MS, leaseName } from '../lib/jobs/aws/job.ts';
import { openCloud } from './environment.ts';
import { jobEvent } from './inputs.ts';
import { failedStep, observed } from './runtime.ts';

/** Seconds until the next look. */
const LEAST_WAIT = 20;
const MOST_WAIT = 300;

/** Grows with what was waited: an execution that waits for days stays below Step Functions' 25,000 events of history. */
const waitAfter = (seconds: number): number => Math.round(Math.min(MOST_WAIT, Math.max(LEAST_WAIT, seconds / 20)));

export const handler = observed(
  'lease',
  jobEvent,
  async ({ job, since }) => {
    const { table, clock } = openCloud();
    const taken = await takeLease(table, { name: leaseName(job), owner: job.owner, ttlMs: LEASE_MS });
    if (!taken.held) {
      const waited = since === undefined ? 0 : (clock.now() - Date.parse(since)) / 1000;
      return { ok: true, held: false, waitSeconds: waitAfter(waited), lease: null };
    }
    const { name, owner, epoch } = taken;
    return { ok: true, held: true, waitSeconds: 0, lease: { name, owner, epoch } };
  },
  (failure) => ({ ...failedStep(failure), held: false, waitSeconds: LEAST_WAIT, lease: null }),
);
