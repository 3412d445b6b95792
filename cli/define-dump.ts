// What `keyferry dump` can be told.
import type { Command, Option } from 'commander';
import { DEFAULT_SHARDS_AT_ONCE, DEFAULT_STALL_MS } from '../lib/jobs/dump/defaults.ts';
import { DUMP_WAYS } from '../lib/jobs/dump/shard-source.ts';
import { parsePsyncNames } from '../lib/sources/replica/psync-names.ts';
import type { DumpFlags } from './dump-command.ts';
import { dumpHelp } from './help.ts';
import {
  addCommand,
  duration,
  option,
  patienceOptions,
  preferOption,
  type Run,
  SCREEN,
  TARGET,
  targetOptions,
} from './option-groups.ts';
import { parseAnnounced, parseCount, parseOneOf, parseRate, parseWait } from './parse.ts';

const SOURCE = 'Source:';
const OUTPUT = 'Output:';
const PACE = 'Pace and patience:';
const MOST_AT_ONCE = 256;
const LEAST_STALL_MS = 1000;

/** How a server is reached is told in the same words wherever one is named; no proxy lets itself be copied. */
const reachOptions = (): Option[] =>
  targetOptions()
    .filter(({ long }) => long !== '--to' && long !== '--mode')
    .map((each) => (each.helpGroupHeading === TARGET ? each.helpGroup(SOURCE) : each));

const dumpOptionList = (): Option[] => [
  option(
    SOURCE,
    '--from <URL>',
    'the server, or any node of a cluster: redis://[USER[:PASSWORD]@]HOST[:PORT], with TLS rediss://, or unix:///PATH, or redis-sentinel://HOST,HOST/MASTER (required)',
  ),
  ...reachOptions(),
  option(
    SOURCE,
    '--via <WAY>',
    'psync or sync: as a replica; scan: key by key, of no one moment, all nodes in one file; auto tries one after the other; default auto',
    parseOneOf([...DUMP_WAYS, 'auto'] as const, 'is no way to read a server.'),
  ),
  preferOption(SOURCE),
  option(
    SOURCE,
    '--psync-name <NAMES>',
    'the name of PSYNC where it was renamed: HOST:PORT@NAME, with commas, as RedisShake has it in aws_psync; or one NAME for all',
    (text, _, before?: ReturnType<typeof parsePsyncNames>) => parsePsyncNames(text, before),
  ),
  option(
    SOURCE,
    '--announce <HOST:PORT>',
    'the address that INFO on the source shows for this replica; default none, so that no sentinel takes it for a server',
    parseAnnounced,
  ),
  option(SOURCE, '--access-times', 'by scan: take idle times or frequencies along, which is slower'),
  option(
    OUTPUT,
    '-o, --output <PATH>',
    'where the backup goes: a file that ends in .rdb, .rdb.gz or .rdb.zst; or a folder, in which it gets a folder of its own; or the same in S3: s3://BUCKET/… (required)',
  ),
  option(OUTPUT, '--name <NAME>', "name of that folder; default: the source's address and the time"),
  option(OUTPUT, '--merge', 'of a cluster one file for all shards, which are read one after the other'),
  option(OUTPUT, '--gzip', 'pack the files in a folder as .gz'),
  option(OUTPUT, '--zstd', 'pack the files in a folder as .zst'),
  option(
    PACE,
    '--concurrency <N>',
    `shards that are read at once, each of which forks; default ${DEFAULT_SHARDS_AT_ONCE}`,
    (text, name) => parseCount(text, name, 1, MOST_AT_ONCE),
  ),
  option(PACE, '--rate <RATE>', 'by scan: at most so many bytes, or keys, a second: 50MB/s or 20000keys/s', parseRate),
  ...patienceOptions(PACE, 'a source that is loading, or has lost its own master,'),
  option(
    PACE,
    '--stall <DURATION>',
    `how long the source may send nothing; default ${duration(DEFAULT_STALL_MS)}`,
    (text, name) => parseWait(text, name, LEAST_STALL_MS),
  ),
  option(
    SCREEN,
    '--json',
    'the manifest as one JSON object on standard output; progress as JSON lines on standard error',
  ),
  option(SCREEN, '--quiet', 'show nothing but what went wrong'),
];

/** The command and its options. */
export function defineDump(program: Command, run: Run<DumpFlags>): void {
  addCommand(
    program,
    'dump',
    {
      summary: 'back up a live server or cluster as RDB files that are proven',
      help: dumpHelp,
      usage: '--from URL -o PATH [options]',
      words: ['[WORDS...]', 'nothing else'],
    },
    dumpOptionList(),
    run,
  );
}
