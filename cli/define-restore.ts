// What `keyferry restore` can be told.
import type { Command, Option } from 'commander';
import {
  CONNECTIONS_IN_CLUSTER,
  DEFAULT_BIG_KEY_BYTES,
  DEFAULT_CONCURRENCY,
  DEFAULT_CONNECTIONS,
  DEFAULT_PATIENCE_MS,
  DEFAULT_REPLY_TIMEOUT_MS,
} from '../lib/jobs/restore-job.ts';
import { restoreHelp } from './help.ts';
import {
  addCommand,
  duration,
  keyOptions,
  option,
  type Run,
  SCREEN,
  TARGET,
  targetOptions,
  workOptions,
} from './option-groups.ts';
import { parseCount, parseDbMap, parseDuration, parsePolicy, parseRate, parseSizeWithin, parseWait } from './parse.ts';
import type { RestoreFlags } from './restore-options.ts';

const LEAST_BIG_KEY_BYTES = 1024;
const MOST_BIG_KEY_BYTES = 2 ** 40;
const MOST_WORKERS = 256;

/** Those of load, too. */
export function restoreOptionList(): Option[] {
  const what = 'Which keys, and where to:';
  const pace = 'Pace and patience:';
  const job = 'The job:';
  const wait = (text: string, name: string) => parseWait(text, name, 0);
  return [
    ...targetOptions(),
    option(
      TARGET,
      '--on-conflict <POLICY>',
      'keys that exist: panic stops at the first, rewrite replaces them wholly, skip leaves them (none and ignore mean panic and skip); default panic',
      parsePolicy,
    ),
    option(TARGET, '--ttl-shift <DURATION>', 'added to every expiry: +7d, --ttl-shift=-1h; default 0', parseDuration),
    option(TARGET, '--no-expire', 'write everything without expiry; what has expired already is still left out'),
    ...keyOptions(what),
    option(
      what,
      '--db-map <MAP>',
      'databases change their number: 1:0,9:2',
      (text, name, before?: Map<number, number>) => parseDbMap(text, name, before),
    ),
    option(
      what,
      '--merge-dbs',
      'all databases go into one: the one in the URL, else 0; in a cluster there is no other',
    ),
    option(
      pace,
      '--rate <RATE>',
      'at most so many bytes of the file, or keys, a second: 50MB/s or 20000keys/s or both with a comma',
      parseRate,
    ),
    option(pace, '--concurrency <N>', `chunks at work at once; default ${DEFAULT_CONCURRENCY}`, (text, name) =>
      parseCount(text, name, 1, MOST_WORKERS),
    ),
    option(
      pace,
      '--connections <N>',
      `sockets to each server; default ${DEFAULT_CONNECTIONS}, in a cluster ${CONNECTIONS_IN_CLUSTER}`,
      (text, name) => parseCount(text, name, 1, MOST_WORKERS),
    ),
    option(
      pace,
      '--big-key-bytes <SIZE>',
      `values from this size on are built under a temporary name, in parts; default ${DEFAULT_BIG_KEY_BYTES / 2 ** 20}MiB`,
      (text, name) => parseSizeWithin(text, name, LEAST_BIG_KEY_BYTES, MOST_BIG_KEY_BYTES),
    ),
    option(
      pace,
      '--retry-for <DURATION>',
      `how long a target that is loading, busy or gone is waited for; default ${duration(DEFAULT_PATIENCE_MS)}`,
      wait,
    ),
    option(
      pace,
      '--reply-timeout <DURATION>',
      `how long one answer may take; default ${duration(DEFAULT_REPLY_TIMEOUT_MS)}`,
      (text, name) => parseWait(text, name, 1),
    ),
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
    option(
      SCREEN,
      '--json',
      'one JSON object on standard output when it has ended; progress as JSON lines on standard error',
    ),
    option(SCREEN, '--report <FILE>', 'write the same JSON to a file, every refused key in it'),
    option(SCREEN, '--quiet', 'show nothing but what went wrong'),
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
      words: ['[FILE...]', 'RDB files, packed or not; - is standard input. Several files are one job.'],
    },
    restoreOptionList(),
    run,
  );
}
