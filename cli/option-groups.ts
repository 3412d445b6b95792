// Options that several commands have, and how an option and a command are made.
import { type Command, Option } from 'commander';
import {
  CONNECTIONS_IN_CLUSTER,
  DEFAULT_BIG_KEY_BYTES,
  DEFAULT_CONNECTIONS,
  DEFAULT_PATIENCE_MS,
  DEFAULT_REPLY_TIMEOUT_MS,
} from '../lib/jobs/restore-job.ts';
import { VALUE_KINDS } from '../lib/rdb/types.ts';
import { DEFAULT_CHUNK_BYTES } from '../lib/sources/rdb/plan.ts';
import { formatSeconds } from './format.ts';
import {
  parseAddressMap,
  parseCount,
  parseDbMap,
  parseDbs,
  parseDuration,
  parseKinds,
  parseMode,
  parseOneOf,
  parsePolicy,
  parseSizeWithin,
  parseWait,
} from './parse.ts';

const LEAST_CHUNK_BYTES = 1024;
const MOST_CHUNK_BYTES = 1024 ** 3;
const LEAST_BIG_KEY_BYTES = 1024;
const MOST_BIG_KEY_BYTES = 2 ** 40;
const MOST_SOCKETS = 256;

/** Reads an option's value; `before` is what the same option gave earlier in the command line. */
type Read<T> = (text: string, option: string, before: T | undefined) => T;

/** An option under a heading of the help. */
export function option<T>(group: string, flags: string, description: string, read?: Read<T>): Option {
  const made = new Option(flags, description).helpGroup(group);
  const name = made.long ?? flags;
  return read === undefined ? made : made.argParser((text: string, before: T | undefined) => read(text, name, before));
}

/** `1m`, as the options read it. */
export const duration = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : formatSeconds(ms / 1000));

export const TARGET = 'Target:';
export const PLACE = 'Where work files go:';
export const SCREEN = 'What is shown:';

/** Runs a command: what stands on the command line besides options, and these. */
export type Run<Flags> = (words: string[], flags: Flags) => Promise<void>;

export interface CommandWords {
  /** For the list of commands. */
  readonly summary: string;
  readonly help: { readonly about: string; readonly after: string };
  readonly usage: string;
  /** What stands beside the options. */
  readonly words?: readonly [name: string, description: string];
}

/** Adds a command, its options in the order of its help. */
export function addCommand<Flags>(
  program: Command,
  name: string,
  { summary, help, usage, words }: CommandWords,
  options: readonly Option[],
  run: Run<Flags>,
): void {
  const command = program
    .command(name)
    .summary(summary)
    .description(help.about)
    .usage(usage)
    .addHelpOption(option(SCREEN, '-h, --help', 'show this help'))
    .addHelpText('after', help.after);
  if (words === undefined) {
    command.action((flags: Flags) => run([], flags));
  } else {
    command.argument(...words);
    command.action((given: string | string[] = [], flags: Flags) => run([given].flat(), flags));
  }
  for (const each of options) command.addOption(each);
}

export const workOptions = (): Option[] => [
  option(PLACE, '--work-dir <DIR>', 'folder for plans, ledgers and unpacked copies; default: beside each FILE'),
  option(
    PLACE,
    '--chunk-bytes <SIZE>',
    `size from which a chunk is closed: the unit of work, and of what is sent again after a crash; default ${DEFAULT_CHUNK_BYTES / 2 ** 20}MiB`,
    (text, name) => parseSizeWithin(text, name, LEAST_CHUNK_BYTES, MOST_CHUNK_BYTES),
  ),
];

/** Which server is meant, and how it is reached. */
export const targetOptions = (): Option[] => [
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

/** Options that choose among a file's keys. */
export const keyOptions = (group: string): Option[] => [
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

/** What becomes of keys on their way into a server: of those that exist, of expiries, of databases. */
export const writingOptions = (keys: string): Option[] => [
  option(
    TARGET,
    '--on-conflict <POLICY>',
    'keys that exist: panic stops at the first, rewrite replaces them wholly, skip leaves them (none and ignore mean panic and skip); default panic',
    parsePolicy,
  ),
  option(TARGET, '--ttl-shift <DURATION>', 'added to every expiry: +7d, --ttl-shift=-1h; default 0', parseDuration),
  option(TARGET, '--no-expire', 'write everything without expiry; what has expired already is still left out'),
  ...keyOptions(keys),
  option(keys, '--db-map <MAP>', 'databases change their number: 1:0,9:2', (text, name, before?: Map<number, number>) =>
    parseDbMap(text, name, before),
  ),
  option(keys, '--merge-dbs', 'all databases go into one: the one in the URL, else 0; in a cluster there is no other'),
];

/** How many sockets there are, and how large values go. */
export const bulkOptions = (pace: string): Option[] => [
  option(
    pace,
    '--connections <N>',
    `sockets to each server of the target; default ${DEFAULT_CONNECTIONS}, in a cluster ${CONNECTIONS_IN_CLUSTER}`,
    (text, name) => parseCount(text, name, 1, MOST_SOCKETS),
  ),
  option(
    pace,
    '--big-key-bytes <SIZE>',
    `values from this size on are built under a temporary name, in parts; default ${DEFAULT_BIG_KEY_BYTES / 2 ** 20}MiB`,
    (text, name) => parseSizeWithin(text, name, LEAST_BIG_KEY_BYTES, MOST_BIG_KEY_BYTES),
  ),
];

/** How long servers are waited for. @param who is waited for: "a target that is loading, busy or gone" */
export const patienceOptions = (pace: string, who: string): Option[] => [
  option(
    pace,
    '--retry-for <DURATION>',
    `how long ${who} is waited for; default ${duration(DEFAULT_PATIENCE_MS)}`,
    (text, name) => parseWait(text, name, 0),
  ),
  option(
    pace,
    '--reply-timeout <DURATION>',
    `how long one answer may take; default ${duration(DEFAULT_REPLY_TIMEOUT_MS)}`,
    (text, name) => parseWait(text, name, 1),
  ),
];

/** What a job that writes keys shows. */
export const reportOptions = (): Option[] => [
  option(
    SCREEN,
    '--json',
    'one JSON object on standard output when it has ended; progress as JSON lines on standard error',
  ),
  option(SCREEN, '--report <FILE>', 'write the same JSON to a file, every refused key in it'),
  option(SCREEN, '--quiet', 'show nothing but what went wrong'),
];

/** Which of a shard's servers is read. */
export const preferOption = (group: string): Option =>
  option(
    group,
    '--prefer <ROLE>',
    'replica: read a replica that is online, of each master that has one; default master',
    parseOneOf(['master', 'replica'] as const, 'is no role of a server.'),
  );
