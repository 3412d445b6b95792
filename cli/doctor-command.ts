// `keyferry doctor`: checks a target, and files against it, and shows what it found.
import { InterruptedError, UsageError } from '../lib/errors.ts';
import { type DoctorReport, doctor } from '../lib/jobs/doctor.ts';
import { displayLook, displayMode } from './display-options.ts';
import { renderDoctor } from './doctor-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { columnsOfStream, type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { ProgressDisplay } from './progress-display.ts';
import { checkFiles, type TargetFlags, targetOf } from './restore-options.ts';
import { stopOnSignals } from './signals.ts';
import { styleFor } from './style.ts';
import { version } from './version.ts';
import { WatchedProgress } from './watched-progress.ts';

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
  const exitCode = exitCodeOf(report);
  if (flags.json) {
    await write(io.stdout, jsonLine(doctorJson(report, exitCode)));
  } else {
    const columns = io.stdout.isTTY ? Math.min(columnsOfStream(io.stdout), WIDEST) : WIDEST;
    await write(io.stdout, renderDoctor(report, styleFor(io.stdout, io.env), columns));
  }
  return exitCode;
}

async function examine(files: readonly string[], to: string, flags: DoctorFlags, io: Io): Promise<DoctorReport> {
  const target = targetOf(to, flags, io);
  const progress = new WatchedProgress();
  const display = new ProgressDisplay({
    progress,
    stream: io.stderr,
    mode: displayMode(flags, io),
    look: displayLook(io),
  });
  const stop = stopOnSignals({ onFirst: () => display.stopping('Stopping.'), onSecond: () => display.stop() });
  const { mode, addressMap, workDir } = flags;
  display.start();
  try {
    return await doctor({ target, mode, addressMap, files, workDir, stdin: io.stdin, progress, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new InterruptedError('INTERRUPTED', 'the checks were told to stop.', { remedy: 'Nothing was written.' });
  } finally {
    display.stop();
    stop.release();
  }
}

/** A bad file first: whether it fits was not asked then. */
function exitCodeOf({ findings }: DoctorReport): ExitCode {
  const problems = findings.filter(({ verdict }) => verdict === 'problem');
  if (problems.some(({ check }) => check === 'file')) return EXIT.input;
  return problems.length > 0 ? EXIT.target : EXIT.complete;
}

/** Absent values are `null`. */
function doctorJson({ target, findings }: DoctorReport, exitCode: ExitCode): object {
  return {
    keyferry: version,
    exitCode,
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
