// What `keyferry doctor` can be told.
import type { Command, Option } from 'commander';
import type { DoctorFlags } from './doctor-command.ts';
import { doctorHelp } from './help.ts';
import { addCommand, option, PLACE, type Run, SCREEN, targetOptions } from './option-groups.ts';

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

/** The command and its options. */
export function defineDoctor(program: Command, run: Run<DoctorFlags>): void {
  addCommand(
    program,
    'doctor',
    {
      summary: 'check a target, and whether RDB files fit into it; write nothing',
      help: doctorHelp,
      usage: '--to URL [FILE...] [options]',
      words: ['[FILE...]', 'RDB files, packed or not; - is standard input'],
    },
    doctorOptionList(),
    run,
  );
}
