// Makes an RDB of a load's lines, once before the plan: that then goes on as with any RDB.
import { buildRdb } from '../lib/jobs/aws/build.ts';
import { keepLease } from '../lib/jobs/aws/job.ts';
import { config, type FunctionConfig, openCloud } from './environment.ts';
import { leasedEvent } from './inputs.ts';
import { failedStep, observed } from './runtime.ts';

interface BuildConfig extends FunctionConfig {
  /** Of this function. */
  readonly memoryMb: number;
}

export const handler = observed(
  'build',
  leasedEvent,
  async ({ job, lease }, deadline) => {
    const cloud = openCloud();
    await keepLease(cloud, lease);
    const { lines, keys, bytes } = await buildRdb(cloud, job, config<BuildConfig>().memoryMb * 1024 * 1024, deadline);
    return { ok: true, lines, keys, bytes };
  },
  failedStep,
);
