// The command that a person will want next when a restore has ended, if there is one.
import { LocalError, TargetError } from '../lib/errors.ts';
import type { RestoreReport } from '../lib/jobs/report.ts';
import { STDIN } from '../lib/sources/rdb/input.ts';
import { printable } from './format.ts';
import { type ResumeCommand, resumeCommand } from './resume-command.ts';

export interface NextStep {
  readonly resume: ResumeCommand;
  /** For standard error, with its line end. */
  readonly text: string;
}

export interface EndedJob {
  readonly report: RestoreReport;
  /** Keys were written, now or by an earlier run. */
  readonly begun: boolean;
  readonly defect: boolean;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** `undefined` where the same command again would do nothing useful. */
export function nextStep({ report, begun, defect, argv, env }: EndedJob): NextStep | undefined {
  const { outcome, dryRun } = report;
  const piped = argv.slice(2).includes(STDIN);
  if (dryRun) {
    if (outcome !== 'complete') return undefined;
    return step('To do it:', resumeCommand(argv, env, ['--dry-run']), piped);
  }
  const resume = resumeCommand(argv, env);
  if (outcome === 'interrupted') return step(afterRemedy(report), resume, piped);
  if (outcome === 'partial' && report.keys.failed.length > 0) {
    return step('When the reasons are gone, this tries the refused keys again:', resume, piped);
  }
  const canGoOn = defect || report.error instanceof TargetError || report.error instanceof LocalError;
  if (outcome === 'stopped' && begun && canGoOn) return step(afterRemedy(report), resume, piped);
  return undefined;
}

/** Most errors say themselves that the same command goes on. */
const afterRemedy = ({ error }: RestoreReport): string =>
  /goes on from here\.$/.test(error?.remedy ?? '') ? '' : 'To go on from here:';

function step(intro: string, resume: ResumeCommand, piped: boolean): NextStep {
  const lines = [
    intro,
    `  ${printable(resume.command)}`,
    piped ? '(Pipe the same input into it again.)' : '',
    resume.passwordLeftOut ? '(The password is left out: set KEYFERRY_PASSWORD, or write it back into the URL.)' : '',
  ];
  return {
    resume,
    text: lines
      .filter((line) => line !== '')
      .map((line) => `${line}\n`)
      .join(''),
  };
}
