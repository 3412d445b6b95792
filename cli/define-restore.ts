// What `keyferry restore` can be told.
import type { Command, Option } from 'commander';
import { DEFAULT_CONCURRENCY } from '../lib/jobs/restore-job.ts';
import { restoreHelp } from './help.ts';
import {
  addCommand,
  bulkOptions,
  option,
  patienceOptions,
  type Run,
  reportOptions,
  targetOptions,
  workOptions,
  writingOptions,
} from './option-groups.ts';
import { parseCount, parseRate } from './parse.ts';
import type { RestoreFlags } from './restore-options.ts';

const MOST_WORKERS = 256;

/** Those of load, too. */
export function restoreOptionList(): Option[] {
  const what = 'Which keys, and where to:';
  const pace = 'Pace and patience:';
  const job = 'The job:';
  return [
    ...targetOptions(),
    ...writingOptions(what),
    option(
      pace,
      '--rate <RATE>',
      'at most so many bytes of the file, or keys, a second: 50MB/s or 20000keys/s or both with a comma',
      parseRate,
    ),
    option(pace, '--concurrency <N>', `chunks at work at once; default ${DEFAULT_CONCURRENCY}`, (text, name) =>
      parseCount(text, name, 1, MOST_WORKERS),
    ),
    ...bulkOptions(pace),
    ...patienceOptions(pace, 'a target that is loading, busy or gone'),
    option(job, '--dry-run', 'read the files, check the target, write nothing'),
    option(job, '--fresh', 'forget the plan and the ledger of earlier runs and begin anew'),
    option(
      job,
      '--ignore-tail',
      'take an append-only file for complete although the commands behind its RDB part are not applied',
    ),
    option(job, '--strict', 'refuse, before the first write, a target that cannot hold all of the data'),
    option(job, '--force', 'go on where only an estimate of memory speaks against it'),
    ...workOptions(),
    ...reportOptions(),
  ];
}

/** The command and its options. */
export function defineRestore(program: Command, run: Run<RestoreFlags>): void {
  addCommand(
    program,
    'restore',
    {
      summary: 'write the keys of RDB files into a live server',
      help: restoreHelp,
      usage: 'FILE... --to URL [options]',
      words: [
        '[FILE...]',
        'RDB files, packed or not; - is standard input; the manifest of a backup stands for its files. All are one job.',
      ],
    },
    restoreOptionList(),
    run,
  );
}
