// What `keyferry backups` can be told.
import type { Command, Option } from 'commander';
import type { BackupsFlags } from './backups-command.ts';
import { backupsHelp } from './help.ts';
import { addCommand, option, type Run, SCREEN } from './option-groups.ts';
import { parseCount } from './parse.ts';

const KEEP = 'What prune keeps, of each source:';
const MOST_KEPT = 100_000;

const backupsOptionList = (): Option[] => [
  ...(['last', 'daily', 'weekly'] as const).map((rule) =>
    option(
      KEEP,
      `--keep-${rule} <N>`,
      rule === 'last'
        ? 'the newest N'
        : `the newest of each of the newest N ${rule === 'daily' ? 'days' : 'weeks'} that have one`,
      (text, name) => parseCount(text, name, 0, MOST_KEPT),
    ),
  ),
  option(KEEP, '--dry-run', 'show what would go, and remove nothing'),
  option(SCREEN, '--json', 'one JSON object on standard output'),
];

/** The command and its options. */
export function defineBackups(program: Command, run: Run<BackupsFlags>): void {
  addCommand(
    program,
    'backups',
    {
      summary: 'list the backups in a folder, or remove old ones',
      help: backupsHelp,
      usage: '(list | prune) DIR [options]',
      words: ['[WORDS...]', 'list or prune, and the folder that the backups are in, also s3://BUCKET/FOLDER'],
    },
    backupsOptionList(),
    run,
  );
}
