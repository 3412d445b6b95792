// What `keyferry rump` can be told.
import type { Command, Option } from 'commander';
import { DEFAULT_DUMP_BYTES } from '../lib/sources/scan/scan-source.ts';
import { SCAN_CLOUDS } from '../lib/sources/scan/spelling.ts';
import { rumpHelp } from './help.ts';
import {
  addCommand,
  bulkOptions,
  option,
  PLACE,
  patienceOptions,
  preferOption,
  type Run,
  reportOptions,
  targetOptions,
  writingOptions,
} from './option-groups.ts';
import { parseAddressMap, parseCount, parseOneOf, parseRate, parseSizeWithin } from './parse.ts';
import type { RumpFlags } from './rump-command.ts';

const SOURCE = 'Source:';
const KEYS = 'Which keys, and where to:';
const PACE = 'Pace and patience:';
const JOB = 'The job:';
const LEAST_BYTES = 1024;
const MOST_BYTES = 2 ** 40;
const MOST_SOCKETS = 256;
const MOST_COUNT = 1_000_000;
const MOST_PASSES = 100;

const MIB = 2 ** 20;
const count = (most: number) => (text: string, name: string) => parseCount(text, name, 1, most);
const size = (text: string, name: string) => parseSizeWithin(text, name, LEAST_BYTES, MOST_BYTES);

const sourceOptions = (): Option[] => [
  option(
    SOURCE,
    '--from <URL>',
    'the server, or any node of a cluster, as --to has it; its password is in KEYFERRY_SOURCE_PASSWORD, or in the URL (required)',
  ),
  option(
    SOURCE,
    '--from-tls-ca <FILE>',
    'CAs to trust, in PEM, or a self-signed certificate; default: the public ones',
  ),
  option(SOURCE, '--from-tls-cert <FILE>', 'certificate to show to the source, where it asks for one; PEM'),
  option(SOURCE, '--from-tls-key <FILE>', 'key of --from-tls-cert, without a pass phrase; PEM'),
  option(SOURCE, '--from-tls-server-name <NAME>', "name in the source's certificate; default: the URL's host"),
  option(
    SOURCE,
    '--from-sentinel-user <NAME>',
    'user of its sentinels, where they have users; its password is in KEYFERRY_SENTINEL_PASSWORD',
  ),
  option(
    SOURCE,
    '--from-address-map <MAP>',
    'where its nodes are reached, if not at the address that they announce: 10.0.0.7:6379=203.0.113.7:7001; with commas',
    (text, name, before?: Map<string, string>) => parseAddressMap(text, name, before),
  ),
  preferOption(SOURCE),
  option(
    SOURCE,
    '--cloud <KIND>',
    `a proxy before a cluster that wants the node named: ${SCAN_CLOUDS.join(', ')}`,
    parseOneOf(SCAN_CLOUDS, 'is no such proxy.'),
  ),
  option(SOURCE, '--key-file <FILE>', 'read the keys in this file, one on each line, instead of scanning'),
  option(
    SOURCE,
    '--access-times',
    'take along idle times (LRU) or frequencies (LFU), whichever the source keeps for eviction',
  ),
];

const rumpOptionList = (): Option[] => [
  ...sourceOptions(),
  ...targetOptions(),
  ...writingOptions(KEYS),
  option(
    PACE,
    '--rate <RATE>',
    'read at most so many bytes, or keys, a second: 50MB/s or 20000keys/s or both with a comma',
    parseRate,
  ),
  option(PACE, '--count <N>', 'names that one SCAN asks for, at most; default 4096', count(MOST_COUNT)),
  option(PACE, '--from-connections <N>', 'sockets to each node of the source; default 2', count(MOST_SOCKETS)),
  option(
    PACE,
    '--dump-bytes <SIZE>',
    `values that take so much of the source's memory are not read by one DUMP but in parts; default ${DEFAULT_DUMP_BYTES / MIB}MiB`,
    size,
  ),
  ...bulkOptions(PACE),
  ...patienceOptions(PACE, 'a server that is loading, busy or gone'),
  option(
    JOB,
    '--passes <N>',
    'scan so often; from the second time on only keys that have changed since are written; default 1',
    count(MOST_PASSES),
  ),
  option(JOB, '--fresh', 'forget the ledger of earlier runs and begin anew'),
  option(JOB, '--force', 'go on where only an estimate of memory speaks against it'),
  option(
    PLACE,
    '--work-dir <DIR>',
    'folder for the ledger, and for what memory has no room for; default: the current one',
  ),
  ...reportOptions(),
];

/** The command and its options. */
export function defineRump(program: Command, run: Run<RumpFlags>): void {
  addCommand(
    program,
    'rump',
    {
      summary: 'copy a live server into another by SCAN, where replication is not to be had',
      help: rumpHelp,
      usage: '--from URL --to URL [options]',
    },
    rumpOptionList(),
    run,
  );
  program.commands.find((command) => command.name() === 'rump')?.alias('scan');
}
