// What `keyferry plan` can be told.
import type { Command, Option } from 'commander';
import { planHelp } from './help.ts';
import { addCommand, option, type Run, SCREEN, workOptions } from './option-groups.ts';
import type { PlanFlags } from './plan-command.ts';

const planOptionList = (): Option[] => [
  ...workOptions(),
  option('The plan:', '--no-write', 'read and show, and write no plan'),
  option('The plan:', '--fresh', 'plan anew even where a plan of the same file stands'),
  option(SCREEN, '--json', 'one JSON object on standard output; progress as JSON lines on standard error'),
  option(SCREEN, '--quiet', 'no progress'),
];

/** The command and its options. */
export function definePlan(program: Command, run: Run<PlanFlags>): void {
  addCommand(
    program,
    'plan',
    {
      summary: 'show what RDB files hold and prove that they are whole',
      help: planHelp,
      usage: 'FILE... [options]',
      words: ['[FILE...]', 'RDB files, packed or not; - is standard input'],
    },
    planOptionList(),
    run,
  );
}
