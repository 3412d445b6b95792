// What `keyferry decode` can be told.
import type { Command, Option } from 'commander';
import { SHAPE_NAMES } from '../lib/targets/json/shape.ts';
import type { DecodeFlags } from './decode-command.ts';
import { decodeHelp } from './help.ts';
import { addCommand, keyOptions, option, type Run, SCREEN } from './option-groups.ts';
import { PACKINGS, parseCount, parseOneOf, parseSizeWithin } from './parse.ts';

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

/** The command and its options. */
export function defineDecode(program: Command, run: Run<DecodeFlags>): void {
  addCommand(
    program,
    'decode',
    {
      summary: 'write RDB files as JSON Lines',
      help: decodeHelp,
      usage: 'FILE... [-o FILE] [options]',
      words: ['[FILE...]', 'RDB files, packed or not; - is standard input. Their lines come one after the other.'],
    },
    decodeOptionList(),
    run,
  );
}
