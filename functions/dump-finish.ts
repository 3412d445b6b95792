// Ends a backup: manifest, a look whether all is there, tags, and the removal of what no rule keeps.
import { finishBackup } from '../lib/jobs/aws/backup/finish.ts';
import { backupContext } from './backup-context.ts';
import { runEvent } from './dump-inputs.ts';
import { countBackup } from './metrics.ts';
import { failedStep, observed } from './runtime.ts';
import { version } from './version.ts';

export const handler = observed(
  'dump-finish',
  runEvent,
  async ({ run }, deadline) => {
    const { end, figures } = await finishBackup(backupContext(deadline), run, version);
    if (figures !== undefined) countBackup(run.source, figures);
    return end;
  },
  failedStep,
);
