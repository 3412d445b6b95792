// What `keyferry verify` can be told.
import type { Command, Option } from 'commander';
import { VERIFY_LEVELS } from '../lib/jobs/verify/levels.ts';
import { verifyHelp } from './help.ts';
import { addCommand, option, PLACE, type Run, SCREEN } from './option-groups.ts';
import { parseOneOf } from './parse.ts';
import type { VerifyFlags } from './verify-command.ts';

const verifyOptionList = (): Option[] => [
  option(
    'How deep:',
    '--level <LEVEL>',
    'quick: names, sizes, ends; checksum: every byte; full: every key too; restore: a server of this machine loads it; default full',
    parseOneOf(VERIFY_LEVELS, 'is no level.'),
  ),
  option(
    PLACE,
    '--work-dir <DIR>',
    "folder for what a verification needs meanwhile; default: the system's temporary one",
  ),
  option(SCREEN, '--json', 'one JSON object on standard output; progress as JSON lines on standard error'),
  option(SCREEN, '--quiet', 'show nothing but what is wrong'),
];

/** The command and its options. */
export function defineVerify(program: Command, run: Run<VerifyFlags>): void {
  addCommand(
    program,
    'verify',
    {
      summary: 'prove that a backup is whole and can be restored',
      help: verifyHelp,
      usage: 'BACKUP... [options]',
      words: ['[BACKUP...]', 'manifests, or the folders or files of backups; also as s3://BUCKET/…'],
    },
    verifyOptionList(),
    run,
  );
}
