// What `keyferry load` can be told.
import type { Command, Option } from 'commander';
import { LINE_SHAPES } from '../lib/sources/json/json-records.ts';
import { restoreOptionList } from './define-restore.ts';
import { loadHelp } from './help.ts';
import type { LoadFlags } from './load-command.ts';
import { addCommand, option, type Run } from './option-groups.ts';
import { parseOneOf, parseRdbVersion } from './parse.ts';

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

/** The command and its options. */
export function defineLoad(program: Command, run: Run<LoadFlags>): void {
  addCommand(
    program,
    'load',
    {
      summary: 'write JSON Lines into a live server, or into an RDB',
      help: loadHelp,
      usage: 'FILE... (--to URL | -o FILE) [options]',
      words: ['[FILE...]', 'JSON Lines as decode writes them, packed or not; - is standard input'],
    },
    loadOptionList(),
    run,
  );
}
