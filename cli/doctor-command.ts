// `keyferry doctor`: checks a target, and files against it, and shows what it found.
import { UsageError } from '../lib/errors.ts';
import { type DoctorReport, doctor } from '../lib/jobs/doctor.ts';
import { version } from '../lib/version.ts';
import { renderDoctor } from './doctor-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { columnsOfStream, type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { checkFiles, type TargetFlags, targetOf } from './restore-options.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface DoctorFlags extends TargetFlags {
  workDir?: string;
  json?: boolean;
  quiet?: boolean;
}

/** Wider than this, lines are hard to read; what is no terminal has no width of its own. */
const WIDEST = 100;

/** @throws {UsageError} `TO_MISSING`, `FILE_URL`, `STDIN_TERMINAL`, `TLS_FILE`, those of the URL; {LocalError} */
export async function doctorCommand(files: readonly string[], flags: DoctorFlags, io: Io): Promise<ExitCode> {
  if (files.length > 0) checkFiles(files, 'doctor', io);
  if (flags.to === undefined) {
    throw new UsageError('TO_MISSING', 'which server should be checked? --to URL names it.', {
      remedy: 'For example: keyferry doctor --to redis://127.0.0.1:6379',
    });
  }
  const report = await examine(files, flags.to, flags, io);
  const exitCode = exitCodeOfDoctor(report);
  if (flags.json) {
    await write(io.stdout, jsonLine({ keyferry: version, exitCode, ...findingsJson(report) }));
  } else {
    await write(io.stdout, renderDoctor(report, styleFor(io.stdout, io.env), doctorColumns(io)));
  }
  return exitCode;
}

async function examine(files: readonly string[], to: string, flags: DoctorFlags, io: Io): Promise<DoctorReport> {
  const target = targetOf(to, flags, io);
  const { mode, addressMap, workDir } = flags;
  const stopped = { message: 'the checks were told to stop.', remedy: 'Nothing was written.' };
  return withDisplay(flags, io, stopped, (progress, signal) =>
    doctor({ target, mode, addressMap, files, workDir, stdin: io.stdin, progress, signal }),
  );
}

export const doctorColumns = ({ stdout }: Io): number =>
  stdout.isTTY ? Math.min(columnsOfStream(stdout), WIDEST) : WIDEST;

/** A bad file first: whether it fits was not asked then. */
export function exitCodeOfDoctor({ findings }: DoctorReport): ExitCode {
  const problems = findings.filter(({ verdict }) => verdict === 'problem');
  if (problems.some(({ check }) => check === 'file')) return EXIT.input;
  return problems.length > 0 ? EXIT.target : EXIT.complete;
}

/** Absent values are `null`. */
export function findingsJson({ target, findings }: DoctorReport): object {
  return {
    target,
    findings: findings.map(({ check, verdict, what, remedy = null, code = null }) => ({
      check,
      verdict,
      what,
      remedy,
      code,
    })),
  };
}
