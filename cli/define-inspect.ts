// What `keyferry inspect` can be told.
import type { Command, Option } from 'commander';
import { DEFAULT_DEPTH, DEFAULT_SEPARATORS, DEFAULT_SHARDS, DEFAULT_TOP } from '../lib/jobs/inspect.ts';
import { ALLOCATORS } from '../lib/targets/inspect/allocator.ts';
import { MODELLED_SERVERS } from '../lib/targets/inspect/servers.ts';
import { inspectHelp } from './help.ts';
import type { InspectFlags } from './inspect-command.ts';
import { addCommand, keyOptions, option, PLACE, type Run, SCREEN } from './option-groups.ts';
import { parseCount, parseMoment, parseOneOf, parseSeparators } from './parse.ts';

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

/** The command and its options. */
export function defineInspect(program: Command, run: Run<InspectFlags>): void {
  addCommand(
    program,
    'inspect',
    {
      summary: 'show what fills the memory: types, prefixes, expiries, big keys',
      help: inspectHelp,
      usage: 'FILE... [options]',
      words: ['[FILE...]', 'RDB files, packed or not; - is standard input. They are counted together.'],
    },
    inspectOptionList(),
    run,
  );
}
