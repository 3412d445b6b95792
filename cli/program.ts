// The command line: commands, options, and how each value is read. What they do is given from outside.
import { Command, type HelpConfiguration, Option } from 'commander';
import { DEFAULT_DEPTH, DEFAULT_SEPARATORS, DEFAULT_SHARDS, DEFAULT_TOP } from '../lib/jobs/inspect.ts';
import {
  CONNECTIONS_IN_CLUSTER,
  DEFAULT_BIG_KEY_BYTES,
  DEFAULT_CONCURRENCY,
  DEFAULT_CONNECTIONS,
  DEFAULT_PATIENCE_MS,
  DEFAULT_REPLY_TIMEOUT_MS,
} from '../lib/jobs/restore-job.ts';
import { VALUE_KINDS } from '../lib/rdb/types.ts';
import { LINE_SHAPES } from '../lib/sources/json/json-records.ts';
import { DEFAULT_CHUNK_BYTES } from '../lib/sources/rdb/plan.ts';
import { ALLOCATORS } from '../lib/targets/inspect/allocator.ts';
import { MODELLED_SERVERS } from '../lib/targets/inspect/servers.ts';
import { SHAPE_NAMES } from '../lib/targets/json/shape.ts';
import type { DecodeFlags } from './decode-command.ts';
import type { DoctorFlags } from './doctor-command.ts';
import { formatSeconds } from './format.ts';
import { decodeHelp, doctorHelp, inspectHelp, loadHelp, planHelp, restoreHelp, rootHelp } from './help.ts';
import type { InspectFlags } from './inspect-command.ts';
import { columnsOfStream, type Io } from './io.ts';
import type { LoadFlags } from './load-command.ts';
import {
  PACKINGS,
  parseAddressMap,
  parseCount,
  parseDbMap,
  parseDbs,
  parseDuration,
  parseKinds,
  parseMode,
  parseMoment,
  parseOneOf,
  parsePolicy,
  parseRate,
  parseRdbVersion,
  parseSeparators,
  parseSizeWithin,
  parseWait,
} from './parse.ts';
import type { PlanFlags } from './plan-command.ts';
import type { RestoreFlags } from './restore-options.ts';
import { colourStyle, styleFor } from './style.ts';
import { version } from './version.ts';

export interface Actions {
  restore(files: string[], flags: RestoreFlags): Promise<void>;
  plan(files: string[], flags: PlanFlags): Promise<void>;
  decode(files: string[], flags: DecodeFlags): Promise<void>;
  load(files: string[], flags: LoadFlags): Promise<void>;
  inspect(files: string[], flags: InspectFlags): Promise<void>;
  doctor(files: string[], flags: DoctorFlags): Promise<void>;
}

/** Help wider than this is hard to read. */
const WIDEST_HELP = 100;
const LEAST_CHUNK_BYTES = 1024;
const LEAST_BIG_KEY_BYTES = 1024;
const MOST_BIG_KEY_BYTES = 2 ** 40;
const MOST_CHUNK_BYTES = 1024 ** 3;
const MOST_WORKERS = 256;

/** Reads an option's value; `before` is what the same option gave earlier in the command line. */
type Read<T> = (text: string, option: string, before: T | undefined) => T;

/** An option under a heading of the help. */
function option<T>(group: string, flags: string, description: string, read?: Read<T>): Option {
  const made = new Option(flags, description).helpGroup(group);
  const name = made.long ?? flags;
  return read === undefined ? made : made.argParser((text: string, before: T | undefined) => read(text, name, before));
}

const TARGET = 'Target:';
const PLACE = 'Where work files go:';
const SCREEN = 'What is shown:';

const workOptions = (): Option[] => [
  option(PLACE, '--work-dir <DIR>', 'folder for plans, ledgers and unpacked copies; default: beside each FILE'),
  option(
    PLACE,
    '--chunk-bytes <SIZE>',
    `size from which a chunk is closed: the unit of work, and of what is sent again after a crash; default ${DEFAULT_CHUNK_BYTES / 2 ** 20}MiB`,
    (text, name) => parseSizeWithin(text, name, LEAST_CHUNK_BYTES, MOST_CHUNK_BYTES),
  ),
];

/** Which server is meant, and how it is reached. */
const targetOptions = (): Option[] => [
  option(
    TARGET,
    '--to <URL>',
    'the server: redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], with TLS rediss://, or unix:///PATH, or redis-sentinel://HOST,HOST/MASTER (required)',
  ),
  option(TARGET, '--tls-ca <FILE>', 'CAs to trust, in PEM, or a self-signed certificate; default: the public ones'),
  option(TARGET, '--tls-cert <FILE>', 'certificate to show to the server, where it asks for one; PEM'),
  option(TARGET, '--tls-key <FILE>', 'key of --tls-cert, without a pass phrase; PEM'),
  option(TARGET, '--tls-server-name <NAME>', "name in the server's certificate; default: the URL's host"),
  option(
    TARGET,
    '--sentinel-user <NAME>',
    'user of the sentinels, where they have users; its password is in KEYFERRY_SENTINEL_PASSWORD',
  ),
  option(
    TARGET,
    '--mode <MODE>',
    'proxy for Twemproxy, Codis and the like; auto finds out what else stands there; default auto',
    parseMode,
  ),
  option(
    TARGET,
    '--address-map <MAP>',
    'where the nodes of a cluster, or a master that sentinels name, are reached if not at the address that they announce: 10.0.0.7:6379=203.0.113.7:7001; with commas',
    (text, name, before?: Map<string, string>) => parseAddressMap(text, name, before),
  ),
];

function restoreOptionList(): Option[] {
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

const planOptionList = (): Option[] => [
  ...workOptions(),
  option('The plan:', '--no-write', 'read and show, and write no plan'),
  option('The plan:', '--fresh', 'plan anew even where a plan of the same file stands'),
  option(SCREEN, '--json', 'one JSON object on standard output; progress as JSON lines on standard error'),
  option(SCREEN, '--quiet', 'no progress'),
];

const LEAST_LINE_BYTES = 1024;
const MOST_LINE_BYTES = 256 * 2 ** 20;

const DECODE_SHAPES = ['keyferry', ...SHAPE_NAMES] as const;
const MOST_PARTS = 10_000;
const MOST_THREADS = 64;

const decodeOptionList = (): Option[] => [
  option(
    'Output:',
    '-o, --output <PATH>',
    'where the lines go: a file, packed as .gz or .zst says; a folder, for parts; - is standard output; default -',
  ),
  option(
    'Output:',
    '--split <N>',
    'so many parts of each FILE, in the folder that --output names, with a manifest',
    (text, name) => parseCount(text, name, 1, MOST_PARTS),
  ),
  option(
    'Output:',
    '--pack <HOW>',
    `parts are packed: ${PACKINGS.join(' or ')}; default: not`,
    parseOneOf(PACKINGS, 'is no packing.'),
  ),
  option(
    'Output:',
    '--shape <NAME>',
    `what is written: ${DECODE_SHAPES.join(', ')} (docs/json-shapes.md); default keyferry`,
    parseOneOf(DECODE_SHAPES, 'is no shape.'),
  ),
  option('Output:', '--pretty', 'JSON for people to read, indented'),
  option('Output:', '--keys-only', 'database, key and type alone'),
  option('Output:', '--no-value', 'all but the values, which are read all the same: damage in them is found'),
  option(
    'Output:',
    '--max-line <SIZE>',
    'a value that needs a longer line goes on in further ones; default 8MiB',
    (text, name) => parseSizeWithin(text, name, LEAST_LINE_BYTES, MOST_LINE_BYTES),
  ),
  ...keyOptions('Which keys:'),
  option(
    'The job:',
    '--threads <N>',
    'threads that decode, with the one that reads and writes; default: from 256 MiB on one a core, 4 at most',
    (text, name) => parseCount(text, name, 1, MOST_THREADS),
  ),
  option('The job:', '--salvage', 'leave out values whose inside is damaged, name their keys, and go on'),
  option(
    'The job:',
    '--work-dir <DIR>',
    'folder for unpacked copies of packed files, which go at the end; default: beside each FILE',
  ),
  option(SCREEN, '--json', 'one JSON object on standard error when it has ended; progress as JSON lines there too'),
  option(SCREEN, '--quiet', 'show nothing but what went wrong'),
];

const MOST_TOP = 10_000;
const MOST_DEPTH = 64;
const MOST_SHARDS = 16_384;

const inspectOptionList = (): Option[] => [
  option('Output:', '--html <FILE>', 'write the report as a page of its own, which needs no network'),
  option('Output:', '--csv <FILE>', 'write the prefixes with their counts as a table'),
  option('Output:', '--report <FILE>', 'write the whole report as JSON'),
  option('Output:', '--hash-keys', 'name keys and prefixes by hashes alone: a report that may be shown around'),
  option('Output:', '--top <N>', `big keys that are named, of each kind; default ${DEFAULT_TOP}`, (text, name) =>
    parseCount(text, name, 1, MOST_TOP),
  ),
  option(
    'What is counted:',
    '--separator <CHARACTERS>',
    `prefixes of keys end behind one of these; '' for behind any; default ${DEFAULT_SEPARATORS}`,
    parseSeparators,
  ),
  option('What is counted:', '--depth <N>', `levels of prefixes; default ${DEFAULT_DEPTH}`, (text, name) =>
    parseCount(text, name, 1, MOST_DEPTH),
  ),
  option(
    'What is counted:',
    '--shards <N>',
    `shards of a cluster whose balance is told; default ${DEFAULT_SHARDS}`,
    (text, name) => parseCount(text, name, 1, MOST_SHARDS),
  ),
  option(
    'What is counted:',
    '--now <TIME>',
    'the moment at which keys have expired or not: 2026-11-23T12:00:00Z; default: now',
    parseMoment,
  ),
  option(
    'Memory:',
    '--memory-of <SERVER>',
    `whose memory is estimated: ${MODELLED_SERVERS.join(', ')}; default: the server that wrote the first FILE, or what is nearest to it`,
    parseOneOf(MODELLED_SERVERS, 'is no server whose memory is known.'),
  ),
  option(
    'Memory:',
    '--allocator <NAME>',
    `its allocator: ${ALLOCATORS.join(', ')}; jemalloc-16 is that of Debian's and Ubuntu's packages; default jemalloc`,
    parseOneOf(ALLOCATORS, 'is no allocator that is known.'),
  ),
  ...keyOptions('Which keys:'),
  option(
    PLACE,
    '--work-dir <DIR>',
    'folder for unpacked copies of packed files, which go at the end; default: beside each FILE',
  ),
  option(
    SCREEN,
    '--json',
    'the report as one JSON object on standard output; progress as JSON lines on standard error',
  ),
  option(SCREEN, '--quiet', 'show nothing but what went wrong'),
];

/** Options that choose among a file's keys. */
const keyOptions = (group: string): Option[] => [
  option(group, '--only-db <DBS>', 'databases of the files: 0,1; default all', (text, name, before?: number[]) =>
    parseDbs(text, name, before),
  ),
  option(
    group,
    '--match <GLOB>',
    "keys that match, as KEYS has it: 'user:*'; may be repeated, one match is enough",
    (text, _, before?: string[]) => [...(before ?? []), text],
  ),
  option(group, '--type <TYPES>', `kinds of values: ${VALUE_KINDS.join(',')}; default all`, parseKinds),
];

/** Those of a restore, for what becomes one; `--ignore-tail` is about append-only files. */
const loadOptionList = (): Option[] => [
  option(
    'Input:',
    '--shape <NAME>',
    `what the lines are: ${LINE_SHAPES.join(', ')}; default auto, by the first line of each FILE`,
    parseOneOf(LINE_SHAPES, 'is no shape of lines.'),
  ),
  option('An RDB instead of a server:', '-o, --output <FILE>', 'write an RDB that redis-server loads'),
  option(
    'An RDB instead of a server:',
    '--rdb-version <VERSION>',
    'its version: 9 to 15, or valkey:80; default the lowest that holds everything',
    parseRdbVersion,
  ),
  ...restoreOptionList().filter(({ long }) => long !== '--ignore-tail'),
];

const doctorOptionList = (): Option[] => [
  ...targetOptions(),
  option(
    PLACE,
    '--work-dir <DIR>',
    'folder for unpacked copies of packed files, which go at the end; default: beside each FILE',
  ),
  option(SCREEN, '--json', 'one JSON object on standard output; progress as JSON lines on standard error'),
  option(SCREEN, '--quiet', 'no progress'),
];

/** `1m`, as the options read it. */
const duration = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : formatSeconds(ms / 1000));

/**
 * Builds the command line. Parsing it throws: commander's own errors, help and version come as a CommanderError, wrong
 * values as a UsageError.
 */
export function buildProgram(actions: Actions, io: Io): Command {
  const program = new Command('keyferry')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Told by whoever catches the error, in the same form as all other errors.
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(columnsOfStream(io.stdout), WIDEST_HELP),
      getErrHelpWidth: () => Math.min(columnsOfStream(io.stderr), WIDEST_HELP),
      getOutHasColors: () => styleFor(io.stdout, io.env) === colourStyle,
      getErrHasColors: () => styleFor(io.stderr, io.env) === colourStyle,
    })
    .configureHelp(helpLook)
    .description('Ferries Redis and Valkey data from RDB files into live servers: verified, parallel, resumable.')
    .version(version, '-V, --version', 'show the version')
    .addHelpOption(new Option('-h, --help', 'show this help'))
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .usage('COMMAND ...')
    .addHelpText('after', rootHelp);
  const restore = program
    .command('restore')
    .summary('write the keys of RDB files into a live server')
    .description(restoreHelp.about)
    .usage('FILE... --to URL [options]')
    .argument('[FILE...]', 'RDB files, packed or not; - is standard input. Several files are one job.')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', restoreHelp.after);
  restore.action((files: string[], flags: RestoreFlags) => actions.restore(files, flags));
  for (const each of restoreOptionList()) restore.addOption(each);
  const plan = program
    .command('plan')
    .summary('show what RDB files hold and prove that they are whole')
    .description(planHelp.about)
    .usage('FILE... [options]')
    .argument('[FILE...]', 'RDB files, packed or not; - is standard input')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', planHelp.after);
  plan.action((files: string[], flags: PlanFlags) => actions.plan(files, flags));
  for (const each of planOptionList()) plan.addOption(each);
  const decode = program
    .command('decode')
    .summary('write RDB files as JSON Lines')
    .description(decodeHelp.about)
    .usage('FILE... [-o FILE] [options]')
    .argument('[FILE...]', 'RDB files, packed or not; - is standard input. Their lines come one after the other.')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', decodeHelp.after);
  decode.action((files: string[], flags: DecodeFlags) => actions.decode(files, flags));
  for (const each of decodeOptionList()) decode.addOption(each);
  const load = program
    .command('load')
    .summary('write JSON Lines into a live server, or into an RDB')
    .description(loadHelp.about)
    .usage('FILE... (--to URL | -o FILE) [options]')
    .argument('[FILE...]', 'JSON Lines as decode writes them, packed or not; - is standard input')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', loadHelp.after);
  load.action((files: string[], flags: LoadFlags) => actions.load(files, flags));
  for (const each of loadOptionList()) load.addOption(each);
  const inspect = program
    .command('inspect')
    .summary('show what fills the memory: types, prefixes, expiries, big keys')
    .description(inspectHelp.about)
    .usage('FILE... [options]')
    .argument('[FILE...]', 'RDB files, packed or not; - is standard input. They are counted together.')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', inspectHelp.after);
  inspect.action((files: string[], flags: InspectFlags) => actions.inspect(files, flags));
  for (const each of inspectOptionList()) inspect.addOption(each);
  const doctor = program
    .command('doctor')
    .summary('check a target, and whether RDB files fit into it; write nothing')
    .description(doctorHelp.about)
    .usage('--to URL [FILE...] [options]')
    .argument('[FILE...]', 'RDB files, packed or not; - is standard input')
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', doctorHelp.after);
  doctor.action((files: string[], flags: DoctorFlags) => actions.doctor(files, flags));
  for (const each of doctorOptionList()) doctor.addOption(each);
  return program;
}

/** Commander leaves the escape sequences out where there is no colour. */
const helpLook: HelpConfiguration = {
  subcommandTerm: (command) => `${command.name()} ${command.usage().replace(' [options]', '')}`.trimEnd(),
  styleTitle: (text) => colourStyle.bold(text),
  styleOptionTerm: (text) => colourStyle.cyan(text),
  styleSubcommandTerm: (text) => colourStyle.cyan(text),
};
