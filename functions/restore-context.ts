// What the steps of a restore in the target's network work with.
import type { AwsJob, Deadline } from '../lib/jobs/aws/job.ts';
import type { RestoreContext } from '../lib/jobs/aws/restore-steps.ts';
import { config, openCloud, type TargetConfig } from './environment.ts';
import { loginOf } from './secrets.ts';

export function restoreContext({ mode }: AwsJob, deadline: Deadline): RestoreContext {
  const { target, chunkBytes } = config<TargetConfig>();
  return { cloud: openCloud(), target, login: () => loginOf(target), chunkBytes: chunkBytes[mode], deadline };
}
