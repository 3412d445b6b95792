// Plans the job's RDB: one scan, over as many calls as it takes.
import { keepLease } from '../lib/jobs/aws/job.ts';
import { planObject } from '../lib/jobs/aws/plan.ts';
import { config, openCloud, type PlanConfig } from './environment.ts';
import { leasedEvent } from './inputs.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'plan',
  leasedEvent,
  async ({ job, lease }, deadline) => {
    const cloud = openCloud();
    await keepLease(cloud, lease);
    const plan = await planObject(cloud, job, config<PlanConfig>().chunkBytes, deadline);
    return { ok: true, done: plan !== undefined, plan: plan ?? null };
  },
  (failure) => ({ ...failedStep(failure), done: true, plan: null }),
);
