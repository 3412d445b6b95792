// Ends a backup: manifest, a look whether all is there, tags, and the removal of what no rule keeps.
import { finishBackup } from '../lib/jobs/aws/backup/finish.ts';
import type { Failure } from '../lib/jobs/aws/failure.ts';
import { version } from '../lib/version.ts';
import { backupContext } from './backup-context.ts';
import { runEvent } from './dump-inputs.ts';
import { countBackup } from './metrics.ts';
import { failedStep, observed } from './runtime.ts';

/** What it has left is for dump-fail to remove. */
const unfinished = (failure: Failure) => ({ ...failedStep(failure), done: false, again: false });

export const handler = observed(
  'dump-finish',
  runEvent,
  async ({ run }, deadline) => {
    const finished = await finishBackup(backupContext(deadline), run, version);
    if ('failure' in finished) return unfinished(finished.failure);
    if ('again' in finished) return { ok: true, done: false, again: true };
    countBackup(run.source, finished.figures);
    return { ...finished.end, done: true, again: false };
  },
  unfinished,
);
