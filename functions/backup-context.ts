// What the steps of a backup work with.
import type { BackupContext, NamedSource, ScanLimits } from '../lib/jobs/aws/backup/run.ts';
import type { Deadline } from '../lib/jobs/aws/job.ts';
import { config, type FunctionConfig, openCloud } from './environment.ts';
import { loginOf } from './secrets.ts';

/** That of functions in a source's network. */
export interface SourceConfig extends FunctionConfig {
  readonly source: NamedSource;
  readonly limits?: ScanLimits;
}

export function backupContext(deadline: Deadline): BackupContext {
  const { source, limits } = config<SourceConfig>();
  return { cloud: openCloud(), source, login: () => loginOf(source), deadline, limits };
}
