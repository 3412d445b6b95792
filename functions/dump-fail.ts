// Ends a backup that failed: what it has left is removed. For a shard that failed it notes why: the others then end at once.
import { failBackup } from '../lib/jobs/aws/backup/fail.ts';
import { jobOf } from '../lib/jobs/aws/backup/run.ts';
import { endWithoutJob } from '../lib/jobs/aws/conclude.ts';
import { noteFailure } from '../lib/jobs/aws/failure.ts';
import { stoppedBy } from './caught.ts';
import { dumpFailEvent } from './dump-inputs.ts';
import { openCloud } from './environment.ts';
import { observed } from './runtime.ts';

export const handler = observed(
  'dump-fail',
  dumpFailEvent,
  async ({ run, index, ...stopped }) => {
    const failure = stoppedBy(stopped);
    if (index === undefined) return failBackup(openCloud(), run, failure);
    await noteFailure(openCloud(), jobOf(run), failure);
    return endWithoutJob(`shard ${index}`, failure);
  },
  (failure) => endWithoutJob('backup', failure),
);
