// Publishes, each hour, how old the newest backup of each source is. An alarm goes by it.
import * as z from 'zod';
import { backupAge } from '../lib/jobs/aws/backup/age.ts';
import { describeFailure } from '../lib/jobs/aws/failure.ts';
import { config, type FunctionConfig, openCloud } from './environment.ts';
import { gaugeAge } from './metrics.ts';
import { observed } from './runtime.ts';

export interface AgeConfig extends FunctionConfig {
  /** Names of the sources. */
  readonly sources: readonly string[];
}

export const handler = observed(
  'backup-age',
  z.unknown(),
  async () => {
    const ages: Record<string, number> = {};
    for (const source of config<AgeConfig>().sources) {
      const age = await backupAge(openCloud(), source);
      gaugeAge(source, age);
      ages[source] = Math.round(age);
    }
    return { ok: true, ages };
  },
  // Nobody waits for the answer: what is thrown is tried again, and ends in the queue of lost events.
  (failure) => {
    throw new Error(describeFailure(failure));
  },
);
