// Plans the job's RDB: one scan, over as many calls as it takes.
import { keepLease } from '../lib/jobs/aws/job.ts';
import { planObject } from '../lib/jobs/aws/plan.ts';
import { config, openCloud, type PlanConfig } from './environment.ts';
import { planEvent } from './inputs.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'plan',
  planEvent,
  async ({ job, lease }, deadline) => {
    const cloud = openCloud();
    if (lease !== undefined) await keepLease(cloud, lease);
    const plan = await planObject(cloud, job, config<PlanConfig>().chunkBytes[job.mode], deadline);
    return { ok: true, done: plan !== undefined, plan: plan ?? null };
  },
  (failure) => ({ ...failedStep(failure), done: true, plan: null }),
);
