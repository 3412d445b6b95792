// The command line: joins the commands, each of which says itself what it can be told. What they do is given from outside.
import { Command, type HelpConfiguration, Option } from 'commander';
import { version } from '../lib/version.ts';
import type { BackupsFlags } from './backups-command.ts';
import type { DecodeFlags } from './decode-command.ts';
import { defineAws, type RunAws } from './define-aws.ts';
import { defineBackups } from './define-backups.ts';
import { defineDecode } from './define-decode.ts';
import { defineDoctor } from './define-doctor.ts';
import { defineDump } from './define-dump.ts';
import { defineInspect } from './define-inspect.ts';
import { defineLoad } from './define-load.ts';
import { definePlan } from './define-plan.ts';
import { defineRestore } from './define-restore.ts';
import { defineRump } from './define-rump.ts';
import { defineVerify } from './define-verify.ts';
import type { DoctorFlags } from './doctor-command.ts';
import type { DumpFlags } from './dump-command.ts';
import { rootHelp } from './help.ts';
import type { InspectFlags } from './inspect-command.ts';
import { columnsOfStream, type Io } from './io.ts';
import type { LoadFlags } from './load-command.ts';
import type { Run } from './option-groups.ts';
import type { PlanFlags } from './plan-command.ts';
import type { RestoreFlags } from './restore-options.ts';
import type { RumpFlags } from './rump-command.ts';
import { colourStyle, styleFor } from './style.ts';
import type { VerifyFlags } from './verify-command.ts';

export interface Actions {
  readonly restore: Run<RestoreFlags>;
  readonly plan: Run<PlanFlags>;
  readonly decode: Run<DecodeFlags>;
  readonly load: Run<LoadFlags>;
  readonly inspect: Run<InspectFlags>;
  readonly doctor: Run<DoctorFlags>;
  readonly aws: RunAws;
  readonly rump: Run<RumpFlags>;
  readonly dump: Run<DumpFlags>;
  readonly verify: Run<VerifyFlags>;
  readonly backups: Run<BackupsFlags>;
}

/** Help wider than this is hard to read. */
const WIDEST_HELP = 100;

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
  defineRestore(program, actions.restore);
  definePlan(program, actions.plan);
  defineDecode(program, actions.decode);
  defineLoad(program, actions.load);
  defineInspect(program, actions.inspect);
  defineDoctor(program, actions.doctor);
  defineAws(program, actions.aws);
  defineRump(program, actions.rump);
  defineDump(program, actions.dump);
  defineVerify(program, actions.verify);
  defineBackups(program, actions.backups);
  return program;
}

/** Commander leaves the escape sequences out where there is no colour. */
const helpLook: HelpConfiguration = {
  subcommandTerm: (command) => `${command.name()} ${command.usage().replace(/ ?\[options\]/, '')}`.trimEnd(),
  styleTitle: (text) => colourStyle.bold(text),
  styleOptionTerm: (text) => colourStyle.cyan(text),
  styleSubcommandTerm: (text) => colourStyle.cyan(text),
};
