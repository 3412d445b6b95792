// What the steps of a decode work with.
import type { DecodeContext } from '../lib/jobs/aws/decode-steps.ts';
import type { AwsJob, Deadline } from '../lib/jobs/aws/job.ts';
import { config, type DecodeConfig, openCloud } from './environment.ts';

export function decodeContext({ mode }: AwsJob, deadline: Deadline): DecodeContext {
  const { decode: settings, chunkBytes } = config<DecodeConfig>();
  return { cloud: openCloud(), settings, chunkBytes: chunkBytes[mode], deadline };
}
