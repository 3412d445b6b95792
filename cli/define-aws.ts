// What `keyferry aws …` can be told.
import type { Command, Option } from 'commander';
import { LINE_SHAPES } from '../lib/sources/json/json-records.ts';
import type { AwsCommand, AwsFlags } from './aws-flags.ts';
import { awsHelp } from './aws-help.ts';
import { addCommand, type CommandWords, keyOptions, option, SCREEN } from './option-groups.ts';
import {
  parseCount,
  parseDbMap,
  parseDbs,
  parseDuration,
  parseOneOf,
  parsePolicy,
  parseRate,
  parseSize,
} from './parse.ts';

export type RunAws = (command: AwsCommand, words: string[], flags: AwsFlags) => Promise<void>;

const DEPLOYMENT = 'Which deployment:';
const DOOR = 'Where the file goes:';
const THIS_RUN = 'For this run, beside the configuration:';
const MOST_JOBS = 10_000;
export const DEFAULT_JOBS = 20;
export const DEFAULT_STACK = 'Keyferry';

const STATES = ['running', 'succeeded', 'failed'] as const;
const SHAPES = ['keyferry', 'redis-dump', 'redisshake'] as const;
const PACKS = ['none', 'gz', 'zst'] as const;

const commonOptions = (): Option[] => [
  option(DEPLOYMENT, '--stack <NAME>', `its CloudFormation stack; default: KEYFERRY_STACK, else ${DEFAULT_STACK}`),
  option(DEPLOYMENT, '--region <REGION>', 'where it is; default: as the AWS CLI has it'),
  option(DEPLOYMENT, '--profile <NAME>', 'whose credentials are used; default: as the AWS CLI has it'),
];

const screenOptions = (): Option[] => [
  option(SCREEN, '--json', 'one JSON object on standard output; progress as JSON lines on standard error'),
  option(SCREEN, '--quiet', 'no progress'),
];

/** Of commands that follow a job. */
const FOLLOWING: ReadonlySet<AwsCommand> = new Set(['restore', 'decode', 'load', 'retry']);
const wait = (): Option => option(SCREEN, '--no-wait', 'do not follow the job until it ends');
const name = (): Option => option(DOOR, '--name <NAME>', 'what it is called there; default: as FILE is');
const target = (): Option =>
  option(DOOR, '--target <NAME>', 'the target, as keyferry.toml names it; default: the only one');

/** Proves the text, and keeps it: it is read where it is carried out. */
const proven =
  (parse: (text: string, option: string) => unknown) =>
  (text: string, option: string): string => {
    parse(text, option);
    return text;
  };

const onlyDb = (): Option =>
  option(THIS_RUN, '--only-db <DBS>', 'databases of the file: 0,1', (text, name, before?: number[]) =>
    parseDbs(text, name, before),
  );

/** Those of lib/jobs/aws/run-options.ts. */
const restoreOptions = (): Option[] => [
  option(THIS_RUN, '--on-conflict <POLICY>', 'keys that exist: panic, rewrite or skip', parsePolicy),
  option(THIS_RUN, '--ttl-shift <DURATION>', 'added to every expiry: +7d, --ttl-shift=-1h', proven(parseDuration)),
  option(THIS_RUN, '--no-expire', 'write everything without expiry'),
  onlyDb(),
  option(
    THIS_RUN,
    '--db-map <MAP>',
    'databases change their number: 1:0,9:2',
    (text, name, before?: Map<number, number>) => parseDbMap(text, name, before),
  ),
  option(THIS_RUN, '--merge-dbs', 'all databases go into one'),
  option(THIS_RUN, '--rate <RATE>', 'at most so much a second: 50MB/s, 20000keys/s, or both', proven(parseRate)),
  option(THIS_RUN, '--big-key-bytes <SIZE>', 'values from this size on are built in parts', proven(parseSize)),
  option(THIS_RUN, '--strict', 'refuse a target that cannot hold all of the data'),
];

/** What only lines have. */
const lineOptions = (): Option[] => [
  option(
    THIS_RUN,
    '--shape <NAME>',
    `what the lines are: ${LINE_SHAPES.join(', ')}`,
    parseOneOf(LINE_SHAPES, 'is no shape of lines.'),
  ),
  option(THIS_RUN, '--allow-incomplete', 'load the whole parts of a decode that did not get to its end'),
];

/** Those of lib/jobs/aws/decode-options.ts. */
const decodeOptions = (): Option[] => [
  option(
    THIS_RUN,
    '--shape <NAME>',
    `what is written: ${SHAPES.join(', ')}`,
    parseOneOf(SHAPES, 'is no shape that is written on AWS.'),
  ),
  option(THIS_RUN, '--pack <HOW>', `parts are packed: ${PACKS.join(', ')}`, parseOneOf(PACKS, 'is no packing.')),
  onlyDb(),
  ...keyOptions(THIS_RUN).filter(({ long }) => long !== '--only-db'),
  option(THIS_RUN, '--keys-only', 'database, key and type alone'),
  option(THIS_RUN, '--no-value', 'all but the values'),
  option(THIS_RUN, '--salvage', 'leave out values whose inside is damaged, and go on'),
];

const FILE = ['[FILE]', 'a file of this machine, or s3://BUCKET/KEY'] as const;
const ID = ['[ID]', 'of the job: its beginning, as long as no other begins so'] as const;

/** The commands, in the order of the help. */
const COMMANDS: readonly (readonly [AwsCommand, Omit<CommandWords, 'help'>, () => Option[]])[] = [
  [
    'restore',
    { summary: 'put an RDB to its door, and follow its restore', usage: 'FILE [--target NAME] [options]', words: FILE },
    () => [target(), name(), ...restoreOptions()],
  ],
  [
    'decode',
    { summary: 'put an RDB to its door, and follow its decode', usage: 'FILE [options]', words: FILE },
    () => [name(), ...decodeOptions()],
  ],
  [
    'load',
    {
      summary: 'put JSON Lines to their door, and follow the load',
      usage: 'FILE [--target NAME] [options]',
      words: FILE,
    },
    () => [target(), name(), ...lineOptions(), ...restoreOptions()],
  ],
  [
    'jobs',
    { summary: 'list the newest jobs', usage: '[options]' },
    () => [
      option('Which jobs:', '--limit <N>', `so many at most; default ${DEFAULT_JOBS}`, (text, name) =>
        parseCount(text, name, 1, MOST_JOBS),
      ),
      option(
        'Which jobs:',
        '--state <STATE>',
        `those that are ${STATES.join(', ')}; default all`,
        parseOneOf(STATES, 'is no state of a job.'),
      ),
    ],
  ],
  ['job', { summary: 'show a job and its report', usage: 'ID [options]', words: ID }, () => []],
  ['retry', { summary: 'begin a failed job again', usage: 'ID [options]', words: ID }, () => []],
  [
    'doctor',
    {
      summary: 'let the deployment examine its targets; write nothing',
      usage: '[TARGET] [options]',
      words: ['[TARGET]', 'one of them; default: all'],
    },
    () => [],
  ],
];

export function defineAws(program: Command, run: RunAws): void {
  const aws = program
    .command('aws')
    .summary('the same on AWS, where keyferry is deployed: restore, decode, load, jobs')
    .description(awsHelp.all.about)
    .usage('COMMAND ...')
    .addHelpText('after', awsHelp.all.after);
  for (const [command, words, options] of COMMANDS) {
    const made = { ...words, help: awsHelp[command] };
    const all = [...options(), ...commonOptions(), ...(FOLLOWING.has(command) ? [wait()] : []), ...screenOptions()];
    addCommand<AwsFlags>(aws, command, made, all, (given, flags) => run(command, given, flags));
  }
}
